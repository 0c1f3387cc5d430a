"""The secrets that the probe which runs now sent, or was sent: what it says is redacted by them, and then they go."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST: Final = 5000
"""Secrets that are known at a time, the first ones: to look for very many would take the judge's time."""
_lock: Final = Lock()
_known: Final[set[str]] = set()
_listening: Final[list[bool]] = []


@contextmanager
def listening() -> Iterator[None]:
    """Know the secrets of a probe, or of those that share fixtures and so perhaps a log-in, until the block ends."""
    _listening.append(True)
    try:
        yield
    finally:
        _listening.pop()
        with _lock:
            _known.clear()


def overhear(secrets: Iterable[str]) -> None:
    """Know these too; where no probe runs, as in a server that asks for itself, none is kept."""
    if _listening:
        with _lock:
            _known.update(islice(secrets, MOST - len(_known)))


def overheard() -> frozenset[str]:
    """Return those that are known now."""
    with _lock:
        return frozenset(_known)
