"""Fixtures of the ready-made probes: what runs them, and the servers that they ask."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from base64 import b64encode
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests import servers
from tests.contrib.sites import GIVEN
from tests.projects import python


@pytest.fixture
def platform(project):
    """A project with the ready-made probes of the platform."""
    project.apps = ["django_probe.contrib.platform"]
    project.configure()
    return project


@pytest.fixture
def outcomes(project):
    """What runs the probes of a label as a gate does, and gives their results by label."""

    def run(label, **env):
        _, record = project.record(label, env=env)
        return {result["label"]: result for result in record["results"]}

    return run


@pytest.fixture
def outcome(outcomes):
    """What runs the one probe of a label, and gives its result."""

    def run(label, **env):
        (result,) = outcomes(label, **env).values()
        return result

    return run


@pytest.fixture
def results(site):
    """What runs the probes of a label in the module's project with settings of their own, and gives their results."""

    def run(label, **settings):
        # One worker, which imports once what all of them ask with.
        _, record = site.record(label, "--parallel", "1", env={GIVEN: json.dumps(settings)})
        return {result["label"]: result for result in record["results"]}

    return run


@pytest.fixture
def left_open(site):
    """What runs the probes of a module in a thread of a process, as readiness does, and gives the sockets it left."""
    code = """
        import json, os, threading, unittest
        suite, result = unittest.defaultTestLoader.loadTestsFromName({!r}), unittest.TestResult()
        thread = threading.Thread(target=suite.run, args=[result])
        thread.start()
        thread.join()
        assert result.testsRun and not result.skipped and result.wasSuccessful(), result.__dict__
        descriptors = [f"/proc/self/fd/{{name}}" for name in os.listdir("/proc/self/fd")]
        links = [os.readlink(path) for path in descriptors if os.path.exists(path)]
        print(json.dumps([link for link in links if link.startswith("socket:")]))
    """

    def run(module, settings):
        done = python(site, code.format(module), env={GIVEN: json.dumps(settings)})
        assert done.code == 0, done.err
        return json.loads(done.out)

    return run


@pytest.fixture(scope="module")
def redis():
    """A Redis of the module's own."""
    with servers.redis_server() as server:
        yield server


@pytest.fixture
def closed_port():
    """A port of this machine where nothing answers, held so that nothing begins to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@dataclass
class MailServer:
    """An SMTP server on a port of this machine, and the commands that it was sent."""

    port: int
    commands: list[str] = field(default_factory=list)


@pytest.fixture
def mail_server():
    """A real SMTP server, as small as the dialogue allows; it knows the password "right"."""
    known = b64encode(b"\0teller\0right").decode()

    class Dialogue(socketserver.StreamRequestHandler):
        def handle(self):
            self.say("220 ready")
            for line in self.rfile:
                command = line.decode().strip()
                seen.commands.append(command)
                verb = command.partition(" ")[0].upper()
                if verb == "EHLO":
                    self.say("250-here")
                    self.say("250 AUTH PLAIN")
                elif verb == "AUTH":
                    self.say("235 come in" if command.endswith(known) else "535 5.7.8 who are you")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 fine")

        def say(self, line):
            self.wfile.write(f"{line}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dialogue) as server:
        seen = MailServer(server.server_address[1])
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield seen
        server.shutdown()


@pytest.fixture
def silent_port():
    """A port that takes connections, says nothing, and reads nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@dataclass
class WebServer:
    """A web server on a port of this machine: what it answers, and what it was asked.

    `answer` is given the number of the request, from 1, and gives a status and headers; `delay`, in seconds,
    comes before the head and again before the body.
    """

    port: int
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    connections: int = 0
    delay: float = 0.0
    answer: object = None

    def says(self, status=200, headers=None, delay=0.0):
        """Answer every request alike from now on."""
        self.answer = lambda _number: (status, headers or {})
        self.delay = delay
        return self

    def url(self, path="/"):
        """Return an address of this server."""
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def web_server():
    """What starts a real web server, which keeps connections open for whoever wants to use them again."""
    with ExitStack() as stack:

        def start(context=None):
            lock = threading.Lock()

            class Answer(BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"

                def setup(self):
                    super().setup()
                    with lock:
                        server.connections += 1

                def do_GET(self):
                    with lock:
                        server.requests.append((self.path, dict(self.headers)))
                        status, headers = server.answer(len(server.requests))
                    time.sleep(server.delay)
                    self.send_response(status)
                    for name, value in {"Content-Length": "2", **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    time.sleep(server.delay)
                    self.wfile.write(b"ok")

                def log_message(self, *_arguments):
                    pass

            class Listening(ThreadingHTTPServer):
                daemon_threads = True

                def handle_error(self, *_arguments):
                    """Say nothing of clients that go away: some tests make them."""

            listening = stack.enter_context(Listening(("127.0.0.1", 0), Answer))
            if context:
                listening.socket = context.wrap_socket(listening.socket, server_side=True)
            server = WebServer(listening.server_address[1]).says()
            threading.Thread(target=listening.serve_forever, args=[0.05], daemon=True).start()
            stack.callback(listening.shutdown)
            return server

        yield start


@pytest.fixture
def self_signed(tmp_path):
    """A server's TLS context whose certificate nobody vouches for, and the file of that certificate."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-out", certificate, "-keyout", key),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate
