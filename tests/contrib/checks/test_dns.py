"""The checks of names, against a real name server."""

from __future__ import annotations

import socketserver
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from django_probe.contrib.checks.kinds import dns as kind
from django_probe.policy.declared.check import Check

RECORDS = {
    "shop.test.": {"A": ["192.0.2.10", "192.0.2.11"], "AAAA": ["2001:db8::1"]},
    "old.test.": {"A": ["192.0.2.9"]},
}


class Answers(socketserver.BaseRequestHandler):
    """What the name server knows."""

    def handle(self):
        """Answer one question."""
        data, sock = self.request
        query = dns.message.from_wire(data)
        (question,) = query.question
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        known = RECORDS.get(question.name.to_text())
        if known is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif found := known.get(kind := dns.rdatatype.to_text(question.rdtype)):
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
        sock.sendto(response.to_wire(), self.client_address)


@pytest.fixture(autouse=True)
def name_server(monkeypatch):
    """A real name server, in place of those of this machine."""
    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], server.server_address[1]
        monkeypatch.setattr(dns.resolver, "default_resolver", resolver)
        yield
        server.shutdown()


def check(name, **keys):
    """Return a check of a name."""
    return Check("checks.name", "name", "dns", name, keys)


def test_dns__all_are_there():
    """A name that has the addresses passes, of both families or of any; a name with one family has addresses."""
    kind.run(check("shop.test", has=("192.0.2.11", "2001:db8::1")))
    kind.run(check("old.test"))


@pytest.mark.parametrize(
    ("name", "keys", "said"),
    [
        ("shop.test", {"has": ("192.0.2.10", "192.0.2.99")}, "192.0.2.99 is not among its addresses, 192.0.2.10, 192"),
        ("old.test", {"has": ("2001:db8::1",)}, "it has no record AAAA"),
        ("nobody.test", {}, "no address: The DNS query name does not exist: nobody.test."),
    ],
)
def test_dns__difference(name, keys, said):
    """What is missing is named, with what came, and a line for a shell that asks the same."""
    with pytest.raises(AssertionError) as raised:
        kind.run(check(name, **keys))

    assert str(raised.value).startswith(f"{name}: {said}")
    assert f"dig +search {name} A" in str(raised.value)
