"""Writes the page of a run as one file, which needs nothing but itself; its parts are the history's pages' too.

No script, no font and no image is loaded, and its own Content-Security-Policy says so. It is made without Django's
settings, by an engine of its own, so that it can be made where a project does not start.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.template import Context, Engine
from django.utils.safestring import mark_safe

from django_probe.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_probe.results import ProbeResult, ProbeRun

TEMPLATES: Final = Path(__file__).parent / "templates"
FILTERS: Final = "django_probe.reports.html.filters"
STYLE: Final = (TEMPLATES / "probe_report" / "style.css").read_text(encoding="utf-8")
_IN_FULL: Final = 1_000
"""Problems that are shown in full; those after them are in the table."""
_ROOM: Final = 1_500_000
_ATTACHED: Final = 4 * 1024 * 1024
"""Bytes of attachments in a page."""
_BRIEF: Final = 300
_MOST: Final = 20_000
_LEAST: Final = 500
"""Characters of a traceback or an output below which it would say nothing."""


def digest(text: str) -> str:
    """Return the source of a Content-Security-Policy that lets in this text, of a style or a script, alone."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY: Final = f"default-src 'none'; style-src {digest(STYLE)}; img-src data:"
_ENGINE: Final = Engine(dirs=[str(TEMPLATES)], builtins=[FILTERS])


def render(run: ProbeRun) -> str:
    """Return the page: the verdict, the problems, what was flaky, and all other results in a table."""
    in_full = run.problems[:_IN_FULL]
    others = [*run.problems[_IN_FULL:], *sorted((each for each in run.results if not each.is_problem), key=_has_run)]
    values = {
        "style": mark_safe(STYLE),  # noqa: S308 (our own file)
        "policy": mark_safe(POLICY),  # noqa: S308 (made of our own file)
        "run": run,
        "tone": "passed" if run.passed else "closed",
        "problems": in_full,
        "problems_in_all": len(run.problems),
        "most": _most(in_full),
        "show_attachments": shows_attachments(run.results),
        "flaky": [result for result in run.results if result.flaky],
        "others": others,
        "brief": min(_BRIEF, _ROOM // max(1, len(others))),
    }
    return str(_ENGINE.get_template("probe_report/run.html").render(Context(values, use_l10n=False, use_tz=False)))


def shows_attachments(results: Iterable[ProbeResult]) -> bool:
    """Return whether what these attached can be in a page: each shard of a run may have as much as a run."""
    return sum(each.weight for result in results for each in result.attachments) <= _ATTACHED


def _most(problems: Iterable[ProbeResult]) -> int:
    """Return how many characters each traceback and each output may have, so that browsers can show the page."""
    texts = sum(bool(result.details) + bool(result.logs) + bool(result.output) for result in problems)
    most = min(_MOST, _ROOM // max(1, texts))
    return most if most >= _LEAST else 0


def _has_run(result: ProbeResult) -> bool:
    return result.outcome is not Outcome.NOT_RUN
