"""The process that runs probes: forked after loading, one probe at a time, one message for each.

What a probe may do to it is the probe's own affair: the judge sees it end. When a probe left the process changed, the
worker leaves after that probe, so that the next one gets a fresh fork.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import traceback
from contextlib import suppress
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, NoReturn

from django_probe.execution.failures import Interrupted
from django_probe.execution.guard.refusals import take_refusals
from django_probe.execution.protocol import INTERRUPT, MICROSECONDS, Channel
from django_probe.execution.secrets.confided import ToJudge
from django_probe.execution.state.module_watch import settle
from django_probe.execution.state.process_state import ProcessState
from django_probe.execution.system import linux
from django_probe.execution.system.exit_status import CRASHED
from django_probe.execution.system.forking import renew_event_loops
from django_probe.execution.system.stacks import DUMP
from django_probe.execution.worker import last_call, telemetry, waiting
from django_probe.execution.worker.executor import Executor
from django_probe.execution.worker.steps import Steps
from django_probe.outcomes import Outcome
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812 (as `socket.socket`, the module has this name too)
    from collections.abc import Sequence

    from django_probe.execution.guard.guard import DatabaseGuard
    from django_probe.execution.loading.probe import Probe

_TIMED: Final = ("result", "fixture_problem")
_CANCEL: Final = 2.0
_NAP: Final = 0.0002


def work(
    probes: Sequence[Probe],
    guard: DatabaseGuard,
    sock: Socket,
    output: int,
    stacks: int,
    *,
    overheard: int,
    failfast: bool,
    loaded: ProcessState | None,
    forker: int,
    judge: int,
) -> NoReturn:
    """Be a worker until the judge hangs up; `output` and `stacks` take what is printed and a hung stack.

    `overheard` takes secrets that the judge needs where this process is killed.
    `loaded` is the state that the process was forked in; None where nobody looks whether a probe changed it.
    """
    status = CRASHED
    try:
        os.setsid()
        renew_event_loops()
        worker = _Worker(
            probes, guard, sock, output, stacks, confidant=ToJudge(overheard), failfast=failfast, loaded=loaded
        )
        while Original.getppid() == forker:  # it ends with its last fork; then the judge is the parent
            Original.sleep(_NAP)
        linux.die_with_parent(judge)
        worker.serve()
        status = 0
    except BaseException:  # noqa: BLE001 (whatever it is, this process must not return into the loader's code)
        traceback.print_exc()
    finally:
        Original.end_process(status)


__unittest = True  # tracebacks leave this module's frames out, as they do unittest's own


class _Worker:
    def __init__(
        self,
        probes: Sequence[Probe],
        guard: DatabaseGuard,
        sock: Socket,
        output: int,
        stacks: int,
        *,
        confidant: ToJudge,
        failfast: bool,
        loaded: ProcessState | None,
    ) -> None:
        self._channel = Channel(sock)
        self._output = output
        self._token = Original.urandom(12).hex().encode("ascii")
        self._guard = guard
        take_refusals()  # what a thread of the loader was refused is nothing to these probes
        self._steps = Steps(self._emit, self._heed)
        self._executor = Executor(probes, self._guard, self._steps, failfast=failfast, confidant=confidant)
        Original.dup2(output, 1)
        Original.dup2(output, 2)
        faulthandler.register(DUMP, file=stacks, all_threads=True)
        signal.signal(INTERRUPT, self._interrupted)
        last_call.obey(guard)
        self._changed = False
        settle()  # the hooks that the engine has set are as they should be
        self._forked = loaded.forked() if loaded else None
        self._shared: ProcessState | None = None

    def serve(self) -> None:
        """Run what the judge sends until it hangs up, or until this process is no longer as it was forked."""
        self._channel.send("hello", Original.getpid(), self._token.decode("ascii"))
        while (message := self._channel.receive()) is not None:
            if message[0] == "run":
                for unit in message[1]:
                    self._executor.run(unit)
                    if self._steps.leaving or self._changed:
                        break
            if self._steps.leaving or self._changed or message == ["stop", None]:
                break
        last_call.give(self._guard)
        self._guard.end()
        self._channel.send("bye")
        with suppress(Exception):  # no more threads may be started
            telemetry.flush()

    def _emit(self, kind: str, *rest: Any) -> None:
        if kind in _TIMED:
            self._end_of_output()
            what, outcome, began, duration, *told = rest
            times = int(began * MICROSECONDS), int(duration * MICROSECONDS)
            if kind == "result":
                self._look(self._shared or self._forked)
                if outcome is Outcome.PASSED and not any(told):
                    self._channel.send_passed(what, *times)
                    return
            rest = (what, outcome, *times, *told)
        elif kind == "fixture_done":
            self._shared = ProcessState()  # what a fixture makes of the process is for the probes that share it
        elif kind == "done":
            self._end_of_output()
            self._shared = None
            self._look(self._forked)
        self._channel.send(kind, *rest)

    def _look(self, before: ProcessState | None) -> None:
        """Leave after a probe that changed the process; the rest of those that share its fixtures is given back.

        A thread that it left running changes nothing for them, so they may still run here.
        """
        if before is None:
            return
        if not before.is_unchanged():
            self._changed = self._steps.leaving = True
        elif before is self._forked and before.has_more_threads:
            self._changed = before.keeps_threads() or not before.is_unchanged()

    def _end_of_output(self) -> None:
        """Mark in the pipe where the output of what has ended ends, and take the descriptors back."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):  # the probe closed it, or put something else there
                self._changed = True
        linux.flush_c_streams()
        output = self._output
        Original.dup2(output, 1)
        Original.dup2(output, 2)
        Original.write(output, self._token)

    def _interrupted(self, _signum: int, _frame: object) -> None:
        if self._steps.current is None:
            self._steps.attention = True
        else:
            self._heed()

    def _heed(self) -> None:
        """Read why the judge interrupts, and raise in the probe if it is meant."""
        if self._steps.interrupted:  # its tearDown and cleanups are running: they have the rest of the grace
            return
        orders = self._channel.poll()
        self._channel.keep([order for order in orders if order[0] != "stop" or order[1] is None])
        if any(order[0] == "stop" and order[1] in (None, self._steps.current) for order in orders):
            self._steps.interrupt()
            self._channel.send("interrupted")
            # In a thread: what waits for another thread's statement goes on with the interrupt, and not after it.
            Original.start_thread(self._guard.cancel_statements, (_CANCEL,), {"but_of": get_ident()})
            interrupted = Interrupted("django-probe interrupted this probe")
            for note in waiting.told():
                interrupted.add_note(note)
            raise interrupted
