"""Asks the file system of a path what is free there, as df(1) does, and tries whether it can be written to."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryFile
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
    if problems := [*_too_little(found, room), *(_not_writable(path, found) if room.writable else ())]:
        raise AssertionError(f"{path}: {'; '.join(problems)}")


def _too_little(found: os.statvfs_result, room: Room) -> Iterator[str]:
    if not found.f_blocks and (room.free or room.inodes):
        yield "its file system reports no blocks, so how much is free there cannot be known"
        return
    # What root alone may use is neither free nor a part of the whole, to df(1) as to this.
    free = found.f_bavail * found.f_frsize
    total = free + (found.f_blocks - found.f_bfree) * found.f_frsize
    if room.free and free < room.free.of(total):
        yield f"{size(free)} of {size(total)} are free, less than {room.free.written}"
    # A file system that makes inodes as it needs them, such as btrfs, names no number: it cannot run out of them.
    inodes = found.f_favail + found.f_files - found.f_ffree
    if room.inodes and found.f_files and found.f_favail < room.inodes.of(inodes):
        yield f"{found.f_favail} of {inodes} inodes are free, less than {room.inodes.written}"


def _not_writable(path: str, found: os.statvfs_result) -> Iterator[str]:
    if not Path(path).is_dir():
        yield "it is no folder, so nothing can be made in it"
    elif found.f_flag & os.ST_RDONLY:
        yield "it is mounted read-only"
    else:
        try:
            # On Linux it has no name where the file system allows that: it is gone even if this process is killed.
            with TemporaryFile(dir=path, prefix="django-probe-", buffering=0) as file:
                file.write(b"0")
        except OSError as error:
            yield f"this process (user {os.geteuid()}) cannot write a file there: {error.strerror or error}"


def size(number: float) -> str:
    """Return a number of bytes as a reader takes it in."""
    unit = "bytes"
    for larger in _UNITS:
        if number < _BINARY:
            break
        number, unit = number / _BINARY, larger
    return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
