"""Fixtures of the declared checks: a project that has them, and a shop on the network with and without TLS."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from textwrap import indent
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.projects import new_project

# No Python and no Django changes what these ask.
_ONE_END = ("test_gate.py", "test_kinds.py", "test_probes.py", "test_sql.py", "test_steps.py", "test_urls.py")
collect_ignore = list(_ONE_END) if sys.version_info < (3, 13) else []


@dataclass
class Shop:
    """A real server of a small shop, and what it was asked: method, path, headers and body."""

    url: str
    requests: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)
    connections: int = 0
    release: str = "v41"

    def asked(self, path):
        """Return the requests of this path."""
        return [each for each in self.requests if urlsplit(each[1]).path == path]


WRONG = {
    "/round": (302, {"Location": "/round"}, b""),
    "/astray": (302, {"Location": "http://shop:99999999/?token=tok-4711"}, b""),
    "/odd": (200, {"Content-Type": "text/html; charset=idna"}, b"[" * 100_000),
}


class Pages(BaseHTTPRequestHandler):
    """What the shop answers, by path."""

    protocol_version = "HTTP/1.1"

    def setup(self):
        """Count the connection."""
        super().setup()
        self.server.shop.connections += 1

    def answer(self):
        """Keep what was asked, and answer it."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        shop = self.server.shop
        shop.requests.append((self.command, self.path, dict(self.headers), body))
        status, headers, content = self.page(urlsplit(self.path).path, parse_qs(body))
        self.send_response(status)
        for name, value in {"Content-Type": "text/html", "X-Release": shop.release, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = answer  # noqa: N815 (the library's names)

    def page(self, path, form):  # noqa: C901, PLR0911 (a page each)
        """Return the status, the headers and the content of a page."""
        known = "session=open" in self.headers.get("Cookie", "")
        if path in WRONG:
            return WRONG[path]
        match path:
            case "/slow":
                time.sleep(0.3)
            case "/stock":
                stock = {"status": "ok", "items": [{"name": "Teapot", "stock": 0}], "token": "tok-4711"}
                return 200, {"Content-Type": "application/json"}, json.dumps(stock).encode()
            case "/moved":
                return 302, {"Location": "/"}, b""
            case "/missing":
                return 404, {}, b"nothing of this name " * 100
            case "/broken":
                return 500, {}, (json.dumps({"echo": self.headers.get("Authorization")})).encode()
            case "/echo":
                sent = [self.path, self.headers.get("Cookie"), self.headers.get("X-Auth")]
                return 500, {}, repr(sent).encode()
            case "/login":
                right = form.get("password") == ["open-sesame-4711"]
                return 302 if right else 403, {"Location": "/account", "Set-Cookie": "session=open; Path=/"}, b""
            case "/account":
                return (200, {}, b"Welcome") if known else (403, {}, b"who are you")
            case "/orders":
                right = known and self.headers.get("Authorization") == "Bearer tok-4711"
                return (200, {}, b"two orders") if right else (403, {}, b"no orders")
        return 200, {}, b"<h1>Teapot shop</h1>"

    def log_message(self, *_arguments):
        """Say nothing."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """The file of a certificate of 127.0.0.1 that has a day left, and the file of its key."""
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "certificate.pem", folder / "key.pem"
    line = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=shop"
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*line.split(), *names, "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


def serve(context=None):
    """Yield the shop while it answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_arguments: None  # clients that go away: some tests make them
        port = server.server_address[1]
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.shop = Shop(f"{'https' if context else 'http'}://127.0.0.1:{port}")
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        yield server.shop
        server.shutdown()


@pytest.fixture(scope="module")
def shop():
    """The shop without TLS."""
    yield from serve()


@pytest.fixture(scope="module")
def secure_shop(certificate):
    """The shop with TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    yield from serve(context)


@dataclass
class Checked:
    """A project whose policy declares checks, and its runs."""

    site: object
    certificate: object

    def write(self, checks, gate=""):
        """Write the policy: the checks, and a gate of all of them."""
        policy = f"checks:\n{indent(checks.strip(), '  ')}\ngates:\n  deploy:\n    probes: [checks]\n"
        policy += indent(gate, "    ") + "\n"
        self.site.write("probe.yaml", policy)

    def run(self, checks, *options, gate="", **env):
        """Run the checks as a gate does; return the finished command and the results by label."""
        self.write(checks, gate)
        trusted = {"SSL_CERT_FILE": str(self.certificate[0])}
        done, record = self.site.record(
            "--policy", str(self.site.path / "probe.yaml"), "--gate", "deploy", *options, env={**trusted, **env}
        )
        return done, {each["label"].removeprefix("checks."): each for each in record["results"]}


@pytest.fixture(scope="module")
def checked(tmp_path_factory, certificate):
    """A project with the declared checks."""
    site = new_project(tmp_path_factory.mktemp("checked") / "site")
    site.apps = ["django_probe.contrib.checks"]
    site.configure()
    return Checked(site, certificate)
