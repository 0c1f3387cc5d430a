"""The chart as its users meet it: rendered by a real Helm, read as objects."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from tests.helm.tools import ROOT, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHART = ROOT / "helm" / "django-probe"
CI_FILES = sorted((CHART / "ci").glob("*-values.yaml"))
OLD, NEW = "3.17.2", "4.1.4"
HELMS = (OLD, NEW)
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The tests read megabytes of manifests: the one in Python would take half of their time."""


@dataclass(frozen=True)
class Rendered:
    """What Helm said; `text` are the manifests."""

    code: int
    text: str
    error: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The objects of the manifests."""
        assert self.code == 0, self.error
        return [each for each in yaml.load_all(self.text, LOADER) if each]

    def kind(self, kind: str, name: str = "") -> dict[str, Any]:
        """Return the only object of this kind whose name ends like this."""
        (found,) = [each for each in self.objects if each["kind"] == kind and each["metadata"]["name"].endswith(name)]
        return found

    def has(self, kind: str) -> bool:
        """Return whether there is an object of this kind."""
        return any(each["kind"] == kind for each in self.objects)


def helm(version: str, *arguments: str, stdin: str = "") -> Rendered:
    """Run a Helm of this version."""
    done = subprocess.run(
        [fetch(version).helm, *arguments],
        env={
            **os.environ,
            "GOGC": "off",
        },  # it ends soon: to free memory would take a fifth more
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Rendered(done.returncode, done.stdout, done.stderr)


@cache
def _template(version: str, release: str, chart: Path, flags: tuple[str, ...], values: str) -> Rendered:
    return helm(version, "template", release, str(chart), "--namespace", "prod", *flags, "--values", "-", stdin=values)


def render(
    values: dict[str, Any] | None = None,
    *flags: str,
    version: str = NEW,
    release: str = "shop",
    chart: Path = CHART,
) -> Rendered:
    """Render the chart with these values; what was rendered once is not rendered again."""
    return _template(version, release, chart, flags, json.dumps(values or {}))


def values_of(path: Path) -> dict[str, Any]:
    """Return the values of a file."""
    return yaml.load(path.read_text(encoding="utf-8"), LOADER)


def renderings() -> Iterator[Rendered]:
    """Return the rendering of each file in ci/."""
    return (render(values_of(path)) for path in CI_FILES)


def pod_of(item: dict[str, Any]) -> dict[str, Any] | None:
    """Return the pod (`metadata` and `spec`) that an object makes, or None where it makes none."""
    match item["kind"]:
        case "Pod":
            return item
        case "Job" | "Deployment":
            return item["spec"]["template"]
        case "CronJob":
            return item["spec"]["jobTemplate"]["spec"]["template"]
        case _:
            return None


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the containers of a pod, those that begin it too."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def environment(container: dict[str, Any]) -> dict[str, Any]:
    """Return the variables of a container by name: the text, or where it comes from."""
    pairs = [(each["name"], each.get("value", each.get("valueFrom"))) for each in container.get("env", [])]
    assert len(dict(pairs)) == len(pairs), f"a name stands twice: {pairs}"
    return dict(pairs)
