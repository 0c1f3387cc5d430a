"""The process that loads the probes, as a process: it is started, dismissed and ended here.

What it says while it loads, and what workers it forks, is in `loader_handle`: that is imported once it is at work.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
from typing import TYPE_CHECKING, Final, NoReturn

from django_probe.execution.judge.processes.guardian import Guardian
from django_probe.execution.judge.processes.output import Output
from django_probe.execution.protocol import LAST_CALL, Channel
from django_probe.execution.system import linux, stacks
from django_probe.execution.system.exit_status import cause_of_death
from django_probe.execution.system.forking import close_databases, flush_streams
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from collections.abc import Callable

    BeLoader = Callable[[Channel, int, int], NoReturn]

_LAST_BREATH: Final = 1.0
_LAST_WORDS: Final = 0.5


class LoaderProcess:
    """A process that is started at once; `channel`, `output` and `pidfd` are there to be waited for.

    In it `be_loader` is called with its channel, and the descriptors for what it prints and for its stack. `guardian`
    ends what it leaves where the judge is killed. Raise OSError where something for it cannot be had.
    """

    def __init__(self, be_loader: BeLoader) -> None:
        self._on_child = signal.getsignal(signal.SIGCHLD)
        if self._on_child is signal.SIG_IGN:  # inherited: the kernel would throw away how processes ended
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        close_databases()
        flush_streams()
        gc.freeze()  # a collection in the child would write to, and so copy, every page of what is loaded already
        self._status: int | None = None
        self._is_closed = False
        with contextlib.ExitStack() as undo:
            undo.callback(gc.unfreeze)
            self._start(be_loader, undo)
            undo.pop_all()

    def _start(self, be_loader: BeLoader, undo: contextlib.ExitStack) -> None:
        mine, theirs = Original.socketpair()
        undo.callback(mine.close)
        self.channel = Channel(mine)
        with contextlib.closing(theirs):
            self.output = Output()
            undo.callback(self.output.close)
            self._stacks = stacks.Stacks()
            undo.callback(self._stacks.close)
            self.guardian = Guardian()
            undo.callback(self.guardian.close)
            self._pid = linux.fork()
            if self._pid == 0:
                undo.pop_all()
                mine.close()
                self.guardian.close()
                be_loader(Channel(theirs), self.output.write_end, self._stacks.descriptor)
        self.pidfd = os.pidfd_open(self._pid)
        undo.callback(os.close, self.pidfd)
        undo.callback(self.end)
        self.guardian.start()  # now that the loader is at work: to fork takes milliseconds
        self.guardian.watch(self._pid)
        self.output.hand_over()

    def stack(self) -> str:
        """Have the process dump its stack, which it does even while C code holds the interpreter."""
        self._stacks.ask(self.pidfd)
        until = Original.monotonic() + stacks.LONGEST
        while Original.monotonic() < until and not self._stacks.whole:
            Original.sleep(stacks.STEP)
        return self._stacks.text()

    def dismiss(self) -> None:
        """Tell the process that no more workers are wanted: it ends by itself; `close` waits for that."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(self.pidfd, LAST_CALL)

    def cause(self) -> str:
        """Say how the process ended; it may have closed the channel, and live."""
        self._wait(_LAST_BREATH)
        return cause_of_death(self.end())

    def end(self) -> int:
        """End the process and its group, if that is not done, and return its status."""
        if self._status is None:
            self.dismiss()  # what it runs at databases has to end with it
            self._wait(_LAST_WORDS)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            self._wait(_LAST_BREATH)  # what hangs in the kernel does not even die
            self._status = Original.waitpid(self._pid, os.WNOHANG)[1]
            self.guardian.forget(self._pid)
        return self._status

    def close(self) -> None:
        """End the process, and give back all that was had for it."""
        if self._is_closed:
            return
        self._is_closed = True
        self.end()
        gc.unfreeze()
        if self._on_child is signal.SIG_IGN:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        self.channel.close()
        self.output.close()
        self._stacks.close()
        self.guardian.close()
        os.close(self.pidfd)

    def _wait(self, seconds: float) -> None:
        ended = Original.poll()
        ended.register(self.pidfd, select.POLLIN)
        ended.poll(seconds * 1000)
