"""The checks of certificates, against real servers whose chains an authority of the tests signed."""

from __future__ import annotations

import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress
from socket import create_server

import pytest

from django_probe.contrib.checks.kinds import tls
from django_probe.http.wire import connecting
from django_probe.policy.declared.check import Check

A_DAY = 24 * 3600.0
KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
OF_AN_AUTHORITY = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign"


class Authority:
    """Signs certificates into a folder: one of its own, and an intermediate one that has two days left."""

    def __init__(self, folder):
        self.folder = folder
        usage = "-addext keyUsage=critical,keyCertSign,cRLSign"
        self.openssl(f"req -x509 {KEY} -days 90 -subj /CN=root {usage} -out root.pem -keyout root.key")
        self.sign("between", "root", OF_AN_AUTHORITY, days=2)

    def openssl(self, line):
        """Run openssl in the folder."""
        subprocess.run(["openssl", *line.split()], cwd=self.folder, check=True, capture_output=True)

    def sign(self, name, by, extensions, days):
        """Sign a certificate of a new key."""
        identifiers = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid"
        (self.folder / f"{name}.ext").write_text(f"{extensions}\n{identifiers}\n", encoding="utf-8")
        self.openssl(f"req {KEY} -subj /CN={name} -out {name}.csr -keyout {name}.key")
        signed = f"-CA {by}.pem -CAkey {by}.key -CAcreateserial -days {days} -extfile {name}.ext"
        self.openssl(f"x509 -req -in {name}.csr {signed} -out {name}.pem")

    def context(self, name, *chain):
        """Return the context of a server that sends these certificates."""
        sent = self.folder / f"{name}-sent.pem"
        sent.write_text("".join((self.folder / f"{each}.pem").read_text() for each in (name, *chain)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sent, self.folder / f"{name}.key")
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """The authority, and two servers' certificates: one good for 127.0.0.1, one for another name."""
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.sign("good", "between", "subjectAltName=IP:127.0.0.1", days=60)
    made.sign("other", "between", "subjectAltName=DNS:other.example", days=60)
    return made


@pytest.fixture(autouse=True)
def trusted(authority, monkeypatch):
    """The authority is trusted, and nobody else."""
    context = ssl.create_default_context(cafile=authority.folder / "root.pem")
    monkeypatch.setattr(tls, "trust", lambda: context)


@contextmanager
def serving(context):
    """A server with TLS that hears one client; its address."""
    with create_server(("127.0.0.1", 0)) as server:

        def serve():
            with suppress(OSError), context.wrap_socket(server.accept()[0], server_side=True) as connection:
                connection.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_tls__the_first_of_the_chain_that_ends(authority):
    """A certificate lasts no longer than each of those that vouch for it."""
    with serving(authority.context("good", "between")) as address:
        tls.run(Check("checks.cert", "cert", "tls", address, {"valid_for": A_DAY}))
    with serving(authority.context("good", "between")) as address, pytest.raises(AssertionError) as raised:
        tls.run(Check("checks.cert", "cert", "tls", address, {"valid_for": 30 * A_DAY}))

    assert ", and has to last 30 days" in str(raised.value)
    assert "in 48 hours" in str(raised.value) or "in 2 days" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "chain", "said"),
    [
        ("good", (), "unable to get local issuer certificate"),
        ("other", ("between",), "IP address mismatch, certificate is not valid for '127.0.0.1'."),
    ],
)
def test_tls__refused(authority, name, chain, said):
    """A chain that lacks a part, and a certificate of another name, are refused, and say so."""
    with serving(authority.context(name, *chain)) as address, pytest.raises(AssertionError) as raised:
        tls.run(Check("checks.cert", "cert", "tls", address))

    assert str(raised.value).startswith(f"{address}: its certificate was refused: {said}\n")


def test_certificate__of_no_connection_with_tls():
    """A connection without TLS has no certificate that could end."""
    assert connecting.certificate_end(object()) is None
