"""Asks a target over new connections, until it has given enough good answers in a row, or bad ones of the release."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django_probe.http.release import IN_A_ROW
from django_probe.http.response import NoAnswerError, Question
from django_probe.http.wire.asking import Browser

if TYPE_CHECKING:
    from threading import Event

    from django_probe.contrib.http.configuration import Target
    from django_probe.http.release import Release

_PAUSE_SECONDS: Final = 0.5
_ONCE: Final = {"Connection": "close"}
_GOOD_BELOW: Final = 400
_SHOWN_RELEASES: Final = 5
_MAX_SHOWN: Final = 80


@dataclass(slots=True)
class Watch:
    """One target, what it has to answer, and what it answered so far; `timeout` in seconds, for one answer.

    Without a `release` to wait for, the first answer decides.
    """

    target: Target
    release: Release | None
    timeout: float
    in_a_row: int = 0
    bad_in_a_row: int = 0
    """Of the release that is waited for; what others answer, or nobody does, changes it not."""
    last: str = "no answer before the time was over"
    answers: Counter[str | None] = field(default_factory=Counter)

    @property
    def satisfied(self) -> bool:
        """Whether the target answered as it has to."""
        return self.in_a_row >= (IN_A_ROW if self.release else 1)

    @property
    def refuted(self) -> bool:
        """Whether the release itself answered so badly, so often, that waiting will not mend it."""
        return self.bad_in_a_row >= IN_A_ROW

    def run(self, stop: Event) -> None:
        """Ask until it is known how the target answers, or told to stop; errors are kept for `problem`."""
        while not stop.is_set():
            good = self._ask()
            self.in_a_row = self.in_a_row + 1 if good else 0
            if self.satisfied or self.refuted or not self.release:
                return
            if not good:
                stop.wait(_PAUSE_SECONDS)

    def problem(self) -> str:
        """Return what was seen, for the person whom the gate wakes up."""
        if not self.release:
            return f"{self.target.shown}: {self.last}"
        release = f"{self.release.header} {self.release.name!r}"
        if self.refuted:
            return (
                f"{self.target.shown}: answered badly {IN_A_ROW} times in a row with {release}; the last: {self.last}"
            )
        total = sum(self.answers.values())
        seen = ", ".join(f"{count} with {_shown(name)}" for name, count in self.answers.most_common(_SHOWN_RELEASES))
        return (
            f"{self.target.shown}: not answered {IN_A_ROW} times in a row with {release}, "
            f"only {self.in_a_row} times at last; the last: {self.last}; "
            f"answers in all: {total}{f' ({seen})' if seen else ''}"
        )

    def _ask(self) -> bool:
        try:
            with Browser() as browser:
                answer = browser.ask(Question(self.target.url, headers=_ONCE, follow=False, timeout=self.timeout))
        except NoAnswerError as error:
            self.last = str(error)
            return False
        name = answer.headers.get(self.release.header) if self.release else None
        self.answers[name] += 1
        self.last = f"status {answer.status}{f' with {self.release.header} {_shown(name)}' if self.release else ''}"
        good = answer.status < _GOOD_BELOW
        if self.release is None:
            return good
        if self.release.differences(answer):
            return False
        self.bad_in_a_row = 0 if good else self.bad_in_a_row + 1
        return good


def _shown(name: str | None) -> str:
    return "no release" if name is None else repr(name[:_MAX_SHOWN])
