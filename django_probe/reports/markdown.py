"""Writes a summary in GitHub's Markdown, for the page of a CI job (`$GITHUB_STEP_SUMMARY`).

https://github.github.com/gfm/. GitHub refuses more than 1 MiB: what does not fit is counted.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

from django_probe.reports.json import timestamp
from django_probe.reports.text import explanation, one_line, seconds, slowest, tally, visible, word
from django_probe.results import Outcome

if TYPE_CHECKING:
    from django_probe.results import ProbeResult, ProbeRun

MAX_BYTES: Final = 1024 * 1024
_PROBLEMS_BYTES: Final = 900_000
_MAX_TEXT: Final = 20_000
_MAX_LINE: Final = 500
_SLOWEST: Final = 5
_BACKTICKS: Final = re.compile("`+")


def render(run: ProbeRun) -> str:
    """Return the verdict, the counts, every problem folded, and the slowest; what probes say is escaped."""
    state = "passed" if run.passed else "closed"
    blocks = [
        f"## Gate {_code(run.gate)}: {state} (exit {run.exit_code:d})",
        f"**{_text(run.reason)}**",
        f"{_text(tally(run))} in {seconds(run.duration)}",
        _facts(run),
        _counts(run),
        *_problems(run.problems),
        *_slowest(run),
    ]
    return "\n\n".join(blocks) + "\n"


def _facts(run: ProbeRun) -> str:
    facts = {"run": run.id, "release": run.release, "host": run.host, "started": timestamp(run.started_at)}
    return " · ".join(f"{name} {_code(value)}" for name, value in facts.items() if value)


def _counts(run: ProbeRun) -> str:
    rows = [("blocking", True), ("warn-only", False)]
    table = [
        ["", *(word(outcome) for outcome in Outcome)],
        ["---", *("--:" for _ in Outcome)],
    ]
    for name, blocking in rows:
        outcomes = [result.outcome for result in run.results if result.blocking is blocking]
        table.append([name, *(str(outcomes.count(outcome)) for outcome in Outcome)])
    return _table(table)


def _problems(problems: tuple[ProbeResult, ...]) -> list[str]:
    blocks = ["### Problems"] if problems else []
    room = _PROBLEMS_BYTES
    for number, result in enumerate(problems):
        block = _problem(result)
        room -= len(block.encode()) + 2
        if room < 0:
            blocks.append(f"{len(problems) - number} more did not fit here; the other reports have them.")
            break
        blocks.append(block)
    return blocks


def _problem(result: ProbeResult) -> str:
    # GitHub reads a <summary> as HTML alone, and what follows a blank line as Markdown again.
    title = f"<b>{word(result.outcome)}</b> <code>{html.escape(_clip(result.label))}</code>"
    warning = "" if result.blocking else " (warn-only)"
    attempts = f", {result.attempts} attempts" if result.attempts > 1 else ""
    summary = f"{title}{warning} in {seconds(result.duration)}{attempts}: {html.escape(_clip(explanation(result)))}"
    parts = [f"<details><summary>{summary}</summary>"]
    if result.details.strip():
        parts.append(_fenced(result.details))
    if result.output.strip():
        parts += ["Captured output:", _fenced(result.output)]
    return "\n\n".join([*parts, "</details>"])


def _slowest(run: ProbeRun) -> list[str]:
    if not (results := slowest(run, _SLOWEST)):
        return []
    rows = [[_code(result.label), word(result.outcome), seconds(result.duration)] for result in results]
    return ["### Slowest", _table([["probe", "outcome", "time"], ["---", "---", "--:"], *rows])]


def _table(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _text(text: str) -> str:
    """Escape a line of our own words that may contain a name."""
    return re.sub(r"([\\`*_{}\[\]<>&#|~@])", lambda match: f"&#{ord(match.group())};", one_line(text))


def _code(text: str) -> str:
    """Return a name in the font of code, even if it has a character that would end a code span or a cell."""
    line = _clip(text) or "?"
    return f"<code>{_text(line)}</code>" if re.search(r"[`|\\]", line) else f"`{line}`"


def _fenced(text: str) -> str:
    """Return a code block with the end of `text`, the part that matters most."""
    kept = visible(text).strip("\n")
    if len(kept) > _MAX_TEXT:
        kept = f"[…] the first {len(kept) - _MAX_TEXT} characters are left out here\n{kept[-_MAX_TEXT:]}"
    fence = "`" * max(3, _longest_run(kept) + 1)
    return f"{fence}text\n{kept}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)


def _clip(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _MAX_LINE else f"{line[:_MAX_LINE]}…"
