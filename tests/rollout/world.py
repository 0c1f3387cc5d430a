"""A cluster of files: `helm` and `kubectl` on the PATH that say what Helm 3, Helm 4 and Kubernetes say.

A test writes what the cluster looks like at each step, and what Helm does while it goes through them. Each step waits
until kubectl was asked, so that nothing is missed.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from django_probe.reports import sink
from django_probe.results import Outcome, ProbeResult, ProbeRun
from tests import warm
from tests.conftest import ROOT
from tests.patience import PATIENCE, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.webservers import Process

START = datetime(2026, 11, 29, 10, tzinfo=UTC)
KUBECTL = """\
#!/bin/sh
echo "kubectl $*" >>"$WORLD/calls"
while case $1 in --*) true ;; *) false ;; esac; do shift; done
if [ -e "$WORLD/forbidden.$1.$2" ] || [ -e "$WORLD/forbidden.$1" ]; then
    echo 'E1129 12:00:00 memcache.go:265] noise' >&2
    echo "Error from server (Forbidden): $2 is forbidden: User \\"ci\\" cannot list it" >&2
    exit 1
fi
case $1 in
get)
    if [ "$2" = events ]; then
        cat "$WORLD/events.${3##*=}" 2>/dev/null || echo '{"items": []}'
        exit
    fi
    step=$(readlink "$WORLD/now")
    cat "$WORLD/$step/$2.json"
    echo >>"$WORLD/seen.$step"
    ;;
logs)
    case $* in *--follow*) while [ -e "$WORLD/open.$2" ]; do sleep 0.02; done ;; esac
    cat "$WORLD/log.$2"
    ;;
esac
"""
HELM = """\
#!/bin/sh
echo "helm $*" >>"$WORLD/calls"
looks() { # wait until the cluster was looked at so often, at its present step
    while [ "$(cat "$WORLD/seen.$(readlink "$WORLD/now")" 2>/dev/null | wc -l)" -lt "$1" ]; do sleep 0.02; done
}
step() { ln -sfn "$1" "$WORLD/next"; mv -T "$WORLD/next" "$WORLD/now"; looks 1; }
deployed() { cp "$WORLD/deployed.json" "$WORLD/release.json"; }
case $1 in
version) cat "$WORLD/version" ;;
status)
    if ! cat "$WORLD/release.json" 2>/dev/null; then
        echo "Error: release: not found" >&2
        exit 1
    fi
    ;;
*) . "$WORLD/script" ;;
esac
"""
# A look each 20 ms, in place of each second.
RUNNER = """\
import sys
from django_probe.rollout import main
from django_probe.__main__ import main as program
main._EVERY = 0.02
main._LATE = 0.5
sys.argv[0] = "django-probe"
program()
"""
CLOSED_BY_HELM_3 = """\
echo 'Error: UPGRADE FAILED: release shop failed, and has been rolled back due to atomic being set: post-upgrade hooks \
failed: 1 error occurred:
	* job shop-probe-gate-12 failed: BackoffLimitExceeded' >&2
exit 1
"""
CLOSED_BY_HELM_4 = """\
echo 'level=INFO msg="gate deploy: CLOSED (exit 1)\\n" hook=shop-probe-gate-12' >&2
echo 'Error: UPGRADE FAILED: release shop failed, and has been rolled back due to rollback-on-failure being set: \
post-upgrade hooks failed: resource Job/prod/shop-probe-gate-12 not ready. status: Failed' >&2
exit 1
"""
CLOSED = {"v3.17.2": CLOSED_BY_HELM_3, "v4.1.4": CLOSED_BY_HELM_4}


def job(
    revision: int = 12, *, uid: str = "", state: str = "", shards: int = 1, limit: int = 5, **annotations: str
) -> dict:
    """Return the Job of the gate as Kubernetes has it; `state` is Complete, Failed, or "" while it runs."""
    reason = {"Failed": ("BackoffLimitExceeded", "Job has reached the specified backoff limit")}.get(state, ("", ""))
    spec: dict[str, Any] = {"activeDeadlineSeconds": limit}
    if shards > 1:
        spec |= {"completionMode": "Indexed", "completions": shards}
    conditions = [{"type": state, "status": "True", "reason": reason[0], "message": reason[1]}] if state else None
    return {
        "kind": "Job",
        "metadata": {
            "uid": uid or f"job-{revision}",
            "name": f"shop-probe-gate-{revision}",
            "namespace": "prod",
            "labels": {"django-probe/gate": "deploy", "django-probe/revision": str(revision)},
            "annotations": {"helm.sh/hook-delete-policy": "before-hook-creation", **annotations},
        },
        "spec": spec,
        "status": {"conditions": conditions},
    }


def pod(name: str = "pod", of: str = "job-12", *, shard: int | None = None, minute: int = 0, **status: Any) -> dict:
    """Return a pod of the Job; `status` is running=True, code=N with said=…, waiting=(reason, message), or a status."""
    state: dict[str, Any] = {}
    if status.pop("running", False):
        state = {"running": {"startedAt": "2026-11-29T10:00:00Z"}}
    elif (code := status.pop("code", None)) is not None:
        state = {"terminated": {"exitCode": code, "message": status.pop("said", "")}}
    elif waiting := status.pop("waiting", None):
        state = {"waiting": dict(zip(("reason", "message"), waiting, strict=True))}
    labels = {"batch.kubernetes.io/controller-uid": of}
    if shard is not None:
        labels["batch.kubernetes.io/job-completion-index"] = str(shard)
    sidecar = {"name": "istio-proxy", "state": {"running": {}}}
    return {
        "kind": "Pod",
        "metadata": {
            "uid": f"uid-{name}",
            "name": name,
            "labels": labels,
            "creationTimestamp": f"2026-11-29T10:{minute:02}:00Z",
        },
        "status": {"containerStatuses": [sidecar, {"name": "gate", "state": state}], **status},
    }


def said(code: int, reason: str) -> str:
    """Return the termination message of a gate."""
    return json.dumps({"passed": not code, "exit_code": code, "reason": reason, "gate": "deploy"})


def log(name: str, *, fails: bool = False, shard: str = "0/1", run: str = "job-12") -> str:
    """Return the log of a gate with one probe, as a pod prints it: report and words on one stream."""
    problem = {"message": "402 != 200", "details": "Traceback of pay"} if fails else {}
    outcome = Outcome.FAILED if fails else Outcome.PASSED
    result = ProbeResult(f"shop.TestShop.{name}", outcome, started_at=START, duration=0.05, **problem)
    part = None if shard == "0/1" else shard
    report = sink.render(ProbeRun(run, "deploy", START, START + timedelta(seconds=0.5), 1, (result,), shard=part))
    verdict = "CLOSED (exit 1): 1 blocking probe did not pass" if fails else "PASSED (exit 0): every probe passed"
    return f"{'failed' if fails else 'passed'}   shop.TestShop.{name} (0.050s)\n{report}gate deploy: {verdict}\n"


@dataclass
class Done:
    """What a rollout left: its exit code, what it printed, and the reports, None where there is none."""

    code: int
    out: str
    err: str
    calls: list[str]
    junit: ET.Element | None
    summary: str | None

    @property
    def sentences(self) -> list[str]:
        """What the rollout itself said."""
        return [line.removeprefix("rollout: ") for line in self.err.splitlines() if line.startswith("rollout: ")]

    @property
    def cases(self) -> dict[str, str]:
        """The cases of the JUnit report, each with the message of its problem, "" where it has none."""
        assert self.junit is not None, self.err
        found = {}
        for case in self.junit.iter("testcase"):
            problems = [*case.iter("failure"), *case.iter("error")]
            found[case.get("name")] = problems[0].get("message") if problems else ""
        return found


@dataclass
class World:
    """The cluster of one test."""

    path: Path
    steps: int = 0
    variables: dict[str, str] = field(default_factory=dict)

    def step(self, *objects: dict) -> int:
        """Add what the cluster looks like at the next step, and return its number. The first is that of the start."""
        folder = self.path / str(self.steps)
        folder.mkdir()
        for kinds in ("jobs", "jobs,pods"):
            items = [each for each in objects if f"{each['kind'].lower()}s" in kinds.split(",")]
            (folder / f"{kinds}.json").write_text(json.dumps({"items": items}), encoding="utf-8")
        self.steps += 1
        return self.steps - 1

    def write(self, name: str, content: str | dict) -> None:
        """Write a file that the programs read."""
        text = content if isinstance(content, str) else json.dumps(content)
        (self.path / name).write_text(text, encoding="utf-8")

    def release(self, revision: int, status: str = "deployed", *, ran: tuple[str, ...] = ()) -> dict:
        """Return what Helm keeps of a release; `ran` are the Jobs of gates that it has run as hooks."""
        hooks = [
            {"kind": "Job", "name": "other", "manifest": "metadata: {name: other}", "last_run": {"phase": "Failed"}}
        ]
        for name in ran:
            labels = {"django-probe/gate": "deploy"}
            manifest = json.dumps({"kind": "Job", "metadata": {"name": name, "labels": labels}})
            hooks.append({"kind": "Job", "name": name, "manifest": manifest, "last_run": {"phase": "Succeeded"}})
        return {"name": "shop", "version": revision, "info": {"status": status}, "hooks": hooks}

    def warns(self, uid: str, *warnings: tuple[str, str]) -> None:
        """Add events to an object, with a normal one among them."""
        events = [{"type": "Normal", "reason": "Scheduled", "message": "all is well"}]
        for minute, (reason, message) in enumerate(warnings):
            time = f"2026-11-29T10:{minute:02}:00Z"
            events.append({"type": "Warning", "reason": reason, "message": message, "lastTimestamp": time})
        self.write(f"events.{uid}", {"items": events[::-1]})

    def begin(self, script: str, version: str = "v3.17.2") -> dict[str, str]:
        """Go to the first step, let Helm do what the script says, and return the environment with the programs."""
        self.write("script", script)
        self.write("version", f"{version}+g1234\n")
        if not self.steps:
            self.step()
        (self.path / "now").unlink(missing_ok=True)
        (self.path / "now").symlink_to("0")
        for seen in self.path.glob("seen.*"):
            seen.unlink()
        path = f"{self.path}:{os.environ['PATH']}"
        return {"PATH": path, "PYTHONPATH": str(ROOT), "WORLD": str(self.path), **self.variables}

    def start(self, *arguments: str, script: str = "exit 0", version: str = "v3.17.2") -> Process:
        """Start a rollout of the release `shop`."""
        command = [sys.executable, "-c", RUNNER, "rollout", *(arguments or self.usual)]
        return warm.piped(command, cwd=self.path, env=self.begin(script, version))

    @property
    def usual(self) -> tuple[str, ...]:
        """Arguments with both reports."""
        return ("--junit", "gate.xml", "--summary", "gate.md", "--", "helm", "upgrade", "shop", "./shop", "-n", "prod")

    def finish(self, process: Process) -> Done:
        """Wait for the rollout's end."""
        out, err = (told.decode() for told in process.communicate(timeout=PATIENCE))
        calls, junit, summary = (self.path / name for name in ("calls", "gate.xml", "gate.md"))
        return Done(
            process.returncode,
            out,
            err,
            calls.read_text(encoding="utf-8").splitlines() if calls.exists() else [],
            ET.parse(junit).getroot() if junit.exists() else None,
            summary.read_text(encoding="utf-8") if summary.exists() else None,
        )

    def run(self, *arguments: str, **more: Any) -> Done:
        """Run a rollout to its end."""
        return self.finish(self.start(*arguments, **more))

    def interrupt(self, process: Process, after: str, number: int = signal.SIGINT) -> None:
        """Send a signal to the rollout alone, once a file is there."""
        wait_for((self.path / after).exists, after)
        process.send_signal(number)


def made(folder: Path) -> World:
    """Return a cluster in which the release `shop` is at revision 11."""
    world = World(folder)
    program = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(RUNNER)} "$@"\n'
    for name, text in {"helm": HELM, "kubectl": KUBECTL, "django-probe": program}.items():
        world.write(name, text)
        (folder / name).chmod(0o755)
    world.write("release.json", world.release(11, ran=("shop-probe-gate-11",)))
    world.write("deployed.json", world.release(12, ran=("shop-probe-gate-12",)))
    return world
