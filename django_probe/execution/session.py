"""From `build_suite` to results: loading and running as two steps, so that a team may stand between."""

from __future__ import annotations

import os
import traceback
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, Self

from django_probe.errors import NotStartedError, UsageError
from django_probe.execution.judge.interrupts import Interrupts
from django_probe.execution.judge.processes.loader_process import LoaderProcess
from django_probe.execution.secrets.redaction import Redactor
from django_probe.execution.system import linux
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from django_probe.execution.judge.processes.loader_handle import Loaded, LoaderHandle
    from django_probe.execution.judge.selected import Selected
    from django_probe.execution.listener import Listener
    from django_probe.execution.loading.choices import Choice
    from django_probe.execution.worker.loader import Build
    from django_probe.outcomes import EndedBy
    from django_probe.results import ProbeResult

    Ran = tuple[tuple[ProbeResult, ...], EndedBy | None]

_SWEEP: Final = 1.0


class Session(Protocol):
    """Probes that are loaded, and can be run once."""

    selected: list[Selected]
    total: int
    digest: str
    """Which selection it is, of all shards together; empty where it is not known, because loading broke off."""
    warnings: list[str]
    ran: Ran | None
    """What `run` gave; None before."""

    @property
    def interrupted_by(self) -> EndedBy | None:
        """Return the first signal that came, if any did."""

    def run(self, listener: Listener) -> Ran:
        """Run them; give the results in the order of the selection, and what ended the run early."""

    def interruptible(self) -> AbstractContextManager[None]:
        """Let SIGINT and SIGTERM raise Interrupted in the block, but in `run`, whose probes they end."""

    def ignore_signals(self, *, for_good: bool) -> None:
        """Let SIGINT and SIGTERM change nothing any more, now that the verdict is known; or not until `__exit__`."""


class ForkedSession:
    """Loads in one process and runs in others; `deadline` on the monotonic clock. A context manager.

    `meanwhile` is done here while the other process is loading.
    """

    def __init__(
        self, build: Build, choice: Choice, deadline: float, meanwhile: Callable[[], None] | None = None
    ) -> None:
        if not linux.AVAILABLE:
            raise UsageError(
                "probes run in processes of their own on Linux alone; elsewhere give --parallel 0, which runs "
                "them in the command's own process, without timeouts or containment"
            )
        self._build = build
        self._choice = choice
        self._deadline = deadline
        self._meanwhile = meanwhile
        self._interrupts = Interrupts()
        self._redact = Redactor()
        self._children = linux.children()
        self.ran: Ran | None = None

    def __enter__(self) -> Self:
        self._start()
        try:
            self._prepare()
            if self._meanwhile:
                self._meanwhile()
            loaded = self._load()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.selected, self.total, self._ended_by = loaded.selected, loaded.total, loaded.ended_by
        self.digest, self.warnings = loaded.digest, loaded.warnings
        return self

    def _start(self) -> None:
        with ExitStack() as undo, _enough_resources():
            undo.enter_context(self._interrupts)
            linux.adopt_orphans(True)  # noqa: FBT003 (the kernel's own signature)
            undo.callback(linux.adopt_orphans, False)  # noqa: FBT003 (as above)
            undo.callback(linux.end_children, self._children, _SWEEP)
            self._loader = self._start_loader({})
            undo.pop_all()

    def _start_loader(self, changing: Mapping[str, tuple[str, str]]) -> LoaderHandle:
        be_loader = partial(
            _load_and_fork, build=self._build, choice=self._choice, judge=os.getpid(), changing=changing
        )
        process = LoaderProcess(be_loader)
        try:
            from django_probe.execution.judge.processes.loader_handle import LoaderHandle  # noqa: PLC0415 (so both sides import at the same time)

            return LoaderHandle(process, self._choice)
        except BaseException:
            process.close()
            raise

    def _prepare(self) -> None:
        """Do what the run needs here, now that the other process is busy with what is needed there."""
        from django_probe.execution.judge.judge import Judge  # noqa: PLC0415 (as above)

        self._judge = Judge
        self._redact("secrets are searched for once")

    def _load(self) -> Loaded:
        """Load until no module changed the process that workers are forked from; each that did is left out next."""
        changing: dict[str, tuple[str, str]] = {}
        while (loaded := self._loader.load(self._interrupts, self._deadline)).changed:
            changing |= loaded.changed
            self._loader.close()
            with _enough_resources():
                self._loader = self._start_loader(changing)
        return loaded

    def run(self, listener: Listener) -> Ran:
        """Run what is loaded; see `Session.run`."""
        with self._interrupts.waited_for():
            judge = self._judge(
                self._loader,
                self.selected,
                gate=self._choice.gate,
                deadline=self._deadline,
                interrupts=self._interrupts,
                listener=listener,
                redact=self._redact,
            )
            results, ended_by = judge.run()
            self._loader.dismiss()
            self.ran = results, self._ended_by or ended_by
            return self.ran

    @property
    def interrupted_by(self) -> EndedBy | None:
        """Return the first signal that came; see `Session.interrupted_by`."""
        return self._interrupts.received[0] if self._interrupts.received else None

    def interruptible(self) -> AbstractContextManager[None]:
        """Let signals raise; see `Session.interruptible`."""
        return self._interrupts.raising()

    def ignore_signals(self, *, for_good: bool) -> None:
        """Ignore them; see `Session.ignore_signals`."""
        self._interrupts.ignore(for_good=for_good)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loader.close()
        # What probes left behind: orphans of theirs, however they hid, are children of this process by now.
        linux.end_children(self._children, _SWEEP)
        linux.adopt_orphans(False)  # noqa: FBT003 (as above)
        self._interrupts.__exit__(kind, error, trace)


@contextmanager
def _enough_resources() -> Iterator[None]:
    """Raise NotStartedError where the system denies what a process needs."""
    try:
        yield
    except OSError as error:
        what = "it needs more processes (ulimit -u, the limit of the container) or open files (ulimit -n)"
        raise NotStartedError(f"no process could be started: {error.strerror or error}; {what}") from error


def _load_and_fork(*arguments: Any, **keywords: Any) -> NoReturn:
    """Be the loader; what it needs is imported in its own process."""
    try:
        from django_probe.execution.worker.loader import load_and_fork  # noqa: PLC0415 (as in `_prepare`)
    except BaseException:  # noqa: BLE001 (this process must not return into the command's own code)
        traceback.print_exc()
        Original.end_process(1)
    load_and_fork(*arguments, **keywords)
