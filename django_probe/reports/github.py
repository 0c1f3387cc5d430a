"""Writes a run's problems as commands for GitHub Actions, which shows them beside the code and on the run's page.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands. Of one step it shows ten.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from django_probe.process.environment import environment
from django_probe.process.originals import Original
from django_probe.reports.text import contact, explanation, one_line

if TYPE_CHECKING:
    from django_probe.results import ProbeResult, ProbeRun

_MOST: Final = 10


def wanted(*, asked: bool) -> bool:
    """Return whether to write them: where it was asked for, and GitHub Actions is there to read them."""
    return asked and environment("GITHUB_ACTIONS") == "true"


def render(run: ProbeRun) -> str:
    """Return a line for each problem, the blocking ones first; of a gate that closes without one, its reason."""
    lines = [_line(result) for result in run.problems[:_MOST]]
    if not run.passed and not any(result.blocking for result in run.problems):
        lines.insert(0, command("error", {"title": f"gate {run.gate}"}, run.reason))
    return "".join(f"{line}\n" for line in lines[:_MOST])


def command(level: str, properties: dict[str, str], message: str) -> str:
    """Return a command by which GitHub Actions shows a message; `level` is error, warning or notice."""
    told = ",".join(f"{name}={_property(one_line(value))}" for name, value in properties.items())
    return f"::{level} {told}::{_data(message)}"


def _line(result: ProbeResult) -> str:
    place = {"file": _from_workspace(result.file), "line": str(result.line or 1)} if result.file else {}
    level = "error" if result.blocking else "warning"
    return command(level, {**place, "title": result.label}, "\n".join([explanation(result), *contact(result)]))


def _from_workspace(file: str) -> str:
    """Return the path as GitHub knows it, from the folder of the repository, whatever folder the command ran in."""
    workspace = environment("GITHUB_WORKSPACE")
    try:
        path = os.path.join(Original.getcwd(), file)  # noqa: PTH118 (a Path would follow nothing either, and is longer)
        inside = os.path.relpath(path, workspace) if workspace else os.pardir
    except (OSError, ValueError):  # the folder was removed; a path holds a NUL
        return file
    return file if inside.startswith(os.pardir) else inside


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
