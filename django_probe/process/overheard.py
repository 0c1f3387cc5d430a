"""The secrets that the probe which runs now sent, or was sent: what it says is redacted by them, and then they go.

Nothing here takes a lock: another thread would hold it where a process is forked, and it would never be free there.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST: Final = 5000
"""Secrets that are known at a time, the first ones: to look for very many would take the judge's time."""
_known: Final[set[str]] = set()
_listening: Final[list[Confidant | None]] = []
_NOTHING: Final[frozenset[str]] = frozenset()


class Confidant(Protocol):
    """Whoever has to know too, in case that this process does not live to say it."""

    def tell(self, secrets: Iterable[str]) -> None:
        """Take some that are known now."""

    has_forked: bool
    """Whether forks of this process may have told anything."""

    def of_forks(self) -> Iterable[str]:
        """Return what forks of this process told, and perhaps this process itself."""

    def forget(self) -> None:
        """Take that all of them are gone."""


class Listening:
    """A block: the secrets of a probe, or of those that share fixtures and so perhaps a log-in, are known in it.

    It may be entered again and again; a generator would take longer than all that is done here.
    """

    __slots__ = ("_confidant",)

    def __init__(self, confidant: Confidant | None = None) -> None:
        self._confidant = confidant

    def __enter__(self) -> None:
        _listening.append(self._confidant)

    def __exit__(self, *_: object) -> None:
        _listening.pop()
        if self._confidant:
            self._confidant.forget()  # what forks heard as well, of which this process knows nothing
        _known.clear()


def overhear(secrets: Iterable[str]) -> None:
    """Know these too; where no probe runs, as in a server that asks for itself, none is kept."""
    if not _listening:
        return
    new = [*islice((secret for secret in secrets if secret not in _known), max(MOST - len(_known), 0))]
    if new and (confidant := _listening[-1]):
        confidant.tell(new)
    _known.update(new)


def overheard() -> frozenset[str]:
    """Return those that are known now, with those that forks told of; `MOST` at the most, this process's own first."""
    confidant = _listening[-1] if _listening else None
    of_forks = confidant.of_forks() if confidant and confidant.has_forked else ()
    return frozenset(islice(dict.fromkeys([*_known, *of_forks]), MOST)) if _known or of_forks else _NOTHING
