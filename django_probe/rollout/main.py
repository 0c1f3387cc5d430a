"""`django-probe rollout`: parses, starts Helm, watches, decides, reports."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Final, NoReturn

from django_probe.errors import UsageError
from django_probe.reports import github
from django_probe.reports.delivery.delivery import Delivery, Report
from django_probe.reports.delivery.wanted import Once
from django_probe.rollout import command as commands
from django_probe.rollout import evidence, summary
from django_probe.rollout.account import Account
from django_probe.rollout.cluster import Cluster, UnreadableError
from django_probe.rollout.observe import Observer, say, show
from django_probe.rollout.process import KILLED, Helm
from django_probe.rollout.verdict import decide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_probe.rollout.cluster import Release
    from django_probe.rollout.command import Command

USAGE: Final = 2
_INTERRUPTED: Final = 130
_SEPARATOR: Final = "--"
_EVERY: Final = 1.0
"""Seconds between two looks at the cluster."""
_LATE: Final = 30
"""Seconds after the deadline of a Job in which Kubernetes ends it."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def rollout(arguments: Sequence[str]) -> int:
    """Run the Helm command that follows `--`, and return the exit code of the rollout."""
    own, separator, words = _split(arguments)
    annotate = github.wanted(asked="--annotations" in own)
    try:
        options = _parser().parse_args(own)
        asked = [
            Report("--junit", options.junit, evidence.junit),
            Report("--summary", options.summary, summary.render),
            Report("--html", options.html, evidence.html),
        ]
        delivery = Delivery([report for report in asked if report.path is not None], sys.stdout)
        delivery.prepare()  # no report of an earlier rollout outlives what may happen now
        if not separator:
            raise UsageError("the Helm command has to follow --, as in: django-probe rollout -- helm upgrade …")
        command = commands.read(words)
        cluster = Cluster(command)
        account = _beginning(cluster)
        try:
            helm = Helm(command.words)
        except OSError as error:
            raise UsageError(f"{command.words[0]} cannot be started: {error.strerror or error}") from None
    except (UsageError, UnreadableError) as error:
        say(str(error))
        if annotate:
            show(evidence.refusal(str(error)))
        return USAGE
    except KeyboardInterrupt:
        return _INTERRUPTED
    observer = Observer(cluster, account)
    _watch(helm, observer, account)
    outcome = _outcome(command, helm, cluster, observer, account)
    say(outcome.verdict.sentence)
    if annotate and (lines := evidence.annotated(outcome)):
        show(lines)
    for sentence in delivery.deliver(outcome):
        say(sentence)
    return outcome.verdict.code


def _split(arguments: Sequence[str]) -> tuple[Sequence[str], bool, Sequence[str]]:
    if _SEPARATOR not in arguments:
        return arguments, False, ()
    at = list(arguments).index(_SEPARATOR)
    return arguments[:at], True, arguments[at + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="django-probe rollout",
        usage="django-probe rollout [--junit PATH] [--summary PATH] [--html PATH] [--annotations] -- helm upgrade …",
        description="Runs Helm, shows the gate's log while it runs, waits for every shard, and writes the reports.",
        epilog="Exit code: Helm's; but 1 if Helm ends with 0 and no gate ran and passed since the start. 2: Helm was "
        "not started. It needs the rights to get and list Jobs, pods and events, and to get the logs of pods.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--junit", action=Once, metavar="PATH", help='the JUnit XML of all shards; "-" is standard output'
    )
    parser.add_argument(
        "--summary", action=Once, metavar="PATH", help="a summary in Markdown, as for $GITHUB_STEP_SUMMARY"
    )
    parser.add_argument("--html", action=Once, metavar="PATH", help="the page of the gate's run as one file")
    parser.add_argument("--annotations", action="store_true", help="show problems in GitHub Actions, beside the code")
    return parser


def _beginning(cluster: Cluster) -> Account:
    """Return an account of what is there before Helm starts. Raise an error if that cannot be read."""
    version = cluster.helm_version()
    if not version.startswith(("v3.", "v4.")):
        raise UsageError(f"this is Helm {version}; it has to be Helm 3 or 4")
    release = cluster.release()
    try:
        jobs, _ = cluster.look()
    except UnreadableError as error:
        cluster.sees_pods = False
        jobs, _ = cluster.look()
        say(f"the pods cannot be read, so that there is neither a log nor a report: {error}")
    return Account((job.uid for job in jobs), release.revision if release else 0)


def _watch(helm: Helm, observer: Observer, account: Account) -> None:
    """Watch until Helm and every gate has ended; where a signal ended Helm, nobody waits for the gates."""
    observer.look()
    while not helm.ends_within(_EVERY):
        observer.look()
    ended = time.monotonic()
    while not observer.look() and time.monotonic() < ended + _LATE:
        time.sleep(_EVERY)
    account.close()
    while helm.code < KILLED and not helm.signals and account.open:
        if time.monotonic() > ended + max(job.limit for job in account.open) + _LATE:
            break
        time.sleep(_EVERY)
        observer.look()


def _outcome(command: Command, helm: Helm, cluster: Cluster, observer: Observer, account: Account) -> evidence.Outcome:
    lines = observer.reports()
    shards, missing = [], []
    for job in account.judges:
        latest = account.latest(job)
        for pod in account.pods(job):
            if pod != latest[pod.shard]:
                say(f"{pod.name}: an earlier attempt at shard {pod.shard}/{job.shards}; the latest decides")
        found, not_found = evidence.reports_of(job, latest, lines)
        shards += found
        missing += not_found
    verdict = decide(command.release, helm.code, account, _now(cluster, helm), observer.why)
    return evidence.Outcome(command.release, verdict, shards, missing)


def _now(cluster: Cluster, helm: Helm) -> Release | None:
    """Return what Helm keeps of the release, if it says that all went well."""
    if helm.code:
        return None
    try:
        return cluster.release()
    except UnreadableError as error:
        say(f"what Helm keeps of the release cannot be read: {error}")
        return None
