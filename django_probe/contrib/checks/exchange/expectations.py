"""What differs between an answer and what its check expects, each as a clause of a sentence."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from django_probe.contrib.checks.limits import ends_too_soon, too_slow
from django_probe.contrib.checks.texts import of_text
from django_probe.http import paths
from django_probe.http.json_values import JsonError
from django_probe.http.masks import safe_header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django_probe.contrib.checks.filling import Filling
    from django_probe.http.response import Response
    from django_probe.policy.declared.check import Check

_GOOD_BELOW: Final = 400
_MOST: Final = 100


def differences(check: Check, answer: Response, filling: Filling) -> list[str]:
    """Return what is not as the check expects it; CheckError where it expects what cannot be asked."""
    return [
        *_status(check, answer),
        *_headers(check, answer, filling),
        *of_text(check, answer.text, cut=answer.cut),
        *_json(check, answer),
        *_certificate(check, answer.certificate_ends),
        *too_slow(check, answer.times.whole or 0.0),
    ]


def _certificate(check: Check, ends: datetime | None) -> Iterator[str]:
    if ends:
        yield from ends_too_soon(check, ends)
    elif check.get("valid_for"):
        yield "it has no certificate: the answer came without TLS"


def _status(check: Check, answer: Response) -> Iterator[str]:
    wanted = check.get("status")
    if wanted is None and answer.status >= _GOOD_BELOW:
        yield f"status {answer.status}, not below {_GOOD_BELOW}"
    if wanted is not None and not wanted.has(answer.status):
        yield f"status {answer.status}, not {wanted}"


def _headers(check: Check, answer: Response, filling: Filling) -> Iterator[str]:
    for name, written in check.get("headers", {}).items():
        wanted = filling.fill(written, f"{check.where}.headers.{name}")
        pattern = wanted.lower().replace("[", "[[]")
        came = answer.headers.each(name)
        if not came:
            yield f"no header {name}, expected {_quoted(wanted)}"
        elif not all(fnmatchcase(each.lower(), pattern) for each in came):
            said = " and ".join(_quoted(safe_header(name, each)) for each in came)
            yield f"header {name} is {said}, not {_quoted(wanted)}"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _MOST else f"{text[:_MOST]}…")


def _json(check: Check, answer: Response) -> Iterator[str]:
    if not (wanted := check.get("json")):
        return
    try:
        found = answer.json()
    except JsonError as error:
        yield str(error)
        return
    yield from paths.differences(found, wanted)
