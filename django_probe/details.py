"""The details of a result: what a reader in a hurry needs first, then the same with every frame, in one text.

A report that has room shows all of it; the console shows the first part alone. Both parts are in the record.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_WHOLE: Final = "\n--- with every frame ---\n"
_LEFT_OUT: Final = "left out, down to "
# Patterns are compiled where they are used: a run in which all goes well uses none of them.
# Of a traceback, of the dump of a process that hung, and of the line that says which frames are left out.
_FRAME: Final = r'File "(?P<file>[^"\n]+)", line (?P<line>\d+),? in (?P<name>.+)'
_PLACE: Final = rf"(?m)^ *(?:{_FRAME}|\[.*{_LEFT_OUT}(?P<down>.+)\])$"
_DUMP: Final = "(most recent call first)"
_RUNNERS: Final = ("unittest/", "asyncio/", "hearing/watched.py:", "hearing/unawaited.py:")
"""How the places begin that call a probe, and are nothing of the project."""
_INTERRUPTED: Final = "Interrupted: "
_WAITED: Final = "what it waited for: "
_SERVER: Final = rf"(?m)^{_WAITED}(.+)$"
# What differs from one time to the next: addresses in memory, UUIDs, dates with a time, long numbers.
_UUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_CHANCE: Final = rf"(?i)0x[0-9a-f]{{4,}}|{_UUID}|[-\d]{{10}}[T ][\d:.]{{8,}}|\d{{9,}}"


def joined(short: str, whole: str) -> str:
    """Return the details of which `short` is read first; `whole` is in it where it says more."""
    return short if short == whole or not whole else f"{short.rstrip()}\n{_WHOLE}{whole}"


def parted(details: str) -> tuple[str, str]:
    """Return the short form and the whole one; they are the same where nothing is left out."""
    short, mark, whole = details.partition(_WHOLE)
    return (short, whole) if mark else (details, details)


def headed(heading: str, details: str) -> str:
    """Return the details with a line above each of their forms."""
    short, whole = parted(details)
    return joined(f"{heading}\n{short}", f"{heading}\n{whole}")


def gathered(parts: Iterable[str]) -> str:
    """Return the details of several as one."""
    pairs = [parted(part) for part in parts]
    return joined("\n".join(short for short, _ in pairs if short.strip()), "\n".join(whole for _, whole in pairs))


def left_out(count: int, innermost: str = "") -> str:
    """Return the line for frames that the short form does not have; `innermost` is the place of the last of them."""
    what = f"{count} {'frame' if count == 1 else 'frames'} "
    return f"  [{what}{_LEFT_OUT}{innermost}]\n" if innermost else f"  [{what}left out]\n"


def place(details: str) -> str:
    """Return where the last traceback of the short form ends: `shop/prices.py:12 (fetch)`; empty where it has none."""
    found = _places(parted(details)[0])
    return found[0] if found else ""


def hung_in(details: str) -> str:
    """Return where a probe was that was interrupted or killed, and what of the project called that."""
    short, _ = parted(details)
    if _INTERRUPTED in short:  # what its tearDown raised comes after it
        end = short.find("\nTraceback", short.index(_INTERRUPTED))
        short = short if end < 0 else short[:end]
    found = _places(short)
    server = re.search(_SERVER, short)
    callers = [caller for caller in found[1:] if not caller.startswith(_RUNNERS)]
    where = ", called from ".join(found[:1] + callers[-1 if _DUMP in short else 0 :][:1])
    return f"{where}, waiting for {server[1]}" if where and server else where


def waited_for(server: str) -> str:
    """Return the line that says which server an interrupted probe waited for."""
    return f"{_WAITED}{server}"


def says_waited_for(error: BaseException) -> bool:
    """Return whether an exception has that line among its notes."""
    return any(note.startswith(_WAITED) for note in getattr(error, "__notes__", ()))


def cause(message: str, details: str) -> tuple[str, str]:
    """Return what is the same of two problems that have one cause: the message, and the place that raised it."""
    return re.sub(_CHANCE, "…", message), place(details)


def shown(file: str, line: int | str | None, name: str) -> str:
    """Return the place of a frame in few characters: the file with the folder that it is in."""
    return f"{'/'.join(file.rsplit('/', 2)[-2:])}:{line} ({name})"


def _places(short: str) -> list[str]:
    """Return the places that a text names, the innermost first."""
    found = [
        match["down"] or shown(match["file"], match["line"], match["name"]) for match in re.finditer(_PLACE, short)
    ]
    return found if _DUMP in short else found[::-1]
