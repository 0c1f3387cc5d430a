"""What differs between an answer and what its check expects, each as a clause of a sentence."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

from django_probe.contrib.checks.errors import CheckError
from django_probe.contrib.checks.limits import ends_too_soon, too_slow
from django_probe.contrib.checks.texts import of_text
from django_probe.declared.expected import in_few

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django_probe.contrib.checks.filling import Filling
    from django_probe.declared.check import Check
    from django_probe.http.response import Response

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
        came = answer.headers.get(name.lower())
        if came is None:
            yield f"no header {name}, expected {wanted!r}"
        elif not fnmatchcase(came.lower(), wanted.lower().replace("[", "[[]")):
            yield f"header {name} is {came[:_MOST]!r}, not {wanted!r}"


def _json(check: Check, answer: Response) -> Iterator[str]:
    if not (wanted := check.get("json")):
        return
    try:
        found = json.loads(answer.text)
    except (ValueError, RecursionError) as error:
        cut = ", of which too much came" if answer.cut else ""
        yield f"the body is no JSON{cut}: {error}"
        return
    for path, expected in wanted.items():
        came = searched(path, found, f"{check.where}.json")
        if not expected.holds(came):
            yield f"{path} is {in_few(came)}, not {expected}"


def searched(path: str, found: Any, where: str) -> Any:
    """Return what is at a JMESPath; CheckError, naming `where` in the policy, for what is none."""
    try:
        return jmespath.search(path, found)
    except JMESPathError as error:
        said = " ".join(str(error).split())
        raise CheckError(f"{where}: {path!r} is no JMESPath for this answer: {said}") from None
