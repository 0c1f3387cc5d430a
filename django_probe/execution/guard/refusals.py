"""The texts of the guard when it refuses a write, and the error if it cannot guard at all."""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path
from threading import get_ident
from typing import Final, NamedTuple

import django

from django_probe import details

NOTE: Final = "__probe_note__"
READ_ONLY: Final = (
    "the probe runs with database_access read-only. If it must write (a view that saves a session does), mark it with "
    '@probe(database_access="rollback"), which undoes all that it writes, or "read-write"; a check has the key '
    "database_access. What its gate sets must allow that too"
)
BESIDE_ROLLBACK: Final = (
    "with database_access rollback only what the probe's own thread writes "
    "can be rolled back, so other threads (the async ORM uses one) are read-only. If they must write, mark "
    'the probe with @probe(database_access="read-write"); what its gate sets must allow that too'
)
LOADING: Final = (
    "while probes are imported, databases are read-only. Write in the probe itself, "
    'or in its setUp or setUpClass, and mark it with @probe(database_access="rollback") or "read-write"'
)
# Neither a parameter nor what may be a value: at most three words of letters, dots and the quotes of a name.
_FIRST_WORDS: Final = r'\s*([\w."`]+(?:\s+[\w."`]+){0,2})'

_HERE: Final = Path(__file__).parent
_GUARD: Final = f"{_HERE}/"
_ENGINE: Final = f"{_HERE.parent}/"
_INSTALLED: Final = {"site-packages", "dist-packages"}
_NEVER_OWN: Final = (f"{_HERE.parents[1]}/", f"{Path(django.__file__).parent}/", "<frozen ")
_STDLIB: Final = f"{Path(os.__file__).parent}/"


class GuardError(Exception):
    """A database connection could not be held to the access that the probe runs with; it is closed."""


class Refusal(NamedTuple):
    """A write that was refused: what is said of it, the project's own frames that led to it, and its thread's id."""

    note: str
    stack: str
    thread: int


_refusals: Final[list[Refusal]] = []


def refuse(error: BaseException, note: str, statement: str) -> None:
    """Add to the `error` of a refused write its first words and line, with `note`, and remember it for `take_refusals`.

    What is refused comes before why: a message that is too long loses its end.
    """
    if any(note in told for told in getattr(error, "__notes__", ())):
        return  # the driver raises the error of a pipeline once more at its end
    own = _own_frames()
    told = f"django-probe refused this write{_first_words(statement)}{_place(own)}: {note}"
    error.add_note(told)
    _refusals.append(Refusal(told, _stack(own), get_ident()))


def hand_on(error: BaseException, note: str) -> None:
    """Let Django's error say what the driver's says of a refusal with this `note`."""
    notes = getattr(error.__cause__, "__notes__", [])
    for told in [told for told in notes if note and note in told]:
        notes.remove(told)
        error.add_note(told)


def take_refusals() -> list[Refusal]:
    """Return what was refused since the last call, in any thread."""
    if not _refusals:
        return []
    taken = list(_refusals)
    _refusals.clear()
    return taken


def _first_words(text: str) -> str:
    match = re.match(_FIRST_WORDS, text)
    return f" (the statement began: {match[1]})" if match else ""


def _own_frames() -> list[traceback.FrameSummary]:
    """Return the stack of this thread, from the probe on, without the frames of libraries."""
    frames = list(traceback.extract_stack())
    began = [at for at, frame in enumerate(frames) if frame.filename.startswith(_ENGINE) and not _is_guard(frame)]
    frames = [frame for frame in frames[began[-1] + 1 if began else 0 :] if not _is_library(frame)]
    return [frame for frame in frames if _INSTALLED.isdisjoint(Path(frame.filename).parts)] or frames


def _place(own: list[traceback.FrameSummary]) -> str:
    return f" at {details.shown(own[-1].filename, own[-1].lineno, own[-1].name)}" if own else ""


def _stack(own: list[traceback.FrameSummary]) -> str:
    return "".join(["Refused here (most recent call last):\n", *traceback.format_list(own)]) if own else ""


def _is_guard(frame: traceback.FrameSummary) -> bool:
    return frame.filename.startswith(_GUARD)


def _is_library(frame: traceback.FrameSummary) -> bool:
    """Return whether a frame is Python's, Django's or the guard's: in no case where the project wrote."""
    name = frame.filename
    if name.startswith(_NEVER_OWN):
        return True
    return name.startswith(_STDLIB) and _INSTALLED.isdisjoint(Path(name).parts)
