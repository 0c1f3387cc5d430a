"""Asks Helm and kubectl, by commands that change nothing: `helm version` and `status`, `kubectl get` and `logs`."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from django_probe.reports.text import one_line
from django_probe.rollout.objects import CONTAINER, GATE_LABEL, Job, Pod, job, pod

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django_probe.rollout.command import Command

_PATIENCE: Final = 60.0
_MOST_REASONS: Final = 5


class UnreadableError(Exception):
    """The cluster did not answer what it was asked; the message is what the program said of that."""


@dataclass(frozen=True, slots=True)
class Release:
    """What Helm keeps of a release: its revision, and the names of the Jobs of gates that it has run for it."""

    revision: int
    gates: tuple[str, ...]


class Cluster:
    """The namespace that a command is about."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._selector = f"app.kubernetes.io/instance={command.release},app.kubernetes.io/component=gate,{GATE_LABEL}"
        self.sees_pods = True

    def helm_version(self) -> str:
        """Return Helm's version, such as v3.17.2."""
        return _ask("helm version", [self._command.helm, "version", "--short"]).strip().partition("+")[0]

    def release(self) -> Release | None:
        """Return what Helm keeps of the release now, None where there is no such release."""
        command = self._command
        try:
            text = _ask("helm status", [command.helm, "status", command.release, "--output=json", *command.for_helm])
        except UnreadableError as error:
            if re.search(r"release: not found", str(error)):
                return None
            raise
        said = _json("helm status", text)
        return Release(int(said.get("version", 0)), tuple(_gates(said.get("hooks") or [])))

    def look(self) -> tuple[list[Job], list[Pod]]:
        """Return the Jobs of the release's gates, and their pods where they can be read."""
        items = self._get("jobs,pods" if self.sees_pods else "jobs", f"--selector={self._selector}")
        jobs = [job(item) for item in items if item.get("kind") == "Job"]
        return jobs, [pod(item) for item in items if item.get("kind") == "Pod"]

    def reasons(self, uid: str) -> list[str]:
        """Return what the events of an object warn of, the latest of each reason."""
        events = self._get("events", f"--field-selector=involvedObject.uid={uid}")
        warnings = [each for each in events if each.get("type") == "Warning"]
        warnings.sort(key=lambda each: str(each.get("lastTimestamp") or each.get("eventTime") or ""))
        latest = {each.get("reason", ""): one_line(f"{each.get('reason')}: {each.get('message')}") for each in warnings}
        return list(latest.values())[-_MOST_REASONS:]

    def log_command(self, name: str, *options: str) -> list[str]:
        """Return the command that prints the log of a pod's gate."""
        return [*self._kubectl(), "logs", name, f"--container={CONTAINER}", *options]

    def log(self, name: str) -> list[str]:
        """Return the lines of the log of a pod's gate."""
        return _ask("kubectl logs", self.log_command(name)).splitlines()

    def _get(self, kinds: str, selector: str) -> list[Mapping[str, Any]]:
        command = [*self._kubectl(), "get", kinds, selector, "--output=json"]
        what = f"kubectl get {kinds}"
        items = _json(what, _ask(what, command)).get("items")
        return [item for item in items or [] if isinstance(item, dict)]

    def _kubectl(self) -> list[str]:
        return [self._command.kubectl, *self._command.for_kubectl]


def _gates(hooks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of the gates' Jobs that were hooks of this revision and have run."""
    found = []
    for hook in hooks:
        if hook.get("kind") == "Job" and (hook.get("last_run") or {}).get("phase") not in (None, "", "Unknown"):
            try:
                metadata = yaml.safe_load(hook.get("manifest", ""))["metadata"]
            except (yaml.YAMLError, TypeError, KeyError):
                continue
            if GATE_LABEL in (metadata.get("labels") or {}):
                found.append(str(metadata.get("name")))
    return found


def _ask(what: str, command: Sequence[str]) -> str:
    try:
        done = subprocess.run(  # noqa: PLW1510 (its exit code is looked at)
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            process_group=0,  # what a terminal sends is for Helm
        )
    except subprocess.TimeoutExpired:
        raise UnreadableError(f"{what}: no answer within {_PATIENCE:.0f} s") from None
    except OSError as error:
        raise UnreadableError(f"{what}: {error.strerror or error}") from None
    if done.returncode:
        said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        raise UnreadableError(f"{what}: {one_line(said[-1]) if said else f'exit code {done.returncode}'}")
    return done.stdout.decode("utf-8", "replace")


def _json(what: str, text: str) -> Mapping[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise UnreadableError(f"{what}: the answer is no JSON")
    return said
