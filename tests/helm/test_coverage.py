"""Every branch of every template is rendered by a values file of ci/, or by values that a test has refused.

A copy of the chart notes in a map of its values which branch was taken. Two more templates print the notes, and each
refusal ends with them.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

from tests.helm import api
from tests.helm.charts import CHART, CI_FILES, OLD, render, values_of
from tests.helm.test_gate import REFUSED as OF_GATES
from tests.helm.test_history import REFUSED as OF_HISTORY
from tests.helm.test_values import SENTENCES
from tests.helm.test_web import REFUSED as OF_WEB

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# `define` is no branch, but what nobody includes is as good as untested.
BRANCH = re.compile(r"\{\{-?\s*(if|else|with|range|define)\b[^{}]*?(?P<end>-?\}\})")
REFUSAL = re.compile(r"fail (?P<sentence>.*?) (?P<end>-?\}\})")
NOTED = re.compile(r"branch-[\w.-]+")
# It gets a list and no values; test_arguments__with_which_nothing_runs_are_refused has each of its branches.
WITHOUT_VALUES = "django-probe.checkArgs"
# The templates that the charts of apps include, and what prints the notes of files that print nothing by themselves.
INCLUDES = "".join(
    f'{{{{ $_ := include "django-probe.{name}" . }}}}'
    for name in ("appEnv", "appVolumes", "appVolumeMounts", "appAnnotations")
)
TELLS = '\n# {{ concat (keys .Values.image) (keys .Values.gate) | join " " }}\n'
# What neither ci/ nor a refusal has.
MORE: list[dict[str, Any]] = [
    {"gate": {"hook": {"style": "argocd"}}, "history": {"enabled": True, "databaseSecret": {"name": "probe-history"}}},
    {"serviceMonitor": {"enabled": True, "matchLabels": {"app": "shop"}}},
    {"cronJob": {"enabled": True, "suspend": True}, "ingress": {"enabled": True}, "serviceMonitor": {"enabled": True}},
]
BEFORE = {
    "shop-django-probe-probes": {"name": "shop-django-probe-probes-0ld"},
    "shop-django-probe-probes-0ld": {"a": ""},
}


def notes(text: str) -> str:
    """Return where the notes are, in a template or a `define` that begins like this."""
    if ".root" in text:
        return "$.root.Values.image"
    return "$.gate" if ".gate." in text and ".Values" not in text else "$.Values.image"


def noting(place: str, line: int, text: str, branches: set[str]) -> str:
    """Return a piece of a template, from `line` on, that notes its branches; their names are added to `branches`."""
    where = notes(text)

    def note(found: re.Match[str]) -> str:
        column = found.start() - text.rfind("\n", 0, found.start())
        name = f"branch-{place}-line-{line + text.count(chr(10), 0, found.start())}-{column}"
        branches.add(name)
        return f'{found.group()}{{{{ $_ := set {where} "{name}" true {found["end"]}'

    def told(found: re.Match[str]) -> str:
        return f'fail (printf "%s %s" {found["sentence"]} (keys {where} | join " ")) {found["end"]}'

    return REFUSAL.sub(told, BRANCH.sub(note, text))


def instrumented(chart: Path) -> set[str]:
    """Make every template of a copy of the chart note its branches; return the names of all."""
    branches: set[str] = set()
    for path in sorted((chart / "templates").rglob("*.*")):
        text = path.read_text(encoding="utf-8")
        done, line = [], 1
        for piece in re.split(r"(?=\{\{-? define )", text):
            free = WITHOUT_VALUES in piece.split("\n")[0]
            done.append(piece if free else noting(path.name, line, piece, branches))
            line += piece.count("\n")
        path.write_text("".join(done), encoding="utf-8")
    for name in ("A.yaml", "zz.yaml"):  # Helm has an order of its own
        (chart / "templates" / name).write_text(INCLUDES + TELLS, encoding="utf-8")
    return branches


def values() -> Iterator[dict[str, Any]]:
    """Return the values, those that render the most first."""
    yield from sorted(map(values_of, CI_FILES), key=lambda each: -len(str(each)))
    yield from MORE
    for refused in (SENTENCES, OF_GATES, OF_HISTORY, OF_WEB):
        yield from (each for each, _ in refused)


def test_every_branch__is_rendered_by_some_test(tmp_path):
    """Nothing is in a template that no test has seen."""
    chart = shutil.copytree(CHART, tmp_path / "django-probe")
    missing = instrumented(chart)
    assert len(missing) > 200
    with api.cluster() as served:
        served.data = BEFORE
        for given in values():
            rendered = render(given, *served.flags, version=OLD, chart=chart)
            missing -= set(NOTED.findall(rendered.text + rendered.error))
        missing -= set(NOTED.findall(render({}, version=OLD, chart=chart, release="shop.v2").text))
    assert sorted(missing) == []
