"""The rollout in GitHub's Markdown, for the page of a CI job (`$GITHUB_STEP_SUMMARY`)."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

from django_probe.reports import gfm

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

    from django_probe.rollout.evidence import Outcome

_KINDS: Final = ("failure", "error", "skipped")
_PROBLEMS_BYTES: Final = 900_000  # GitHub refuses more than 1 MiB in all


def render(outcome: Outcome) -> str:
    """Return the verdict, the counts of all shards together, and every problem folded; what probes say is escaped."""
    verdict = outcome.verdict
    cases = list(outcome.merged().iter("testcase"))
    state = "failed" if verdict.code else "passed"
    blocks = [
        f"## Rollout of {gfm.code(outcome.release)}: {state} (exit {verdict.code})",
        f"**{gfm.text(verdict.sentence)}**",
        _counts(cases),
        *(f"Missing: {gfm.text(sentence)}" for sentence in outcome.missing if not verdict.code),
        *_problems(cases),
    ]
    return "\n\n".join(blocks) + "\n"


def _counts(cases: list[ET.Element]) -> str:
    found = [sum(case.find(kind) is not None for case in cases) for kind in _KINDS]
    row = [len(cases) - sum(found), *found]
    return gfm.table([["passed", "failed", "error", "skipped"], ["--:"] * 4, [str(count) for count in row]])


def _problems(cases: list[ET.Element]) -> list[str]:
    problems = [(case, found) for case in cases for kind in _KINDS[:2] if (found := case.find(kind)) is not None]
    blocks = (_problem(case, found) for case, found in problems)
    return gfm.problems(blocks, len(problems), _PROBLEMS_BYTES, "the JUnit report has them")


def _problem(case: ET.Element, problem: ET.Element) -> str:
    # GitHub reads a <summary> as HTML alone, and what follows a blank line as Markdown again.
    name = gfm.clip(f"{case.get('classname')}.{case.get('name')}")
    outcome = problem.get("type", "") if problem.get("type") == "timeout" else problem.tag.replace("failure", "failed")
    title = f"<b>{outcome}</b> <code>{html.escape(name)}</code>: {html.escape(gfm.clip(problem.get('message', '')))}"
    parts = [f"<details><summary>{title}</summary>"]
    if (details := problem.text or "").strip():
        parts.append(gfm.fenced(details))
    if (output := case.findtext("system-out", "")).strip():
        parts += ["Captured output:", gfm.fenced(output)]
    return "\n\n".join([*parts, "</details>"])
