"""Which reports were asked for, by the options of `manage.py probe` and by the environment."""

from __future__ import annotations

import argparse
import os
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from django_probe.process.environment import environment
from django_probe.reports.delivery.delivery import STDOUT, Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_probe.results import ProbeRun

OPTIONS: Final[Mapping[str, str]] = {"--junit": "junit", "--json": "json", "--summary": "markdown", "--html": "html"}
"""The options that ask for a report, and the modules that render it."""


class Once(argparse.Action):
    """An option of a report: it is refused where it is given twice, for the first report would not be written."""

    def __call__(
        self, _parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, _option: str | None = None
    ) -> None:
        """Keep the value; argparse's error where there is one already."""
        if getattr(namespace, self.dest) != self.default:
            raise argparse.ArgumentError(self, "given twice; it writes one report")
        setattr(namespace, self.dest, values)


def by_option(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the options that ask for a report, each with the name of the module that renders it."""
    return {option: name for option, name in OPTIONS.items() if options.get(name) is not None}


def of_options(options: Mapping[str, Any]) -> list[Report[ProbeRun]]:
    """Return the reports that options ask for; an option has a path, or a list of several."""
    given = [(option, name, options[name]) for option, name in by_option(options).items()]
    return [
        _report(option, path, name)
        for option, name, value in given
        for path in ([value] if isinstance(value, str) else value)
    ]


def wanted(options: Mapping[str, Any], folder: str = "") -> list[Report[ProbeRun]]:
    """Return every report that options and environment ask for.

    Their paths are relative to `folder`; if that is empty, to the one that the process is in.
    """
    reports = of_options(options)
    if path := environment("PROBE_TERMINATION_LOG"):
        reports.append(_report("PROBE_TERMINATION_LOG", path, "termination", in_place=True))
    if sink() == "log":
        reports.append(_report("PROBE_REPORT_SINK", STDOUT, "sink"))
    return [
        report if report.path == STDOUT else report._replace(path=os.path.join(folder, report.path))  # noqa: PTH118 (a Path would drop the slash at the end of a folder's name)
        for report in reports
    ]


def sink() -> str:
    """Return where PROBE_REPORT_SINK wants the JUnit XML besides files: "log" or "none", or what is neither."""
    return environment("PROBE_REPORT_SINK", lambda: "none")


def _report(option: str, path: str, name: str, *, in_place: bool = False) -> Report[ProbeRun]:
    """Ask for what a module of `reports` renders; it is imported only here, and while the probes are loading."""
    module = partial(import_module, f"django_probe.reports.{name}")

    def render(run: ProbeRun) -> str:
        rendered: str = module().render(run)
        return rendered

    return Report(option, path, render, in_place=in_place, warm_up=module)
