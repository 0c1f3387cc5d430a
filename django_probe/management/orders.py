"""What the options of `manage.py probe` order: the runner, the reports, and who hears of the run."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.apps import apps

from django_probe import conf
from django_probe.errors import UsageError
from django_probe.execution.listener import Listeners
from django_probe.execution.secrets import redaction
from django_probe.process.environment import environment
from django_probe.reports.delivery.delivery import Delivery
from django_probe.reports.delivery.wanted import by_option, sink, wanted
from django_probe.simple import DjangoProbeSuiteRunner
from django_probe.terms import Isolation, Wishes, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from django_probe.execution.listener import Listener
    from django_probe.history.notices.messenger import Messenger
    from django_probe.history.storage.recorder import Recorder
    from django_probe.policy.gates import Gate, Policy
    from django_probe.reports.console.console import Console
    from django_probe.sharding.shards import Shard


def recorder(labels: Sequence[str], options: dict[str, Any]) -> Recorder | None:
    """Return what writes the history, where its app is installed and it is wanted."""
    if options["list"] or options["no_history"] or not apps.is_installed("django_probe.history"):
        return None
    from django_probe.history.storage.recorder import Recorder  # noqa: PLC0415 (its models are those of an installed app)
    from django_probe.history.storage.store import HTTP  # noqa: PLC0415 (as above)

    trigger = environment("PROBE_TRIGGER")
    chosen = [*labels, *options["patterns"], *(options["tags"] or ()), *(options["exclude_tags"] or ())]
    # What a Job always runs is the gate as its author means it; what a person picks out is not,
    # and of a POST the row says it that waits for this run.
    return Recorder(trigger=trigger, labels=labels, narrowed=bool(chosen) and trigger in ("", HTTP))


def messenger(gate: Gate, recorder: Recorder | None) -> Messenger | None:
    """Return what tells the gate's recipients, where it has some and the run is kept; UsageError without a history."""
    if problem := conf.notify_problem(gate):
        raise UsageError(problem)
    if recorder is None or not gate.notify:
        return None
    from django_probe.history.notices.messenger import Messenger  # noqa: PLC0415 (its models are those of an installed app)

    made = Messenger(gate)
    recorder.also = made.settle
    return made


def runner(
    options: dict[str, Any], recorder: Recorder | None, stdout: TextIO | None, age: float | None, folder: str = ""
) -> DjangoProbeSuiteRunner:
    """Make the project's runner of these options; UsageError where one asks for what cannot be done.

    `stdout` is where the reports to "-" go. Other paths of reports are relative to `folder`, as `wanted` has it.
    `age` is how many seconds old the run is, None where `call_command()` was called in a process that goes on.
    """
    if options["list"] and (given := by_option(options)):
        raise UsageError(f"--list runs nothing, so there is nothing to write for {' and '.join(given)}")
    delivery = Delivery(wanted(options, folder), stdout)
    if not options["list"]:
        delivery.prepare()  # first of all: no report of an earlier run outlives what is refused below
    if (where := sink()) not in ("log", "none"):
        raise UsageError(f'PROBE_REPORT_SINK: {where!r} is neither "log" nor "none"')
    redaction.patterns()  # a wrong one is found before anything runs that could show what it was to hide
    conf.log_level()
    path, make = conf.runner_path(), conf.runner()
    policy = conf.policy(options["policy"])
    gate = _ordered(policy.gate(options["gate"]), options)

    def listeners() -> list[Listener]:
        console = _console(options, stdout)
        for sentence in [*_misspelt(policy), *_alone(recorder, options["shard"])]:
            console.warned(sentence)
        return [console, *filter(None, [recorder])]

    try:
        made = make(
            verbosity=options["verbosity"],
            interactive=options["interactive"],
            failfast=gate.failfast,
            gate=gate,
            policy=policy,
            operator=Wishes(
                timeout=options["timeout"],
                retries=options["retries"],
                database_access=options["database_access"],
            ),
            tags=options["tags"],
            exclude_tags=options["exclude_tags"],
            require=options["require"],
            patterns=options["patterns"],
            shard=options["shard"],
            allow_empty=options["allow_empty"],
            age=age or 0.0,
            ends_process=age is not None,
            listener=Listeners(listeners),
            delivery=delivery,
        )
    except UsageError:
        raise
    except BaseException as error:  # such as no class, or an __init__ that does not hand on the options
        raise UsageError(f"PROBE_RUNNER: {path} cannot be made: {type(error).__name__}: {error}") from error
    if not isinstance(made, DjangoProbeSuiteRunner):
        raise UsageError(f"PROBE_RUNNER: {path} makes {shown(made)}, which is no {conf.DEFAULT_RUNNER}")
    if not hasattr(made, "gate"):
        raise UsageError(f"PROBE_RUNNER: the __init__ of {path} does not call super().__init__() with its arguments")
    return made


def _misspelt(policy: Policy) -> list[str]:
    """Return a sentence for each variable of the environment that looks like one of ours, and that nothing reads."""
    from django_probe.naming import misspelt  # noqa: PLC0415 (called while the probes are loading, as `_console`)

    found = dict(misspelt.variables(os.environ))
    if found:
        from django_probe.policy.declared.secrets import variable_names  # noqa: PLC0415 (hardly any run needs it)

        for name in variable_names(policy.checks):
            found.pop(name, None)
    return list(found.values())


def _alone(recorder: Recorder | None, shard: Shard | None) -> list[str]:
    """Return a sentence where the history will wait for shards that cannot join this one: a random id is nobody's."""
    if recorder is None or shard is None or shard.count == 1 or environment("PROBE_RUN_ID"):
        return []
    return [
        (
            "--shard without PROBE_RUN_ID: the history takes this shard for a run of its own, of which the others "
            "never reported; give all shards one PROBE_RUN_ID, or --no-history"
        )
    ]


def _console(options: dict[str, Any], stdout: TextIO | None) -> Console:
    from django_probe.reports import github  # noqa: PLC0415 (called while the probes are loading: see `Listeners`)
    from django_probe.reports.console.console import Console, is_terminal, wants_color  # noqa: PLC0415 (as above)

    stream = options.get("stderr") or sys.stderr
    # Whoever merges two streams may mix them: what people read follows the report in the same one.
    brief = sink() == "log" and not options["list"]
    if brief and stdout is not None:
        stream = stdout
    return Console(
        stream,
        color=wants_color(stream, no_color=options["no_color"]) or options["force_color"],
        live=is_terminal(stream),
        verbosity=options["verbosity"],
        durations=options["durations"],
        annotate=github.wanted(asked=options["annotations"]),
        brief=brief,
    )


def _ordered(gate: Gate, options: dict[str, Any]) -> Gate:
    """Return the gate with what the command line orders in place of its own."""
    keys = ("parallel", "deadline", "retry_delay", "isolation")
    given = {key: options[key] for key in keys if options[key] is not None}
    if options["parallel"] == 0 and options["isolation"] is Isolation.PROCESS:
        raise UsageError("--parallel 0 runs every probe in this process: --isolation process cannot be had with it")
    return replace(gate, **given, failfast=gate.failfast or options["failfast"])
