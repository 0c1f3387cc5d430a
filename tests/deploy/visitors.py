"""gunicorn with the container's project, and visitors with cookies, as a browser or a proxy before it sends them."""

from __future__ import annotations

import http.client
import os
import re
import signal
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.cookies import Morsel, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tests import warm
from tests.deploy.conftest import KEPT, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.deploy.conftest import Deployment

STARTS_WITHIN = 90
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@dataclass
class Answer:
    """What the server answered."""

    status: int
    body: str
    headers: http.client.HTTPMessage
    set_cookies: dict[str, Morsel]


@dataclass
class Visitor:
    """Somebody with cookies; `headers` are sent with every request."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Answer:
        """Ask for a page."""
        return self._ask("GET", path, "")

    def post(self, path: str, **fields: str) -> Answer:
        """Fill in the form of the log-in page, with its CSRF token, and send it to a path."""
        token = TOKEN.search(self.get("/accounts/login/").body)[1]
        return self._ask("POST", path, urlencode({"csrfmiddlewaretoken": token, **fields}))

    def log_in(self, **fields: str) -> Answer:
        """Send the log-in form."""
        return self.post("/accounts/login/", **{"username": "ann", "password": "correct horse", **fields})

    def _ask(self, method: str, path: str, body: str) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with closing(connection):
            connection.request(method, path, body, {"Cookie": cookies, **kind, **self.headers})
            answer = connection.getresponse()
            text = answer.read().decode()
        given = SimpleCookie()
        for line in answer.headers.get_all("Set-Cookie", []):
            given.load(line)
        self.cookies |= {name: morsel.value for name, morsel in given.items()}
        return Answer(answer.status, text, answer.headers, dict(given))


@contextmanager
def serving(
    deployment: Deployment, *options: str, start: tuple[str, ...] = ("-m", "gunicorn"), **variables: str
) -> Iterator[tuple[int, Path]]:
    """Serve until the block ends; give the port, and the file with what the server said.

    `start` are the arguments with which Python becomes gunicorn.
    """
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    own = {"DATABASE_URL": f"sqlite:///{deployment.path}/db.sqlite3", "PYTHONDONTWRITEBYTECODE": "1"}
    log = deployment.path / "server.log"
    config = str(ROOT / "deploy" / "gunicorn.conf.py")
    with log.open("wb") as output:
        process = warm.start(
            [sys.executable, *start, "--config", config, "--bind", "127.0.0.1:0", *options, "deploy.wsgi"],
            cwd=deployment.path,
            env={**kept, **own, **deployment.environment, **variables},
            output=output.fileno(),
        )
    try:
        limit = time.monotonic() + STARTS_WITHIN
        while not (found := re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < limit, log.read_text()
            time.sleep(0.05)
        yield int(found[1]), log
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)
