"""Posts a CloudEvent, signed where there is a key: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md.

Redirects are not followed: what a URL's owner did not name gets no event, and no credentials. Nothing that is raised
here shows the URL.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
import threading
from base64 import b64encode
from contextlib import suppress
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Final
from urllib.error import URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

import django_probe
from django_probe.history.notices.delivery.errors import UndeliveredError
from django_probe.policy.recipients import CLOUDEVENTS, scheme

_CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"


class _Impatient(HTTPConnection):
    """A connection whose timeout is that of the whole head of an answer, and not of each byte of it."""

    def getresponse(self) -> HTTPResponse:
        """Return the answer; TimeoutError where its head takes longer."""
        over = threading.Event()

        def end() -> None:
            over.set()
            with suppress(OSError, AttributeError):  # it is closed by now
                self.sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(self.timeout or 0.0, end)
        timer.daemon = True
        timer.start()
        try:
            return super().getresponse()
        finally:
            timer.cancel()
            if over.is_set():
                raise TimeoutError


class _ImpatientSecure(_Impatient, HTTPSConnection):
    pass


class _Plain(HTTPHandler):
    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_Impatient, req)


class _Secure(HTTPSHandler):
    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_ImpatientSecure, req, context=ssl.create_default_context())


def post(url: str, body: bytes, key: str, seconds: float) -> None:
    """Post `body` to the URL, whose scheme is http+cloudevents or https+cloudevents. Raise UndeliveredError.

    Its answer may take so many seconds.
    """
    opener = OpenerDirector()  # with no handler for redirects, nor one that makes errors of statuses
    for handler in (ProxyHandler(), _Plain(), _Secure()):
        opener.add_handler(handler)
    try:
        request = _request(url, body, key)
        with opener.open(request, timeout=seconds) as response:
            status: int = response.status
    except Exception as error:  # noqa: BLE001 (a URL can be wrong in many ways)
        raise UndeliveredError(_why(error, seconds)) from None  # the other may show the URL
    if 300 <= status < 400:  # noqa: PLR2004 (what HTTP calls a redirection)
        raise UndeliveredError(f"it answered {status}, and redirects are not followed")
    if not 200 <= status < 300:  # noqa: PLR2004 (what HTTP calls successful)
        raise UndeliveredError(f"it answered {status}")


def signature(body: bytes, key: str) -> str:
    """Return what the header X-Probe-Signature says of the raw body."""
    return f"sha256={hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}"


def _request(url: str, body: bytes, key: str) -> Request:
    parts = urlsplit(url)
    userinfo, _, host = parts.netloc.rpartition("@")
    plain = urlunsplit((scheme(url).removesuffix(CLOUDEVENTS), host, parts.path or "/", parts.query, ""))
    headers = {"Content-Type": _CONTENT_TYPE, "User-Agent": f"django-probe/{django_probe.__version__}"}
    if userinfo:
        headers["Authorization"] = f"Basic {b64encode(unquote(userinfo).encode()).decode()}"
    if key:
        headers["X-Probe-Signature"] = signature(body, key)
    return Request(plain, body, headers, method="POST")  # noqa: S310 (the scheme is http or https: see `delivery`)


def _why(error: Exception, seconds: float) -> str:
    """Return in a few words, which show nothing of the URL, why nothing was delivered."""
    cause = error.reason if isinstance(error, URLError) and isinstance(error.reason, Exception) else error
    match cause:
        case TimeoutError():
            return f"no answer within {seconds:.0f}s"
        case ssl.SSLCertVerificationError():
            return "its TLS certificate is not valid"
        case OSError() if cause.strerror:
            return cause.strerror
    return type(cause).__name__
