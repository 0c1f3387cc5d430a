"""Delivers the reports: what cannot be written is refused before anything runs, or told of afterwards.

A report that could not be delivered is a fact of delivery (exit code 4): the record keeps its verdict.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from django_probe.errors import UsageError
from django_probe.process.originals import Original
from django_probe.reports.delivery.files import (
    check_replaceable,
    descriptor_of,
    is_regular,
    own_descriptor,
    pour,
    replace,
    write_all,
    write_in_place,
)
from django_probe.reports.delivery.streams import is_closed
from django_probe.reports.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

STDOUT: Final = "-"
_STDOUT_KEY: Final = "descriptor 1"
_STREAMS: Final = {1: "stdout", 2: "stderr"}
_PATHS: Final = {
    number: (f"/dev/{name}", f"/dev/fd/{number}", f"/proc/self/fd/{number}", f"/proc/thread-self/fd/{number}")
    for number, name in _STREAMS.items()
}


T = TypeVar("T")
"""What is reported on, such as the record of a run."""


class Report(NamedTuple, Generic[T]):
    """A report that was asked for: by which option, at which path ("-" is standard output), made by what.

    `in_place` writes over the file instead of replacing it: Kubernetes mounts the termination message's file,
    and reads the mount. `warm_up` does what can be done before there is a run: it imports the renderer.
    """

    option: str
    path: str
    render: Callable[[T], str]
    in_place: bool = False
    warm_up: Callable[[], object] | None = None


class _Target(NamedTuple, Generic[T]):
    """Where a report goes: `key` is the same for two paths to one file; `clear` removes an older report."""

    report: Report[T]
    key: str
    write: Callable[[bytes], None]
    clear: Callable[[], None] | None = None


class Delivery(Generic[T]):
    """The reports of one run; `prepare()` before anything runs, `deliver(run)` when all is done."""

    def __init__(self, reports: Sequence[Report[T]], stdout: TextIO | None) -> None:
        self._reports = reports
        self._stdout = stdout
        self._targets: list[_Target[T]] | None = None
        self._kept: dict[int, int] = {}

    def prepare(self) -> None:
        """Make sure that every report can be written, and remove those of an earlier run.

        Raise UsageError for the first that cannot; those of the others are removed all the same, for nothing will run.
        """
        refusals: list[UsageError] = []
        # The second time they are known: a stream may be broken by then that was not, and its name another file's.
        targets: list[_Target[T]] = list(self._targets or ())
        for report in () if targets else self._reports:
            try:
                targets.append(_locate(report, self._stdout, self._keep))
            except UsageError as refusal:
                refusals.append(refusal)
        taken: dict[str, Report[T]] = {}
        for target in targets:
            other = taken.setdefault(target.key, target.report)
            if other is not target.report:
                same = f"{other.option} {one_line(other.path)} and {_name(target.report)} are the same file"
                refusals.append(UsageError(f"{same}; give each report one of its own"))
            try:
                if target.clear:
                    target.clear()
            except OSError as error:
                refusals.append(_refusal(target.report, f"cannot be written: {_why(error)}"))
        if refusals:
            raise refusals[0]
        self._targets = targets

    def _keep(self, descriptor: int) -> int:
        """Return a duplicate: where the stream breaks under what is said to people, its number is another file's."""
        if descriptor not in self._kept:
            self._kept[descriptor] = duplicate = Original.dup(descriptor)
            weakref.finalize(self, Original.close, duplicate)
        return self._kept[descriptor]

    def warm_up(self) -> None:
        """Do what can be done before there is a run; what fails here fails again in `deliver`, which tells of it."""
        for report in self._reports:
            if report.warm_up:
                with contextlib.suppress(Exception):
                    report.warm_up()

    def deliver(self, run: T) -> list[str]:
        """Write every report of `run`; return a sentence for each that could not be delivered."""
        if self._targets is None:
            raise RuntimeError("prepare() comes before deliver()")
        undelivered = []
        for target in self._targets:
            try:
                target.write(target.report.render(run).encode("utf-8", "backslashreplace"))
            except Exception as error:  # noqa: BLE001  (the others must get out, and the verdict)
                undelivered.append(f"{_name(target.report)}: could not be delivered: {_why(error)}")
        return undelivered

    def missing(self) -> list[str]:
        """Return the reports that are not there, of those that are ordinary files; each with its option and path."""
        if self._targets is None:
            raise RuntimeError("prepare() comes before missing()")
        files = [target for target in self._targets if target.clear]
        return [f"{file.report.option} {one_line(file.key)}" for file in files if not _has_content(file.key)]


def _has_content(path: str) -> bool:
    try:
        return Path(path).stat().st_size > 0
    except OSError:
        return False


def _locate(report: Report[T], stdout: TextIO | None, kept: Callable[[int], int]) -> _Target[T]:
    """Return the target of a report, or raise UsageError where it could not be written."""
    descriptor = None if stdout is None else descriptor_of(stdout)
    # If a supervisor started this process, standard output is another descriptor.
    moved = descriptor not in (None, 1)
    if report.path == STDOUT or (moved and report.path in _PATHS[1]):
        return _Target(report, _STDOUT_KEY, partial(pour, stdout))
    for number, paths in _PATHS.items():
        if report.path in paths and is_closed(number):
            return _Target(report, f"descriptor {number}", partial(_lose, number))
    try:
        return _locate_path(report, descriptor if descriptor is not None and moved else 1, kept)
    except (OSError, ValueError) as error:
        raise _refusal(report, f"cannot be written: {_why(error)}") from None


def _locate_path(report: Report[T], stdout: int, kept: Callable[[int], int]) -> _Target[T]:
    status = _status(report.path)
    real = os.path.realpath(report.path)
    if report.path.endswith("/") or Path(real).is_dir():
        raise _refusal(report, "is a folder; name a file in it")
    if status and (own := own_descriptor(status, stdout)):
        key = _STDOUT_KEY if own == stdout else f"descriptor {own}"
        return _Target(report, key, partial(write_all, kept(own)))
    if status and not is_regular(status):
        if not os.access(report.path, os.W_OK):
            raise _refusal(report, "may not be written by this user")
        return _Target(report, real, partial(write_in_place, report.path))
    if not (folder := Path(real).parent).is_dir():
        raise _refusal(report, f"there is no folder {one_line(str(folder))}; make it, or name another")
    if report.in_place:
        return _Target(report, real, partial(write_in_place, real), partial(write_in_place, real, b""))
    check_replaceable(real)
    return _Target(report, real, partial(replace, real), partial(Path(real).unlink, missing_ok=True))


def _lose(number: int, _content: bytes) -> None:
    raise OSError(f"standard {'output' if number == 1 else 'error'} is closed")


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116  (a Path would drop the slash at the end of a folder's name)
    except FileNotFoundError:
        return None


def _refusal(report: Report[T], what: str) -> UsageError:
    return UsageError(f"{_name(report)}: {what}")


def _name(report: Report[T]) -> str:
    return f"{report.option} {one_line(report.path)}"


def _why(error: Exception) -> str:
    return one_line(getattr(error, "strerror", None) or str(error) or type(error).__name__)
