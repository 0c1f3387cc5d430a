"""Reads what a request asks for besides its path: format, status of a failure, time to wait, what to run."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError

from django_probe.history.errors import RequestError
from django_probe.terms import parse_duration

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

LONGEST_WAIT: Final = 25.0
"""Seconds that a POST may wait for the verdict: less than the usual timeouts of servers."""
_MAX_BODY: Final = 64 * 1024
_DIGITS: Final = 20  # not a number of thousands of digits
_FAIL_STATUS: Final = ("200", "424", "503")
_FORM: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
_JSON: Final = "application/json"
_OF_A_POST: Final = frozenset({"wait", "format", "fail_status"})
_FIELDS: Final = frozenset({"labels", "failed_of"})
_PARAMETER: Final = re.compile(r";(?!\s*q\s*=)[^;,]*", re.IGNORECASE)
# The keys that Flagger sends about its rollout, in any of its releases.
_FLAGGERS: Final = frozenset(
    {"name", "namespace", "phase", "checksum", "buildId", "type"}
    | {"failedChecks", "canaryWeight", "iterations", "remainingTime"}
)
_IGNORED: Final = frozenset({"csrfmiddlewaretoken", "metadata"}) | _FLAGGERS


class Format(StrEnum):
    """The formats of an answer, with their media types."""

    JSON = "json"
    HTML = "html"
    JUNIT = "junit"
    MARKDOWN = "markdown"

    @property
    def media_types(self) -> Sequence[str]:
        """The media types that ask for it; the first is the answer's."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES: Final[Mapping[Format, Sequence[str]]] = {
    Format.JSON: (_JSON,),
    Format.HTML: ("text/html",),
    Format.JUNIT: ("application/xml", "text/xml"),
    Format.MARKDOWN: ("text/markdown",),
}


def format_of(request: HttpRequest, offered: Collection[Format]) -> Format:
    """Return the format that `?format=` or else Accept asks for; by default JSON. Raise RequestError 400 or 406."""
    if (named := request.GET.get("format")) is not None:
        if named in offered:
            return Format(named)
        raise RequestError(400, f"format: expected one of {', '.join(offered)}, got {named[:50]!r}")
    media_types = {media_type: offer for offer in offered for media_type in offer.media_types}
    asked = _without_parameters(request)
    preferred = asked.get_preferred_type(list(media_types)) if asked.accepted_types else _JSON
    if preferred is None:
        raise RequestError(406, f"Accept: there is {', '.join(media_types)}")
    return media_types[preferred]


def _without_parameters(request: HttpRequest) -> HttpRequest:
    """Return the request's Accept header without parameters, such as the charset: no answer differs in them."""
    asked = HttpRequest()
    asked.META["HTTP_ACCEPT"] = _PARAMETER.sub("", request.headers.get("Accept", "*/*"))
    return asked


def fail_status(request: HttpRequest) -> int:
    """Return the status for a closed gate: 503, or what `?fail_status=` names."""
    named = request.GET.get("fail_status", "503")
    if named not in _FAIL_STATUS:
        raise RequestError(400, f"fail_status: expected one of {', '.join(_FAIL_STATUS)}, got {named[:50]!r}")
    return int(named)


def wait(request: HttpRequest) -> float:
    """Return the seconds of `?wait=`, 0 without it."""
    try:
        seconds = parse_duration(request.GET.get("wait", "0"))
    except ValueError as error:
        raise RequestError(400, f"wait: {error}") from None
    if seconds > LONGEST_WAIT:
        raise RequestError(400, f"wait: {LONGEST_WAIT:.0f}s is the most")
    return seconds


def ordered(request: HttpRequest) -> tuple[tuple[str, ...], str]:
    """Return the labels and the run of `failed_of` in a POST's body, which may be empty, a form or JSON."""
    if unknown := sorted(request.GET.keys() - _OF_A_POST):
        raise RequestError(400, f"{unknown[0][:50]!r} is no parameter here; labels and failed_of belong in the body")
    fields = _fields(request) if _length(request) else {}
    if unknown := sorted(fields.keys() - _FIELDS - _IGNORED):
        raise RequestError(400, f"{unknown[0][:50]!r} is no field here; there are labels and failed_of")
    labels = tuple(dict.fromkeys(label for text in fields.get("labels", ()) for label in text.split()))
    runs = tuple(dict.fromkeys(run for run in fields.get("failed_of", ()) if run))
    if fields.keys() & _FIELDS and not (labels or runs):  # a variable that was to name them may have been empty
        raise RequestError(400, "labels and failed_of are empty; leave them out to run the whole gate")
    if len(runs) > 1 or (runs and labels):
        raise RequestError(400, "failed_of: give one run, and no labels beside it")
    return labels, runs[0] if runs else ""


def texts(request: HttpRequest, names: Sequence[str]) -> dict[str, str]:
    """Return the fields of a POST's body that have these names, as texts; raise RequestError 400 for others."""
    fields = _fields(request, frozenset(names)) if _length(request) else {}
    if unknown := sorted(fields.keys() - set(names) - {"csrfmiddlewaretoken"}):
        raise RequestError(400, f"{unknown[0][:50]!r} is no field here; there are {', '.join(names)}")
    return {name: given[-1] for name, given in fields.items() if given}


def check_length(request: HttpRequest) -> None:
    """Check the size of a POST's body before reading it. Raise RequestError 411 or 413."""
    if "HTTP_TRANSFER_ENCODING" in request.META:  # Django takes a body of unknown length for an empty one
        raise RequestError(411, "say how long the body is, in Content-Length")
    if _length(request) > _MAX_BODY:
        raise RequestError(413, f"the body may have {_MAX_BODY // 1024} KiB")


def _length(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdecimal() and len(length) < _DIGITS):
        raise RequestError(400, "Content-Length: expected a number")
    return int(length)


def _fields(request: HttpRequest, known: frozenset[str] = _FIELDS) -> Mapping[str, Sequence[str]]:
    try:
        if request.content_type == _JSON:
            return _json(request.body, known)
        if request.content_type in _FORM:
            if request.FILES:
                raise RequestError(400, f"{next(iter(request.FILES))[:50]!r} is a file: labels are sent as text")
            return dict(request.POST.lists())
    except (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent):
        raise RequestError(413, "the body has too much in it") from None
    except (BadRequest, MultiPartParserError):
        raise RequestError(400, "the body is not what its Content-Type says") from None
    raise RequestError(415, f"the body has to be {_FORM[0]} or {_JSON}")


def _json(body: bytes, known: frozenset[str]) -> Mapping[str, Sequence[str]]:
    try:
        fields: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise RequestError(400, "the body is not JSON") from None
    if not isinstance(fields, dict):
        raise RequestError(400, "the body has to be a JSON object")
    return {name: _texts(name, value) if name in known else () for name, value in fields.items()}


def _texts(name: str, value: object) -> Sequence[str]:
    texts: Iterable[object] = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise RequestError(400, f"{name}: expected a text or a list of texts")
    return [str(text) for text in texts]
