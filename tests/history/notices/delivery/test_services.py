"""Notices that go out by apprise, in a process of its own."""

from __future__ import annotations

import pytest

from django_probe.history.notices.delivery import services
from django_probe.history.notices.delivery.errors import UndeliveredError
from tests.history.notices.sinks import mail, webhook
from tests.patience import PATIENCE


def test_mail__arrives(capfd):
    """A real mail server takes it, with the title as its subject; nothing is printed here."""
    with mail() as sink:
        title, body = "CLOSED: gate größe is closed", "1 probe\n- shop.TestShop.test_sells"
        services.send(sink.url, title=title, body=body, good=False, seconds=PATIENCE)
    (message,) = sink.taken
    assert "To: ops@shop.example" in message
    assert "Subject: " in message
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense://hush", "apprise knows no service of such a URL, or the URL lacks something"),
        ("slack://hush", "apprise knows no service of such a URL, or the URL lacks something"),
        ("json://a:hush@127.0.0.1:1/hush", "the service did not take it, or could not be reached"),
    ],
)
def test_what_fails__says_why_and_shows_nothing_of_the_url(url, why, capfd):
    """Apprise's own log has parts of the URL: nobody sees it."""
    with pytest.raises(UndeliveredError, match=r"apprise|service") as raised:
        services.send(url, title="t", body="b", good=True, seconds=PATIENCE)
    assert str(raised.value) == why
    assert capfd.readouterr() == ("", "")


def test_what_takes_too_long__is_killed_before_it_sends_anything():
    """The command ends after two seconds: what went on without it would be sent, and sent again."""
    with mail() as sink:
        with pytest.raises(UndeliveredError, match="not sent within 0s"):
            services.send(sink.url, title="t", body="b", good=True, seconds=0.01)
        services.send(sink.url, title="t", body="b", good=True, seconds=PATIENCE)
        assert len(sink.taken) == 1


def test_redirects__are_not_followed_though_the_url_says_so():
    """What the URL's owner did not name gets nothing."""
    with webhook() as sink:
        sink.status = 307
        with pytest.raises(UndeliveredError):
            services.send(
                f"json://127.0.0.1:{sink.port}/a?redirect=yes", title="t", body="b", good=True, seconds=PATIENCE
            )
    assert sink.refused == 1
