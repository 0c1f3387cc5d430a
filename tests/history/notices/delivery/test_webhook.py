"""The POST of a webhook, to receivers that misbehave."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

import pytest

from django_probe.history.notices.delivery.errors import UndeliveredError
from django_probe.history.notices.delivery.webhook import post


def test_post__answer_that_drips():
    """A receiver that answers byte by byte has no more time than one that says nothing, and has not taken it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
                for _ in range(200):
                    connection.sendall(b"x")
                    time.sleep(0.02)

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(UndeliveredError, match="no answer within 1s"):
            post(f"http+cloudevents://127.0.0.1:{server.getsockname()[1]}/", b"{}", "", 1.0)
        thread.join()
