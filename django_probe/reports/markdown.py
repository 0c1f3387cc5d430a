"""Writes a summary in GitHub's Markdown, for the page of a CI job (`$GITHUB_STEP_SUMMARY`).

https://github.github.com/gfm/. GitHub refuses more than 1 MiB: what does not fit is counted.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

from django_probe.outcomes import Outcome
from django_probe.reports import gfm
from django_probe.reports.causes import causes
from django_probe.reports.json import timestamp
from django_probe.reports.text import attached, seconds, slowest, tally, word

if TYPE_CHECKING:
    from django_probe.reports.causes import Cause
    from django_probe.results import ProbeResult, ProbeRun

MAX_BYTES: Final = 1024 * 1024
_PROBLEMS_BYTES: Final = 800_000
_SLOWEST: Final = 5
_MOST_FLAKY: Final = 50
_MOST_LABELS: Final = 200


def render(run: ProbeRun) -> str:
    """Return the verdict, the counts, each cause folded, what was flaky, the slowest; what probes say is escaped."""
    state = "passed" if run.passed else "closed"
    blocks = [
        f"## Gate {gfm.code(run.gate)}: {state} (exit {run.exit_code:d})",
        f"**{gfm.text(run.reason)}**",
        f"{gfm.text(tally(run))} in {seconds(run.duration)}",
        _facts(run),
        _counts(run),
        *_problems(causes(run.results)),
        *_flaky(run),
        *_slowest(run),
    ]
    return "\n\n".join(blocks) + "\n"


def _facts(run: ProbeRun) -> str:
    facts = {"run": run.id, "release": run.release, "host": run.host, "started": timestamp(run.started_at)}
    return " · ".join(f"{name} {gfm.code(value)}" for name, value in facts.items() if value)


def _counts(run: ProbeRun) -> str:
    rows = [("blocking", True), ("warn-only", False)]
    table = [
        ["", *(word(outcome) for outcome in Outcome)],
        ["---", *("--:" for _ in Outcome)],
    ]
    for name, blocking in rows:
        outcomes = [result.outcome for result in run.results if result.blocking is blocking]
        table.append([name, *(str(outcomes.count(outcome)) for outcome in Outcome)])
    return gfm.table(table)


def _problems(found: tuple[Cause, ...]) -> list[str]:
    return gfm.problems(map(_problem, found), len(found), _PROBLEMS_BYTES, "the other reports have them")


def _problem(cause: Cause) -> str:
    # GitHub reads a <summary> as HTML alone, and what follows a blank line as Markdown again.
    summary = f"<b>{word(cause.outcome)}</b> {_who(cause)}: {html.escape(gfm.clip(cause.message))}"
    parts = [f"<details><summary>{summary}</summary>", *_members(cause)]
    if cause.first.details.strip():
        parts.append(gfm.fenced(cause.first.details))
    if cause.first.logs.strip():
        parts += ["Logged:", gfm.fenced(cause.first.logs)]
    if cause.first.output.strip():
        parts += ["Captured output:", gfm.fenced(cause.first.output)]
    parts += map(gfm.text, attached(cause.first))
    return "\n\n".join([*parts, "</details>"])


def _who(cause: Cause) -> str:
    """Return the probe of a cause with its time, or several probes."""
    warning = "" if cause.first.blocking else " (warn-only)"
    names = ", ".join(f"<code>{html.escape(gfm.clip(result.label))}</code>" for result in cause.named)
    if len(cause.results) > 1:
        more = f" and {cause.unnamed} more" if cause.unnamed else ""
        return f"{len(cause.results)} probes{warning} ({names}{more})"
    took = "" if cause.outcome is Outcome.NOT_RUN else f" in {seconds(cause.first.duration)}"
    attempts = f", {cause.first.attempts} attempts" if cause.first.attempts > 1 else ""
    return f"{names}{warning}{took}{attempts}"


def _members(cause: Cause) -> list[str]:
    """Return who mends the probes of a cause; of several, a list of them, and of whom the rest tells."""
    if len(cause.results) == 1:
        return list(filter(None, [_contact(cause.first)]))
    items = [f"- {' · '.join(filter(None, [gfm.code(each.label), _contact(each)]))}" for each in cause.results]
    more = [f"- and {len(items) - _MOST_LABELS} more"] if len(items) > _MOST_LABELS else []
    first = cause.first
    said = first.attachments or any(text.strip() for text in (first.details, first.logs, first.output))
    return ["\n".join([*items[:_MOST_LABELS], *more]), *(["The first of them:"] if said else [])]


def _contact(result: ProbeResult) -> str:
    owner = f"owner {gfm.code(result.owner)}" if result.owner else ""
    return " · ".join(filter(None, [owner, gfm.link("runbook", result.runbook) if result.runbook else ""]))


def _flaky(run: ProbeRun) -> list[str]:
    flaky = [result for result in run.results if result.flaky]
    if not flaky:
        return []
    rows = [
        [gfm.code(result.label), str(result.attempts), _first_attempt(result), _contact(result)]
        for result in flaky[:_MOST_FLAKY]
    ]
    more = [f"and {len(flaky) - _MOST_FLAKY} more"] if len(flaky) > _MOST_FLAKY else []
    head = [["probe", "attempts", "the first", "who"], ["---", "--:", "---", "---"]]
    return ["### Flaky: passed after a problem", gfm.table([*head, *rows]), *more]


def _first_attempt(result: ProbeResult) -> str:
    if not result.earlier:
        return ""
    first = result.earlier[0]
    return gfm.text(gfm.clip(f"{word(first.outcome)}: {first.message}" if first.message else word(first.outcome)))


def _slowest(run: ProbeRun) -> list[str]:
    if not (results := slowest(run, _SLOWEST)):
        return []
    rows = [[gfm.code(result.label), word(result.outcome), seconds(result.duration)] for result in results]
    return ["### Slowest", gfm.table([["probe", "outcome", "time"], ["---", "---", "--:"], *rows])]
