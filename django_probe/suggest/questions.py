"""Asks each address of the project in a probe of its own, so that the engine contains whatever a view does.

Nothing of this is imported into the command's own process: it runs in those that load and work.
"""

from __future__ import annotations

import re
import unittest
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django_probe.client import Client
from django_probe.execution.failures import message_of
from django_probe.execution.loading.suites import ProbeSuite, Stillborn
from django_probe.execution.secrets.redaction import Redactor
from django_probe.http.masks import without_secrets
from django_probe.results import Outcome
from django_probe.suggest import addresses
from django_probe.suggest.answers import Answer
from django_probe.suggest.labels import ADMIN, ARGUMENTS, FRONT, PREFIX, UNNAMED, URLCONF, VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TITLE: Final = re.compile(r"<title[^<>]*>(.*?)</title>", re.DOTALL | re.IGNORECASE)
_LONGEST: Final = 160
_MOST_READ: Final = 1 << 18
_REDIRECTS: Final = range(300, 400)
_redact: Final = Redactor()


class _Came(NamedTuple):
    status: int
    location: str
    content_type: str
    titles: tuple[str, ...]


class _Question(unittest.TestCase):
    """Asks one address; what it answered is what is said of the probe, though it passes."""

    _heard_by: Any = None

    def run(self, result: Any = None) -> Any:
        """Run as unittest does, and keep who hears of it."""
        self._heard_by = result
        return super().run(result)


def questions(announce: Callable[[str, str], None]) -> unittest.TestSuite:
    """Return a probe for each address of the URLconf; `announce` hears of it before it is imported."""
    announce(URLCONF, "the URLconf")
    try:
        found = addresses.find()
    except (Exception, SystemExit) as error:  # noqa: BLE001 (it is the project's code)
        return ProbeSuite(
            [Stillborn(URLCONF, Outcome.ERROR, f"it does not import: {message_of(error)}")], prefix=PREFIX
        )
    return ProbeSuite(_probes(found), prefix=PREFIX)


def _probes(found: addresses.Addresses) -> Iterator[unittest.TestCase]:
    counts = {ADMIN: found.admin, ARGUMENTS: found.arguments, UNNAMED: found.unnamed}
    for label, count in counts.items():
        yield Stillborn(label, Outcome.SKIPPED, str(count))
    for name, path in found.changing.items():
        why = f"not asked: by its name or path ({path}) it may change something"
        yield Stillborn(f"{VIEWS}{name}", Outcome.SKIPPED, why)
    named = {f"{VIEWS}{name}": path for name, path in found.paths.items()}
    if found.front:
        named[FRONT] = "/"
    for label, path in named.items():
        _, kind, method = label.split(".", 2)
        cls = type(kind, (_Question,), {"__module__": __name__, method: _asking(path)})
        yield cls(method)


def _asking(path: str) -> Callable[[_Question], None]:
    def ask(test: _Question) -> None:
        first, second = _ask(path), _ask(path)
        if first.status != second.status:
            raise unittest.SkipTest(f"answered {first.status}, then {second.status}")
        same = {key: value for key, value in first._asdict().items() if value == getattr(second, key)}
        titles = [title for title in first.titles if title in second.titles]
        answer = Answer(
            path, first.status, same.get("location") or None, same.get("content_type") or None, next(iter(titles), None)
        )
        test._heard_by.note(Outcome.PASSED, answer.written())  # noqa: SLF001 (it is this module's)

    return ask


def _ask(path: str) -> _Came:
    """Return what a GET of an anonymous visitor is answered, as a check of a view asks it."""
    response: Any = Client().generic("GET", path)
    content = _beginning(response)
    kind = str(response.headers.get("Content-Type", "")).partition(";")[0].strip()
    location = str(response.headers.get("Location", "")) if response.status_code in _REDIRECTS else ""
    page = content.decode(response.charset, "replace") if kind == "text/html" else ""
    return _Came(response.status_code, _shown(location), kind, tuple(filter(_shown, _titles(page))))


def _beginning(response: Any) -> bytes:
    """Return the beginning of a body: a view may stream without an end."""
    content = bytearray()
    for part in response if response.streaming else [response.content]:
        content += response.make_bytes(part)
        if len(content) >= _MOST_READ:
            break
    response.close()
    return bytes(content[:_MOST_READ])


def _titles(page: str) -> Iterator[str]:
    """Yield what of a page shows its title: all of it, where that is one line, else its longest line."""
    if match := _TITLE.search(page):
        yield match[0]
        yield max((line.strip() for line in match[1].split("\n")), key=len)


def _shown(text: str) -> str:
    """Return a text that can stand in a policy as it is; else nothing: a secret is no expectation."""
    fits = text.isprintable() and len(text) <= _LONGEST and "${" not in text and "{{" not in text
    return text if fits and without_secrets(_redact(text)) == text else ""
