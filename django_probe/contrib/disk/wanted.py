"""Reads PROBE_DISK: the paths, and the room that each must have; every error names the path and the key."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from django_probe.terms import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?) ?%", re.ASCII)
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) ?([A-Za-z]+)", re.ASCII)
_UNITS: Final[Mapping[str, int]] = {
    **{unit: 1000**power for power, unit in enumerate(("kB", "MB", "GB", "TB"), 1)},
    **{unit: 1024**power for power, unit in enumerate(("KiB", "MiB", "GiB", "TiB"), 1)},
}
_KEYS: Final = ("free", "inodes", "writable")
_ALL: Final = 100


@dataclass(frozen=True, slots=True)
class Least:
    """The least that must be free: a percentage of all, or a number. `written` is how the setting says it."""

    written: str
    number: float
    percent: bool = False

    def of(self, total: int) -> float:
        """Return the least of so many in all."""
        return total * self.number / _ALL if self.percent else self.number


@dataclass(frozen=True, slots=True)
class Room:
    """What a path must have; None where that is not asked."""

    free: Least | None = None
    inodes: Least | None = None
    writable: bool = False


def paths() -> dict[str, Room]:
    """Return what PROBE_DISK asks of each path; none where it is not set. Raise ImproperlyConfigured."""
    written = getattr(settings, "PROBE_DISK", None)
    if written is None:
        return {}
    if not isinstance(written, dict):
        raise ImproperlyConfigured(
            f'PROBE_DISK: expected a mapping such as {{"/srv/media": {{"free": "10%"}}}}, got {shown(written)}'
        )
    return {_path(path): _room(f"PROBE_DISK[{str(path)!r}]", asked) for path, asked in written.items()}


def _path(path: object) -> str:
    if isinstance(path, str | os.PathLike) and os.path.isabs(text := os.fsdecode(path)):  # noqa: PTH117 (of any path)
        return text
    raise ImproperlyConfigured(f"PROBE_DISK: expected absolute paths, got {shown(path)}")


def _room(where: str, asked: object) -> Room:
    if not isinstance(asked, dict) or not asked:
        raise ImproperlyConfigured(f'{where}: expected a mapping such as {{"free": "10%"}}, got {shown(asked)}')
    for key in asked:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it can have {', '.join(_KEYS)}"
            raise ImproperlyConfigured(f"{where}: unknown key {shown(key)}; {hint}")
    writable = asked.get("writable", False)
    if not isinstance(writable, bool):
        raise ImproperlyConfigured(f"{where}['writable']: expected True or False, got {shown(writable)}")
    if asked.keys() == {"writable"} and not writable:
        raise ImproperlyConfigured(f"{where}: 'writable': False asks nothing; give what must be free, or leave it out")
    return Room(
        _least(f"{where}['free']", asked["free"], sizes=True) if "free" in asked else None,
        _least(f"{where}['inodes']", asked["inodes"], sizes=False) if "inodes" in asked else None,
        writable,
    )


def _least(where: str, written: object, *, sizes: bool) -> Least:
    if isinstance(written, int) and not isinstance(written, bool) and written > 0:
        return Least(f"{written} bytes" if sizes else str(written), written)
    if isinstance(written, str):
        match = _PERCENT.fullmatch(written)
        if match and 0 < float(match[1]) < _ALL:
            return Least(written, float(match[1]), percent=True)
        match = _SIZE.fullmatch(written) if sizes else None
        if match and match[2] in _UNITS and float(match[1]):
            return Least(written, float(match[1]) * _UNITS[match[2]])
    expected = 'such as "10%", "2GiB" or a number of bytes' if sizes else 'such as "5%" or a number of inodes'
    raise ImproperlyConfigured(f"{where}: expected what must be free, {expected}, got {shown(written)}")
