"""Receivers of notices for tests: a webhook's and a mail server's, on free ports of this machine."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message


@dataclass
class Request:
    """What a webhook was sent."""

    path: str
    headers: Message
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The CloudEvent."""
        return json.loads(self.body)


@dataclass
class Webhook:
    """A server that takes every POST, answers with `status`, and keeps what it took where that was 2xx."""

    port: int = 0
    status: int = 200
    refused: int = 0
    taken: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What `notify` names."""
        return f"http+cloudevents://127.0.0.1:{self.port}/hook"

    @property
    def events(self) -> list[Request]:
        """The requests without those that brought an event again."""
        return list({request.event["id"]: request for request in self.taken}.values())

    @property
    def changes(self) -> list[str]:
        """What became of the gate, event by event."""
        return [request.event["data"]["change"] for request in self.events]


@contextmanager
def webhook(port: int = 0) -> Iterator[Webhook]:
    """Serve a webhook, on a port that is free or on this one."""
    made = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if made.status < 300:
                made.taken.append(Request(self.path, self.headers, body))
            else:
                made.refused += 1
            self.send_response(made.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        made.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Mail:
    """A mail server that takes every message for ops@shop.example."""

    port: int
    taken: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What `notify` names."""
        return f"mailto://127.0.0.1:{self.port}?from=probe@shop.example&to=ops@shop.example&mode=insecure"

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        """Take a message."""
        self.taken.append(envelope.content.decode())
        return "250 taken"


@contextmanager
def mail() -> Iterator[Mail]:
    """Serve SMTP on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:  # what was free a moment ago: aiosmtpd takes no 0
        made = Mail(free.getsockname()[1])
    controller = Controller(made, hostname="127.0.0.1", port=made.port)
    controller.start()
    try:
        yield made
    finally:
        controller.stop()
