"""A probe that hangs says which server it waited for."""

from __future__ import annotations

from tests.execution.running import by_label

PROBES = """\
import http.client
import socket
import time
import unittest

from django.db import connections


class Client:
    def __init__(self, sock):
        self._sock = sock

    def ask(self):
        return self._sock.recv(1)


class Hung(type(connections["default"])):
    def connect(self):
        time.sleep(60)


class TestWaits(unittest.TestCase):
    def setUp(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.server.close)
        self.connected = socket.create_connection(self.server.getsockname())
        self.addCleanup(self.connected.close)
        print("port", self.server.getsockname()[1])

    def test_client(self):
        Client(self.connected).ask()

    def test_http(self):
        client = http.client.HTTPConnection(*self.server.getsockname())
        self.addCleanup(client.close)
        client.request("GET", "/")
        client.getresponse()

    def test_database(self):
        written = {**connections["default"].settings_dict, "HOST": "db.example", "PORT": 5432, "PASSWORD": "a-password"}
        Hung(written, "default").connect()

    def test_sleep(self):
        time.sleep(60)
"""


def test_a_timeout_names_the_server_that_was_waited_for(project):
    """Of a client, of an answer that is read, of a database; of what only sleeps, nothing is said."""
    project.app("shop", PROBES)
    project.write("db.sqlite3", "")  # the guard refuses to connect to a file that is not there
    _, record = project.record("--timeout", "1s", "--parallel", "4")
    ended = by_label(record)

    for name in ("test_client", "test_http"):
        port = ended[name]["output"].split()[1]
        assert ended[name]["message"].endswith(f", waiting for 127.0.0.1:{port}"), name
    assert ended["test_database"]["message"].endswith(", waiting for db.example:5432")
    assert ended["test_sleep"]["message"].startswith("timed out after 1 s in shop/probes.py:")
    assert "waiting for" not in ended["test_sleep"]["message"]
