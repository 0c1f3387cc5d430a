"""What is asked over HTTP of servers that answer badly, and what is taken for no answer."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from contextlib import contextmanager, suppress

import pytest

from django_probe.http.response import NoAnswerError, Question
from django_probe.http.wire.asking import Browser

OK = b"HTTP/1.1 200 OK\r\n"
TEXT = b"Teapot " * 500
# Without the time in it, or the names of tests would differ from one process to the next.
PACKED = gzip.compress(TEXT, mtime=0)


@contextmanager
def answering(*pieces, pause=0.0):
    """A server that answers each connection with these bytes, with a pause after each piece; its URL and requests."""
    asked, over = [], threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, suppress(OSError):
                        asked.append(connection.recv(1 << 16))
                        for piece in pieces:
                            connection.sendall(piece)
                            over.wait(pause)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/", asked
        over.set()
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def ask(url, **keys):
    """Return the answer."""
    with Browser() as browser:
        return browser.ask(Question(url, **keys))


def coded(coding, body):
    """Return an answer with this body, whose length is the body's."""
    return OK + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s" % (coding, len(body), body)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (b"gzip", PACKED),
        (b"x-gzip", gzip.compress(TEXT[:70], mtime=0) + gzip.compress(TEXT[70:], mtime=0)),
        (b"deflate", zlib.compress(TEXT)),
        (b"deflate", zlib.compress(TEXT)[2:-4]),
    ],
)
def test_body__unpacked(coding, body):
    """A body is what it was before it was packed, in several members or without a header too."""
    with answering(coded(coding, body)) as (url, _):
        assert (ask(url).body, ask(url).cut) == (TEXT, False)


def test_body__bomb_is_cut():
    """Of a small body that unpacks to a huge one, as much is kept as of any other."""
    with answering(coded(b"gzip", gzip.compress(bytes(1 << 24)))) as (url, _):
        answer = ask(url)

    assert (len(answer.body), answer.cut) == (2 << 20, True)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (coded(b"gzip", PACKED[:-12]), "no whole answer: it ends inside of what is packed with gzip"),
        (coded(b"deflate", zlib.compress(TEXT)[:-6]), "no whole answer: it ends inside of what is packed with deflate"),
        (coded(b"gzip", TEXT), "no whole answer: it is not packed with gzip, as its head says"),
        (OK + b"Content-Length: 30\r\n\r\nTeapot", "its body ended before all of it had come"),
        (OK + b"Content-Length: many\r\n\r\nTeapot", "no answer of HTTP: its Content-Length is 'many'"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n6\r\nTeapot\r\n", "its body ended before"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n", "no answer: the connection was closed"),
        (b"SSH-2.0-OpenSSH\r\n", "no answer of HTTP: it begins with 'SSH-2.0-OpenSSH'"),
        (b"", "no answer: the connection was closed"),
    ],
)
def test_answer__that_is_none(raw, said):
    """What ends before its time, is not what it says to be, or is no answer yet, is not judged."""
    with answering(raw) as (url, _), pytest.raises(NoAnswerError) as raised:
        ask(url)

    assert str(raised.value).startswith(said)


@pytest.mark.parametrize("head", [b"", OK, OK + b"X-Long: ", b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"X-A: "])
def test_answer__that_drips(head):
    """An answer that comes byte by byte has no more time than any other, its head included."""
    # A busy machine may be too late to connect.
    slow, said = answering(head, *[b"x"] * 1000, pause=0.02), r"no answer within 0\.2 s|no connection to .*: timed out"
    with slow as (url, _), pytest.raises(NoAnswerError, match=said):
        ask(url, timeout=0.2)


def test_header__that_comes_twice():
    """The values of a header that comes twice are one, with a comma between them: none of them decides alone."""
    with answering(OK + b"X-Release: v41\r\nx-release: v42\r\nContent-Length: 0\r\n\r\n") as (url, _):
        assert ask(url).headers["x-release"] == "v41, v42"


@pytest.mark.parametrize("status", [301, 307])
def test_redirect__to_another_host(status):
    """What was sent for one host is not sent to another: neither its headers nor its form."""
    with answering(OK + b"Content-Length: 0\r\n\r\n") as (there, asked):
        location = there.replace("127.0.0.1", "localhost").encode()
        moved = b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, location)
        with answering(moved) as (url, _):
            assert ask(url.replace("://", "://u:pass-word@"), headers={"X-Token": "token-4711"}).status == 200
            if status == 307:
                with pytest.raises(NoAnswerError, match="another server, to which no body is sent on"):
                    ask(url, form={"password": "pass-word"})

    assert len(asked) == 1
    assert not {part for part in (b"token-4711", b"pass-word", b"uthorization") if part in asked[0]}


def test_redirect__to_nowhere():
    """A redirect that does not say where to is no answer, where redirects are followed."""
    with answering(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n") as (url, _):
        assert ask(url, follow=False).status == 302
        with pytest.raises(NoAnswerError, match=r"^status 302, which redirects, and no Location to go to$"):
            ask(url)
