"""Answers of hostile and broken servers: each is one sentence, in time and in bounded memory, and none passes."""

from __future__ import annotations

import gzip
import re
import socket
import ssl
import subprocess
import threading

import pytest

from django_probe.http import NoAnswerError, Session
from django_probe.http.wire import connecting as connecting_module
from django_probe.http.wire.connecting import trust
from tests.http.conftest import OK, page

CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = b"Content-Encoding: gzip\r\n"
CUT_OFF, TWICE, ENDED = "its headers are cut off", "not one number", "its body ended before all of it had come"
BROKEN = {
    "closed": (b"", "the connection was closed before one came"),
    "half a status": (b"HTTP/1.1 200", "it begins with 'HTTP/1.1 200'"),
    "only a status": (OK, CUT_OFF),
    "half a header": (OK + b"Content-Ty", CUT_OFF),
    "no end of the headers": (OK + b"Content-Type: text/html\r\n", CUT_OFF),
    "no header": (OK + b"no colon here\r\nX-A: b\r\n\r\n", "one of its headers is none"),
    "NUL in a header": (OK + b"X-A: a\0b\r\n\r\n", "there is a NUL or a CR within one of its headers"),
    "CR in a header": (OK + b"X-A: a\rX-B: b\r\n\r\n", "there is a NUL or a CR within one of its headers"),
    "long header": (OK + b"X-A: " + b"a" * 70_000 + b"\r\n\r\n", "a line of it is longer than 64 KiB"),
    "many headers": (OK + b"X-A: b\r\n" * 200 + b"\r\n", "got more than 100 headers"),
    "two lengths": (OK + b"Content-Length: 5\r\nContent-Length: 2\r\n\r\nhello", TWICE),
    "two lengths in a line": (OK + b"Content-Length: 5, 6\r\n\r\nhello", TWICE),
    "negative length": (OK + b"Content-Length: -5\r\n\r\nhello", TWICE),
    "endless length": (OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nhello", TWICE),
    "length too long": (OK + b"Content-Length: 10\r\n\r\nhello", ENDED),
    "chunk too long": (CHUNKED + b"ff\r\nhello\r\n", ENDED),
    "chunk too short": (CHUNKED + b"2\r\nhello\r\n0\r\n\r\n", ENDED),
    "chunk of no number": (CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n", ENDED),
    "chunk below nothing": (CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n", ENDED),
    "no last chunk": (CHUNKED + b"5\r\nhello\r\n", ENDED),
    "other coding": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "is 'gzip, chunked', for which"),
    "two codings": (OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", "is 'chunked, x'"),
    "no gzip": (page(b"hello", GZIP.strip()), "no whole answer: it is not packed with gzip, as its head says"),
    "half of gzip": (page(gzip.compress(b"a")[:-4], GZIP.strip()), "it ends inside of what is packed with gzip"),
    "gzip of nothing": (page(gzip.compress(b"") * 50_000, GZIP.strip()), "packed with gzip in more than 100 parts"),
    "gzip twice": (page(b"hello", b"Content-Encoding: gzip, gzip"), "is packed with 'gzip, gzip', for which nobody"),
    "HTTP/0.9": (b"hello world\n", "it begins with 'hello world'"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "it begins with 'SSH-2.0-OpenSSH_9.2'"),
    "control characters": (b"\x1b[31mEVIL\r\n\r\n", r"it begins with '\x1b[31mEVIL'"),
    "HTTP/2": (b"HTTP/2.0 200 OK\r\n\r\n", "it begins with 'HTTP/2.0 200 OK'"),
    "number of Python's": (b"HTTP/1.1 2_00 OK\r\n\r\n", "it begins with 'HTTP/1.1 2_00 OK'"),
    "other protocol": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "it switches to another protocol"),
    "two places": (page(b"", b"Location: /a", b"Location: /b", status=b"302 F"), "it redirects to 2 places at once"),
    "file": (page(b"", b"Location: file:///etc/passwd", status=b"302 F"), "redirects to file:///etc/passwd, which is"),
    "loop": (page(b"", b"Location: /", status=b"302 F"), "more than 10 redirects"),
    "no place": (page(b"", b"Location: http://a b/", status=b"302 F"), "to http://a b/: there is no such URL"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_answer__that_is_none_is_a_sentence(serve, name):
    """What is no whole answer of HTTP is an error of one printable line, which names what was asked."""
    sent, said = BROKEN[name]
    url = serve(sent).url

    with Session(url) as http, pytest.raises(NoAnswerError, match=re.escape(said)) as raised:
        http.get("/")

    assert str(raised.value).startswith(f"GET {url}/: ")
    assert str(raised.value).isprintable()
    assert raised.value.__suppress_context__


DRIPS = {
    "nothing": (b"", b""),
    "header": (OK + b"X-A: ", b"a"),
    "headers": (OK, b"X-A: a\r\n"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "hints": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "body": (OK + b"Content-Length: 5000\r\n\r\n", b"a"),
    "size of a chunk": (CHUNKED, b"0"),
    "trailers": (CHUNKED + b"1\r\na\r\n0\r\n", b"X-A: a\r\n"),
    "gzip": (OK + GZIP + b"\r\n", gzip.compress(b"")),
}


def test_answer__that_drips_ends_in_time(serve):
    """However slowly an answer comes, and in which of its parts, it has no more than the time in all."""
    said = []

    def ask(before, each):
        server = serve(b"")
        server.answers = [server.each(each, before)]
        with Session(server.url, timeout="300ms") as http:
            try:
                http.get("/")
            except NoAnswerError as error:
                said.append(str(error).partition("/: ")[2])

    threads = [threading.Thread(target=ask, args=drip, daemon=True) for drip in DRIPS.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    # The headers may be too many before they are too late, and a busy machine may be too late to connect.
    assert len(said) == len(DRIPS)
    assert all(each.startswith(("no answer within 0.3 s", "no answer of HTTP: got", "no connection")) for each in said)


def test_body__without_end_is_cut(serve):
    """Of a body that never ends, or that unpacks to far more than it was, 2 MiB are read."""
    bomb = gzip.compress(bytes(1 << 26), 1)
    endless = serve(lambda connection: [connection.sendall(part) for part in [OK + b"\r\n"] + [bytes(1 << 16)] * 100])
    packed = serve(page(bomb, GZIP.strip()))

    for server in (endless, packed):
        with Session(server.url) as http:
            answer = http.get("/")
        assert (len(answer.body), answer.cut) == (2 << 20, True)


def test_answer__after_early_hints(serve):
    """What comes before the answer is not the answer."""
    url = serve(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + page()).url

    with Session(url) as http:
        answer = http.get("/")

    assert (answer.status, answer.text, "link" in answer.headers) == (200, "ok", False)


def test_name_server__that_does_not_answer(monkeypatch):
    """A name that is looked up without end has no more than the time, too."""
    over = threading.Event()
    monkeypatch.setattr(connecting_module.socket, "getaddrinfo", lambda *_a, **_o: over.wait() and [])

    with Session(timeout="100ms") as http, pytest.raises(NoAnswerError) as raised:
        http.get("http://shop.example/")
    over.set()

    assert str(raised.value) == "GET http://shop.example/: the name shop.example was not found: no answer in time"


def test_name__that_leads_to_two_networks(serve, monkeypatch):
    """Where the first address of a name takes what it gets and says nothing, there is time left for the second."""
    server, given = serve(page()), []

    def create_or_wait(address, timeout):
        given.append((address[0], timeout))
        if address[0] == "192.0.2.1":
            raise TimeoutError
        connection = socket.socket()
        connection.connect(address)
        return connection

    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in ("192.0.2.1", "127.0.0.1")]
    monkeypatch.setattr(connecting_module.socket, "getaddrinfo", lambda *_a, **_o: found)
    monkeypatch.setattr(connecting_module.socket, "create_connection", create_or_wait)
    with Session(server.url.replace("127.0.0.1", "shop.example"), timeout=60) as http:
        assert http.get("/").text == "ok"

    assert [host for host, _ in given] == ["192.0.2.1", "127.0.0.1"]
    assert given[0][1] <= 30 < given[1][1]


@pytest.fixture
def secure(serve, tmp_path, monkeypatch):
    """What starts a server with TLS, trusted here; unless it `says_end`, it breaks the connection off."""
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    line = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=shop"
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*line.split(), *names, "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))
    trust.cache_clear()

    def start(answer, *, says_end):
        server = serve(answer)
        server.secured = lambda connection: context.wrap_socket(connection, server_side=True)
        server.says_end = says_end
        return server.url.replace("http:", "https:")

    yield start
    trust.cache_clear()


@pytest.mark.parametrize("head", [OK, OK + b"Connection: close\r\n", OK.replace(b"1.1", b"1.0")])
def test_body__of_no_length_ends_as_tls_says(secure, head):
    """Where nothing but the end of the connection ends a body, a connection that is broken off may have cut it."""
    answer = head + b"\r\nhello"
    whole, broken_off = secure(answer, says_end=True), secure(answer, says_end=False)
    with Session() as http:
        assert http.get(whole).text == "hello"
        with pytest.raises(NoAnswerError) as raised:
            http.get(broken_off)

    said = "no whole answer: it tells no length, and TLS ended without saying that this was all"
    assert str(raised.value) == f"GET {broken_off}: {said}"


def test_body__of_a_length_ends_with_it(secure):
    """A server that says how long a body is, or which chunk is its last, may break off what comes after that."""
    for answer in (page(b"hello"), CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"):
        with Session(secure(answer, says_end=False)) as http:
            assert http.get("/").text == "hello"


def test_connection__that_is_not_taken():
    """A port where nobody listens, and one where nobody speaks TLS, are sentences."""
    with socket.create_server(("127.0.0.1", 0)) as silent, Session(timeout="3s") as http:
        urls = ["http://127.0.0.1:1/", f"https://127.0.0.1:{silent.getsockname()[1]}/"]
        said = []
        for url in urls:
            with pytest.raises(NoAnswerError) as raised:
                http.get(url)
            said.append(str(raised.value))

    assert said == [
        f"GET {urls[0]}: no connection to 127.0.0.1 port 1: Connection refused",
        f"GET {urls[1]}: no answer within 3 s",
    ]
