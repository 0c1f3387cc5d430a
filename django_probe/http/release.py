"""The release of the run, and the wait until it answers, and only it: during a rollout the old one answers too."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from django_probe.http.response import is_header
from django_probe.process.environment import environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_probe.http.response import Response

    Differences = Callable[[Response], list[str]]

# During a rollout both releases answer for a while. With half of the pods old, ten good answers in a row happen once in
# 1,024 times; three would happen once in 8 times, which a few seconds of polling find.
IN_A_ROW: Final = 10
_PAUSE: Final = 0.5
_MORE: Final = 0.1
"""Of the time of the wait: what its last answer may take beyond it, before the probe's timeout ends all of it."""
_MOST_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Release:
    """The header of an answer that names a release, and the release that it has to name."""

    header: str
    name: str

    def differences(self, answer: Response) -> list[str]:
        """Return that an answer is another release's, or nobody's, or that it names two."""
        came = answer.headers.all(self.header)
        if {*came} == {self.name}:
            return []
        said = " and ".join(repr(each[:_MOST_SHOWN]) for each in came) or "no release"
        return [f"it is from {said} by {self.header}, not from {self.name!r}"]


def setting(name: str) -> object:
    """Return the value of the settings, else of the environment, else None."""
    written = getattr(settings, name, None)
    return (environment(name) or None) if written is None else written


def of_the_run() -> Release | None:
    """Return PROBE_RELEASE_HEADER and the PROBE_RELEASE that it has to name; None unless both are set."""
    header = setting("PROBE_RELEASE_HEADER")
    # A file's content that is put into the environment often brings its last newline along.
    name = environment("PROBE_RELEASE").strip()
    if not header:
        return None
    if not isinstance(header, str) or not is_header(header, ""):
        raise ImproperlyConfigured(
            f"PROBE_RELEASE_HEADER: expected the name of a header such as X-Release, got {header!r}"
        )
    if not name.isascii() or not name.isprintable():
        raise ImproperlyConfigured(f"PROBE_RELEASE: expected printable ASCII, which a header can carry, got {name!r}")
    return Release(header, name) if name else None


def required() -> Release:
    """Return the release of the run.

    Raise ImproperlyConfigured where it has none, or no header names it: the answer of another one would do as well.
    """
    if awaited := of_the_run():
        return awaited
    if environment("PROBE_RELEASE").strip():
        raise ImproperlyConfigured(
            "PROBE_RELEASE_HEADER is not set, the header that names the release of an answer; put it into the settings"
        )
    raise ImproperlyConfigured(
        "PROBE_RELEASE is not set, the release that has to answer; give the run the value that the web processes have"
    )


def wait(ask: Callable[[Differences, float], Response], release: Release, seconds: float) -> Response:
    """Return the last of enough good answers of the release in a row.

    `ask` asks over a new connection, and raises an AssertionError for an answer that is not good, or that differs by
    what it is given; the answer may take no more than the seconds that it is given too. Raise the error of the last
    such answer when `seconds` are over, and where the release itself answered badly so often in a row that waiting will
    not mend it. Raise another AssertionError where all answers were good, and too slow for so many in this time.
    """
    until = time.monotonic() + seconds
    seen = _Seen(release)
    while True:
        seen.asked, seen.of_release = seen.asked + 1, False
        try:
            answer = ask(seen.other, until + seconds * _MORE - time.monotonic())
        except AssertionError as error:
            seen.bad(error)
            if seen.refuted:
                raise _with(error, f"{IN_A_ROW} bad answers of this release in a row") from None
            pause = _PAUSE
        else:
            seen.well(answer)
            if seen.good >= IN_A_ROW:
                return answer
            pause = 0.0
        if time.monotonic() + pause > until:
            waited = f"waited {seconds:.0f} s for {IN_A_ROW} good answers in a row, asked {seen.asked} times"
            raise _with(seen.last, waited)
        time.sleep(pause)


@dataclass(slots=True)
class _Seen:
    """What was answered so far; `refuting` counts bad answers of the release without a good one of it between them.

    `last` says what is wrong, of the last answer that was bad, or of all where none was.
    """

    release: Release
    asked: int = 0
    good: int = 0
    refuting: int = 0
    of_release: bool = False
    last: AssertionError = field(default_factory=AssertionError)

    def other(self, answer: Response) -> list[str]:
        """Return that an answer is another release's."""
        differences = self.release.differences(answer)
        self.of_release = not differences
        return differences

    def well(self, answer: Response) -> None:
        """Take that the last answer was good."""
        if self.good == self.asked - 1:
            self.last = AssertionError(f"{answer.asked}: every answer was good, and too slow")
        self.good, self.refuting = self.good + 1, 0

    def bad(self, error: AssertionError) -> None:
        """Take that the last answer was bad, or that there was none."""
        self.good, self.refuting, self.last = 0, self.refuting + self.of_release, error

    @property
    def refuted(self) -> bool:
        """Whether the release itself answered badly often enough."""
        return self.refuting >= IN_A_ROW


def _with(error: AssertionError, more: str) -> AssertionError:
    """Return the error with a clause at the end of its first line."""
    head, newline, rest = str(error).partition("\n")
    return AssertionError(f"{head}; {more}{newline}{rest}")
