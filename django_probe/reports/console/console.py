"""Writes what a person reads while a gate runs and when it is done."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from django_probe import details
from django_probe.outcomes import Outcome
from django_probe.reports import github
from django_probe.reports.causes import Cause, causes
from django_probe.reports.console.outlet import Outlet
from django_probe.reports.console.terminal import ERASE, columns, is_terminal, progress, wants_color
from django_probe.reports.text import (
    attached,
    contact,
    explanation,
    one_line,
    seconds,
    shorten,
    slowest,
    tally,
    unmarked,
    verdict,
    visible,
    word,
)

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
_MOST_ALIKE: Final = 3
"""Problems with one message that have a line while the gate runs."""
_MOST_TOLD: Final = 20
"""Causes that are told in full unless every detail is asked for; the list names the others."""
_HEAD: Final = 10
_MOST_LINES: Final = 40
"""Lines of one problem's details, and of its output, that are shown unless every detail is asked for."""


class Console:
    """The `Listener` that writes for people on `stream`; if the stream breaks, the gate goes on.

    `live` draws a progress line, for a terminal, in place of the lines of probes that passed. `verbosity` 0
    leaves only the problems and the summary, 2 gives every probe a line, and every problem all that is known of it.
    `durations` is how many of the slowest to show. `annotate` writes the problems for GitHub Actions too.
    `brief` is for the log of a pod, which has a report too, and of which people see the end: few lines of probes that
    passed, the list of problems always, and nothing that `collect` would take for the report.
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
        brief: bool = False,
    ) -> None:
        self._stream = stream
        self._outlet = Outlet(stream, shared=brief)
        self._color = color
        self._verbose = verbosity > 0
        self._every = verbosity > 1
        self._durations = durations or 0
        self._annotate = annotate
        self._brief = brief
        self._passed = 0
        self._problems = 0
        self._drawn = False
        self._alike: Counter[tuple[str, str]] = Counter()
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
        if result.outcome is not Outcome.PASSED or self._every or result.message:
            wanted = self._verbose
        else:
            wanted = self._verbose and not self.live and self._has_room()
        if wanted:
            self._tell_once(result)

    def _has_room(self) -> bool:
        """Return whether one more probe that passed gets a line."""
        self._passed += 1
        if self._brief and self._passed == _MOST_NAMED + 1:
            self._print("         ... more that pass have no line here: --verbosity 2 shows them")
        return not self._brief or self._passed <= _MOST_NAMED

    def _tell_once(self, result: ProbeResult) -> None:
        """Print the line of a probe, unless it is one more problem of those that have filled the log already."""
        if result.is_problem and not self._every:
            alike = details.cause(explanation(result), "")
            self._alike[alike] += 1
            if self._alike[alike] == _MOST_ALIKE + 1:
                self._print("         ... more with the same message have no line here")
            if self._alike[alike] > _MOST_ALIKE:
                return
        told = f": {one_line(result.message)}" if result.outcome is Outcome.PASSED and result.message else ""
        self._print(_line(result) + told, _style(result))

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
        """Print each cause of problems, what closes the gate last, where people look first; their list; the verdict."""
        found = causes(run.results)
        problems = [cause for cause in found if cause.first.is_problem]
        told = problems if self._every else problems[:_MOST_TOLD]
        if more := len(problems) - len(told):
            self._print(f"[... {more} more causes of problems are not told in full: --verbosity 2 does so ...]\n")
        for cause in sorted(told, key=lambda cause: cause.closes_gate):
            self._tell(cause)
        if self._every:
            self._warned([result for result in run.results if result.logs and not result.is_problem])
        if self._durations and (results := slowest(run, self._durations)):
            self._print(f"The slowest {len(results)}:")
            for result in results:
                self._print(f"{seconds(result.duration):>10}  {one_line(result.label)}")
            self._print("")
        if self._annotate:
            self._print(github.render(run).rstrip("\n"))
        # A single one is just above.
        if self._brief or len(run.problems) > 1 or any(not cause.first.is_problem for cause in found):
            self._list("The gate is closed by:", [cause for cause in found if cause.closes_gate])
            self._list("Warn-only:", [cause for cause in found if not cause.closes_gate])
        style = f"{_BOLD};{_GREEN if run.passed else _RED}"
        self._print(f"{verdict(run)}; {tally(run)} in {seconds(run.duration)}", style)
        self._outlet.finish()

    def _tell(self, cause: Cause) -> None:
        """Print a problem in full, for all that have its cause; where every detail is asked for, each of them."""
        for result in cause.results if self._every else cause.results[:1]:
            others = 0 if self._every else len(cause.results) - 1
            self._print("=" * self._rule)
            self._print(_line(result) + (f" and {others} more like it" if others else ""), f"{_BOLD};{_style(result)}")
            self._print("-" * self._rule)
            for line in (explanation(result), *contact(result)):
                self._print(line)
            short, whole = details.parted(result.details)
            self._print_text("", whole if self._every else short)
            self._print_text("--- logged ---\n", result.logs)
            self._print_text("--- captured output ---\n", result.output)
            self._print_text("", "".join(attached(result)))
            self._print("")

    def _warned(self, results: Sequence[ProbeResult]) -> None:
        """Print what Python warned of while probes ran that are no problem."""
        for result in results:
            self._print(f"warned of by {one_line(result.label)}:", _YELLOW)
            self._print(f"{result.logs.strip()}\n")

    def _print_text(self, heading: str, text: str) -> None:
        """Print a text of several lines, of a long one the beginning and the end."""
        if not text.strip():
            return
        lines = text.strip("\n").split("\n")
        if (more := len(lines) - _MOST_LINES) > 0 and not self._every:
            lines[_HEAD : _HEAD + more] = [f"[... {more} lines left out: --verbosity 2 shows them ...]"]
        self._print("\n" + heading + "\n".join(lines))

    def _list(self, heading: str, found: Sequence[Cause]) -> None:
        """Name once more, by cause, what did not pass: the problems may have filled many screens."""
        if not found:
            return
        self._print(heading)
        for cause in found[:_MOST_NAMED]:
            number, style = len(cause.results), _style(cause.first)
            message = shorten(cause.message)
            labels = [one_line(result.label) for result in cause.named]
            if number == 1:
                self._print(f"  {word(cause.outcome):<8} {labels[0]}: {message}", style)
                continue
            more = f" and {cause.unnamed} more" if cause.unnamed else ""
            self._print(f"  {word(cause.outcome):<8} {number} probes: {message}", style)
            self._print(f"           {', '.join(labels)}{more}")
        if left := sum(len(cause.results) for cause in found[_MOST_NAMED:]):
            self._print(f"  and {left} more")

    def _print(self, text: str, style: str = "") -> None:
        line = unmarked(visible(text)) if self._brief else visible(text)
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
