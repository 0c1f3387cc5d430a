"""Writes what a person reads while a gate runs and when it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_probe.reports import github
from django_probe.reports.outlet import Outlet
from django_probe.reports.terminal import ERASE, columns, is_terminal, progress, wants_color
from django_probe.reports.text import (
    contact,
    explanation,
    one_line,
    seconds,
    slowest,
    tally,
    verdict,
    visible,
    word,
)
from django_probe.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from django_probe.results import ProbeResult, ProbeRun

__all__ = ["Console", "is_terminal", "wants_color"]

_RED: Final = "31"
_GREEN: Final = "32"
_YELLOW: Final = "33"
_BOLD: Final = "1"
_RULE: Final = 78
_MOST_NAMED: Final = 20


class Console:
    """The `Listener` that writes for people on `stream`; if the stream breaks, the gate goes on.

    `live` draws a progress line, for a terminal, in place of the lines of probes that passed. `verbosity` 0
    leaves only the problems and the summary, 2 gives every probe a line. `durations` is how
    many of the slowest to show. `annotate` writes the problems for GitHub Actions too.
    """

    def __init__(
        self,
        stream: TextIO | None,
        *,
        color: bool,
        live: bool,
        verbosity: int = 1,
        durations: int | None = None,
        annotate: bool = False,
    ) -> None:
        self._stream = stream
        self._outlet = Outlet(stream)
        self._color = color
        self._verbose = verbosity > 0
        self._every = verbosity > 1
        self._durations = durations or 0
        self._annotate = annotate
        self._problems = 0
        self._drawn = False
        self._told = ""
        self._rule = min(_RULE, columns(stream)) if stream is not None and live else _RULE
        self.live = live and self._verbose

    def begun(self, run: ProbeRun) -> None:
        """Print nothing yet: errors in the labels come first."""

    def warned(self, sentence: str) -> None:
        """Print a line that says what is odd about what was chosen, whatever the verbosity."""
        self._print(f"warning: {sentence}", _YELLOW)

    def selected(self, total: int) -> None:
        """Print how many probes will run."""
        if self._verbose:
            self._print(f"{total} {'probe' if total == 1 else 'probes'} to run")
        self.flush()

    def ended(self, result: ProbeResult) -> None:
        """Print the line of a probe that ended; with a progress line, passed probes have one only at verbosity 2."""
        self._problems += result.is_problem
        if self._verbose and (self._every or not self.live or result.outcome is not Outcome.PASSED):
            self._print(_line(result), _style(result))

    def tick(self, done: int, total: int, in_flight: Sequence[tuple[str, float]]) -> None:
        """Draw the progress line anew."""
        if self._stream is None or not self.live or self._outlet.behind:
            return
        longest = max(in_flight, key=lambda probe: probe[1], default=None)
        # The last column stays free: a terminal may wrap after it, and then could not erase the whole line.
        line = progress(done, total, self._problems, longest, columns(self._stream) - 1)
        self._drawn = True
        self._outlet.write(ERASE + line)
        self.flush()

    def finished(self, run: ProbeRun) -> None:
        """Print every problem in full, the blocking ones last, where people look first; then the verdict."""
        for result in sorted(run.problems, key=lambda problem: problem.blocking):
            self._problem(result)
        if self._durations and (results := slowest(run, self._durations)):
            self._print(f"The slowest {len(results)}:")
            for result in results:
                self._print(f"{seconds(result.duration):>10}  {one_line(result.label)}")
            self._print("")
        if self._annotate:
            self._print(github.render(run).rstrip("\n"))
        self._name_what_closed(run)
        style = f"{_BOLD};{_GREEN if run.passed else _RED}"
        self._print(f"{verdict(run)}; {tally(run)} in {seconds(run.duration)}", style)
        self._outlet.finish()

    def _problem(self, result: ProbeResult) -> None:
        self._print("=" * self._rule)
        self._print(_line(result), f"{_BOLD};{_style(result)}")
        self._print("-" * self._rule)
        for line in (explanation(result), *contact(result)):
            self._print(line)
        if result.details.strip():
            same = result.details == self._told  # a broken fixture is in the result of every probe that needs it
            self._print("\n" + ("(the same as above)" if same else result.details.strip("\n")))
        self._told = result.details
        if result.output.strip():
            self._print("\n--- captured output ---\n" + result.output.strip("\n"))
        self._print("")

    def _name_what_closed(self, run: ProbeRun) -> None:
        """Name once more what closed the gate: the problems may have filled many screens."""
        closing = [result for result in run.results if result.closes_gate]
        if not closing or len(run.problems) == len(closing) == 1:  # a single one is just above
            return
        closing.sort(key=lambda result: not result.is_problem)
        self._print("The gate is closed by:")
        for result in closing[:_MOST_NAMED]:
            self._print(f"  {word(result.outcome):<8} {one_line(result.label)}", _style(result))
        if len(closing) > _MOST_NAMED:
            self._print(f"  and {len(closing) - _MOST_NAMED} more")

    def _print(self, text: str, style: str = "") -> None:
        line = visible(text)
        if style and self._color:
            line = f"\x1b[{style}m{line}\x1b[0m"
        erase, self._drawn = ERASE if self._drawn else "", False
        self._outlet.write(f"{erase}{line}\n")

    def flush(self) -> None:
        """Write what was printed since the last time in one call: a call for each line is slow with quick probes."""
        self._outlet.flush()


def _line(result: ProbeResult) -> str:
    notes = [] if result.outcome is Outcome.NOT_RUN else [seconds(result.duration)]
    if result.attempts > 1:
        notes.append(f"{result.attempts} attempts")
    if result.is_problem and not result.blocking:
        notes.append("warn-only")
    silent = result.is_problem or result.outcome is Outcome.PASSED
    reason = "" if silent else f": {explanation(result)}"
    noted = f" ({', '.join(notes)})" if notes else ""
    return f"{word(result.outcome):<8} {one_line(result.label)}{noted}{reason}"


def _style(result: ProbeResult) -> str:
    if result.outcome is Outcome.PASSED:
        return _GREEN
    return _RED if result.closes_gate else _YELLOW
