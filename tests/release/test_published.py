"""Nothing is published over what is there, nor where nobody says that it is not."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from release import ReleaseError, published


class _Answers(BaseHTTPRequestHandler):
    """Answers a path with the status that it is told, and a token to who logs in."""

    statuses: dict[str, int]

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/token":
            login = base64.b64encode(b"ops:secret").decode()
            right = self.headers["Authorization"] == f"Basic {login}" and "scope=repository%3Aa%2Fimage%3Apull" in query
            self._answer(200 if right else 403, json.dumps({"token": "of-ops"}).encode())
        elif "private" in path and self.headers["Authorization"] != "Bearer of-ops":
            self._answer(401)
        else:
            self._answer(self.statuses.get(path, 404))

    do_HEAD = do_GET  # noqa: N815 (the name that http.server looks for)

    def _answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        """Say nothing."""


@pytest.fixture
def server():
    """A registry and an index at once; give its address and the statuses of its paths."""
    statuses: dict[str, int] = {}
    handler = type("Answers", (_Answers,), {"statuses": statuses})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=[0.02])
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}", statuses
        listening.shutdown()
        thread.join()


def test_version__is_there_or_not(server):
    """200 and 404 are the two answers that say something."""
    address, statuses = server
    statuses["/pypi/django-probe-gate/1.0.0/json"] = 200
    statuses["/v2/a/image/manifests/1.0.0"] = 200

    assert published.in_index("1.0.0", address)
    assert not published.in_index("1.0.1", address)
    assert published.in_registry("a/image", "1.0.0", address)
    assert not published.in_registry("a/image", "1.0.1", address)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_error__is_not_taken_for_an_empty_place(server, status):
    """A registry that is down or refuses might have the version: the release stops."""
    address, statuses = server
    statuses["/v2/a/image/manifests/1.0.0"] = status

    with pytest.raises(ReleaseError, match=f"answered {status}, which does not say whether the version is there"):
        published.in_registry("a/image", "1.0.0", address)


def test_registry__that_cannot_be_reached_stops_a_release():
    """Nobody listens there."""
    with pytest.raises(ReleaseError, match=r"cannot be asked: .*; nothing is published"):
        published.in_registry("a/image", "1.0.0", "http://127.0.0.1:9")


def test_registry__is_asked_with_the_token_of_the_user(server, monkeypatch):
    """A private package looks empty to who has not logged in; a wrong password stops the release."""
    address, statuses = server
    statuses["/v2/a/image/manifests/private"] = 200
    monkeypatch.setenv("REGISTRY_USER", "ops")
    monkeypatch.setenv("REGISTRY_TOKEN", "secret")
    assert published.in_registry("a/image", "private", address)

    monkeypatch.setenv("REGISTRY_TOKEN", "wrong")
    with pytest.raises(ReleaseError, match="gave no token, but 403"):
        published.in_registry("a/image", "private", address)


@pytest.mark.parametrize("arguments", [[], ["1.0.0", "npm"]])
def test_question__that_is_none_is_refused(arguments, capsys):
    """A place that is not known is not taken for an empty one."""
    assert published.main(arguments) == 2
    assert capsys.readouterr().err == "usage: python -m release.published VERSION [pypi | image | chart ...]\n"


def test_version__that_is_there_stops_the_release(server, monkeypatch, capsys):
    """One line names what is there; the other places are asked all the same, or those that are named alone."""
    address, statuses = server
    monkeypatch.setattr(published, "REGISTRY", address)
    monkeypatch.setattr(published, "INDEX", address)
    statuses["/v2/django-probe/charts/django-probe/manifests/1.0.0-rc.1"] = 200

    assert published.main(["1.0.0rc1", "pypi", "image"]) == 0
    assert published.main(["1.0.0rc1"]) == 1
    assert capsys.readouterr().err == (
        "release.published: ghcr.io/django-probe/charts/django-probe:1.0.0-rc.1 is there already; nothing is "
        "replaced: release the next version\n"
    )
