"""Tells a traceback as the probe's own story: the frames of the libraries that it called are counted, not shown."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django_probe import details
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_LIBRARIES: Final = (os.path.dirname(os.__file__) + os.sep, str(Path(details.__file__).parent) + os.sep, "<frozen ")  # noqa: PTH120 (no links are followed)
_INSTALLED: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_READY_MADE: Final = str(Path(details.__file__).parent / "contrib") + os.sep
_MOST: Final = 20
"""Entries that are shown of one traceback: a recursion of the project's own has a thousand."""


class _Gap(traceback.FrameSummary):
    """Stands for frames that are left out."""

    def __init__(self, frames: list[traceback.FrameSummary], *, last: bool) -> None:
        super().__init__("", 0, "", lookup_line=False, line="")
        end = frames[-1]
        self.text = details.left_out(len(frames), details.shown(end.filename, end.lineno, end.name) if last else "")


class _Story(traceback.StackSummary):
    """A stack some of whose entries are gaps."""

    def format_frame_summary(self, frame_summary: traceback.FrameSummary, **options: Any) -> str:
        """Return the lines of an entry."""
        if isinstance(frame_summary, _Gap):
            return frame_summary.text
        return super().format_frame_summary(frame_summary, **options)


def told(error: traceback.TracebackException, trace: TracebackType | None, *, says_all: bool = False) -> str:
    """Return the details of an exception that was caught with `trace`, whose first frame is the probe's own.

    Of every exception of the chain, the frames of libraries are left out of the short form; one that has no others
    keeps the frame that raised it. Where a ready-made probe's message `says_all`, nothing is told but the cause. The
    exception is changed.
    """
    whole = "".join(error.format())
    home = _home(trace)
    is_ready_made = error.stack[-1:] and error.stack[-1].filename.startswith(_READY_MADE)
    changed = [_shorten(each, home) for each in _chain(error, set())]
    if says_all and is_ready_made:
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        said = "".join(error.format_exception_only())
        below = said.partition("\n")[2].lstrip("\n")  # the message is its first line
        return details.joined("".join(cause.format() if cause else []) + below, whole)
    return details.joined("".join(error.format()), whole) if any(changed) else whole


def _chain(error: traceback.TracebackException | None, seen: set[int]) -> Iterator[traceback.TracebackException]:
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield error
    for other in (error.__cause__, error.__context__, *(error.exceptions or ())):
        yield from _chain(other, seen)


def _home(trace: TracebackType | None) -> str:
    """Return the folder of the package, or the file of the module, that the first frame is in.

    It is the project's own even where it is installed beside the libraries.
    """
    name = str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0] if trace else ""
    if not name or name in sys.stdlib_module_names or name in ("django", "django_probe"):
        return ""
    file = getattr(sys.modules.get(name), "__file__", None)
    if not isinstance(file, str):
        return ""
    return os.path.dirname(file) + os.sep if os.path.basename(file) == "__init__.py" else file  # noqa: PTH119, PTH120 (as above)


def _is_library(file: str, home: str) -> bool:
    if home and file.startswith(home):
        return False
    return file.startswith((*_LIBRARIES, *_targets())) or any(folder in file for folder in _INSTALLED)


@cache
def _targets() -> tuple[str, ...]:
    """Return the folders that packages were installed into by `pip install --target`, but for the one we stand in."""
    found: list[str] = []
    here = {""}
    with suppress(OSError):  # it may have been removed
        here.add(Original.getcwd())
    for folder in {*sys.path} - here:
        with suppress(OSError):
            found += [folder + os.sep for name in os.listdir(folder) if name.endswith(".dist-info")][:1]  # noqa: PTH208 (as above)
    return tuple(found)


def _shorten(error: traceback.TracebackException, home: str) -> bool:
    """Leave frames out; return whether there were any."""
    frames = list(error.stack)
    foreign = [_is_library(frame.filename, home) for frame in frames]
    if frames and all(foreign):
        foreign[-1] = False
    story: list[traceback.FrameSummary] = []
    runs = [
        (is_foreign, [frame for frame, _ in run])
        for is_foreign, run in groupby(zip(frames, foreign, strict=True), key=lambda each: each[1])
    ]
    for number, (is_foreign, run) in enumerate(runs, 1):
        story += [_Gap(run, last=number == len(runs))] if is_foreign else run
    if len(story) > _MOST:
        story = [_Gap(frames[: len(frames) - _MOST], last=False), *story[-_MOST:]]
    if len(story) == len(frames) and not any(foreign):
        return False
    error.stack = _Story(story)
    return True
