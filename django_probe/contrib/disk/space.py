"""Asks the file system of a path what is free there, as df(1) does; nothing is written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from django_probe.contrib.parts import blaming

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_probe.contrib.disk.wanted import Room

_BINARY: Final = 1024
_UNITS: Final = ("KiB", "MiB", "GiB", "TiB", "PiB")


def has_room(path: str, room: Room) -> None:
    """Raise AssertionError with all that the path lacks: itself, bytes, inodes, or leave to write."""
    with blaming(path):
        found = os.statvfs(path)
    if problems := [*_too_little(found, room), *_not_writable(path, found, room)]:
        raise AssertionError(f"{path}: {'; '.join(problems)}")


def _too_little(found: os.statvfs_result, room: Room) -> Iterator[str]:
    # What root alone may use is neither free nor a part of the whole, to df(1) as to this.
    free = found.f_bavail * found.f_frsize
    total = free + (found.f_blocks - found.f_bfree) * found.f_frsize
    if room.free and free < room.free.of(total):
        yield f"{size(free)} of {size(total)} are free, less than {room.free.written}"
    # A file system that makes inodes as it needs them, such as btrfs, names no number: it cannot run out of them.
    inodes = found.f_favail + found.f_files - found.f_ffree
    if room.inodes and found.f_files and found.f_favail < room.inodes.of(inodes):
        yield f"{found.f_favail} of {inodes} inodes are free, less than {room.inodes.written}"


def _not_writable(path: str, found: os.statvfs_result, room: Room) -> Iterator[str]:
    if not room.writable:
        return
    if found.f_flag & os.ST_RDONLY:
        yield "it is mounted read-only"
    elif not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        yield f"this process (user {os.geteuid()}) may not write there"


def size(number: float) -> str:
    """Return a number of bytes as a reader takes it in."""
    unit = "bytes"
    for larger in _UNITS:
        if number < _BINARY:
            break
        number, unit = number / _BINARY, larger
    return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
