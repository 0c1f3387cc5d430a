"""The process that loads the probes, and then forks a worker whenever the judge asks.

It imports probe code, so nothing that it does or says is trusted to be all that was due: the judge keeps account.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import traceback
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

from django_probe.errors import UsageError
from django_probe.execution.failures import message_of
from django_probe.execution.guard.guard import DatabaseGuard
from django_probe.execution.loading.declared import preload
from django_probe.execution.loading.selection import select
from django_probe.execution.loading.suites import Stillborn
from django_probe.execution.loading.urlconf import load_urlconf
from django_probe.execution.protocol import MOST_AT_ONCE
from django_probe.execution.state.imports import Imports
from django_probe.execution.state.process_state import ProcessState, prepare
from django_probe.execution.system import linux
from django_probe.execution.system.endings import heeded
from django_probe.execution.system.forking import close_databases, flush_streams, renew_event_loops
from django_probe.execution.system.stacks import DUMP
from django_probe.execution.worker import last_call
from django_probe.execution.worker.logs import heed_warnings
from django_probe.execution.worker.worker import work
from django_probe.process.originals import Original
from django_probe.terms import Isolation

if TYPE_CHECKING:
    import unittest
    from collections.abc import Callable, Mapping

    from django_probe.execution.loading.choices import Choice
    from django_probe.execution.loading.probe import Probe
    from django_probe.execution.protocol import Channel

    Announce = Callable[[str, str], None]
    Build = Callable[[Announce], unittest.TestSuite]

_BATCH: Final = 500
_FDS_A_WORKER: Final = 4
_SHORTAGE: Final = 0.2
"""Seconds to wait after a fork that failed: the judge asks again, and what is short may be there by then."""


def load_and_fork(
    channel: Channel,
    output: int,
    stacks: int,
    *,
    build: Build,
    choice: Choice,
    judge: int,
    changing: Mapping[str, tuple[str, str]],
) -> NoReturn:
    """Be the loader until the judge, whose pid is `judge`, hangs up.

    `build` makes the suite, `output` takes what imports print, `stacks` the stack of one that hangs. `changing` are
    the modules that are not imported, because that would change the process, each with its message and details.
    """
    try:
        renew_event_loops()
        gc.disable()  # loading makes much and throws nothing away
        _become_quiet(output)
        faulthandler.register(DUMP, file=stacks, all_threads=True)
        linux.die_with_parent(judge)
        guard = DatabaseGuard()  # it stays in, for threads that an import starts, and each worker goes on with its own
        last_call.obey(guard)
        probes = _load(channel, build, choice, guard, Imports(changing))
        heed_warnings()
        isolated = choice.gate.isolation is Isolation.PROCESS
        _serve(channel, partial(work, probes, guard, failfast=choice.gate.failfast, judge=judge), isolated=isolated)
    except BaseException:  # noqa: BLE001 (this process must not return into the command's own code)
        traceback.print_exc()
    finally:
        Original.end_process(1)


def _become_quiet(output: int) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in heeded():
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    null = Original.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _load(channel: Channel, build: Build, choice: Choice, guard: DatabaseGuard, imports: Imports) -> list[Probe]:
    def announce(label: str, module: str) -> None:
        channel.send("module", label, module)

    try:
        with guard.loading(choice.gate.access(choice.operator)):
            with imports:
                suite = build(announce)
            if imports.found:  # nothing may run here: the judge starts another loader, which leaves them out
                channel.send("changed", imports.found)
                Original.end_process(0)
            selection = select(suite, choice)
    except UsageError as error:
        channel.send("usage", str(error))
        Original.end_process(0)
    except BaseException as error:  # noqa: BLE001 (build_suite() of a team's own runner may raise anything)
        channel.send("broken", message_of(error), traceback.format_exc())
        Original.end_process(0)
    probes = selection.probes
    channel.send("selected", selection.total, selection.digest, selection.warnings)
    for start in range(0, len(probes), _BATCH):
        channel.send("probes", [probe.described() for probe in probes[start : start + _BATCH]])
    runs = not all(isinstance(probe.test, Stillborn) for probe in probes)
    warning = load_urlconf(announce) if runs else ""
    try:
        preload({type(probe.test) for probe in probes})
    except UsageError as error:
        channel.send("usage", str(error))
        Original.end_process(0)
    channel.send("loaded", warning)
    return probes


def _serve(channel: Channel, be_worker: Callable[..., NoReturn], *, isolated: bool) -> NoReturn:
    close_databases()
    flush_streams()
    prepare()
    # Read once, and not by each worker. An isolated one runs one unit: nobody after it meets what that leaves.
    loaded = None if isolated else ProcessState()
    gc.freeze()  # the pages of what is loaded stay shared: a collection in a worker would write to all of them
    gc.enable()
    while True:
        asked, fds, _, _ = Original.recv_fds(channel.sock, 1, MOST_AT_ONCE * _FDS_A_WORKER)  # type: ignore[arg-type]  # as send_fds
        if not asked:
            Original.end_process(0)
        try:
            between = linux.fork()
        except OSError:
            between = -1
        if between == 0:
            _fork_workers(partial(be_worker, loaded=loaded), fds, channel)
        if between < 0 or Original.waitpid(between, 0)[1] != 0:
            Original.sleep(_SHORTAGE)
        for fd in fds:
            Original.close(fd)  # where no worker has them, the judge sees that none will come


def _fork_workers(be_worker: Callable[..., NoReturn], fds: list[int], channel: Channel) -> NoReturn:
    """Fork the workers and end, so that the judge, and not this process, is their parent and sees them end.

    They make themselves ready while those after them are forked.
    """
    between = Original.getpid()
    for first in range(0, len(fds), _FDS_A_WORKER):
        try:
            worker = linux.fork()
        except OSError:
            Original.end_process(1)
        if worker == 0:
            channel.close()
            sock, output, stacks, overheard = own = fds[first : first + _FDS_A_WORKER]
            for fd in {*fds}.difference(own):
                Original.close(fd)  # else the judge would not see those workers end
            for fd in own:
                Original.set_inheritable(fd, False)  # noqa: FBT003 (what a probe executes must not hold them)
            be_worker(Original.socket(fileno=sock), output, stacks, overheard=overheard, forker=between)
    Original.end_process(0)
