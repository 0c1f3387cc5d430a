"""How a probe is named: by its label, by a part of it, by a pattern; and what somebody may have meant."""

from __future__ import annotations

import difflib
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_NUMBER: Final = re.compile(r"\[\d+\]$")
_MOST_CANDIDATES: Final = 8


def nearest(word: object, known: Iterable[str]) -> str:
    """Return `; did you mean "..."?` for the known word that is most like `word`, or nothing."""
    close = difflib.get_close_matches(str(word), list(known), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def unnumbered(label: str) -> str:
    """Return the label without the number that tells it from others of its name: `app.Class.method[2]` has one."""
    return _NUMBER.sub("", label)


def names(entry: str, label: str) -> bool:
    """Return whether `entry` is the label, what stands above it, or the label of all its numbers."""
    return label == entry or label.startswith((f"{entry}.", f"{entry}["))


def is_pattern(entry: str) -> bool:
    """Return whether an entry has `*` or `?` in it, so that it names what looks like it."""
    return "*" in entry or "?" in entry


def fits(label: str, pattern: str) -> bool:
    """Return whether the whole label looks like the pattern: `*` is any text, `?` one character, brackets themselves.

    Brackets are literal, unlike in `fnmatch`, because labels have them.
    """
    return fnmatchcase(label, pattern.replace("[", "[[]"))


def enumerated(candidates: Iterable[str]) -> str:
    """Return names with commas between them, the first eight of many."""
    ordered = list(candidates)
    more = len(ordered) - _MOST_CANDIDATES
    return ", ".join(ordered[:_MOST_CANDIDATES]) + (f" and {more} more" if more > 0 else "")


class Found(NamedTuple):
    """The labels that an entry names; where it names none because it could mean several, `candidates` has those."""

    labels: frozenset[str]
    candidates: tuple[str, ...] = ()


class Labels:
    """The labels of a run, among which entries of a policy find those that they name.

    Each comes with its prefix, `app` or `app.module`. An entry may leave the module out where that is unique among
    these labels and `others`, which are not of the run.
    """

    def __init__(self, labels: Iterable[tuple[str, str]], others: Iterable[tuple[str, str]] = ()) -> None:
        self._own = dict(labels)
        self._all = {**dict(others), **self._own}

    def find(self, entry: str) -> Found:
        """Return what the entry, a label or a pattern, names."""
        if is_pattern(entry):
            like = (label for label in self._own if fits(label, entry) or fits(unnumbered(label), entry))
            return Found(frozenset(like))
        if exact := {label for label in self._all if names(entry, label)}:
            return Found(frozenset(exact & self._own.keys()))
        short = {label: prefix for label, prefix in self._all.items() if names(entry, _short(label, prefix))}
        app = entry.partition(".")[0]
        candidates = sorted({prefix + entry.removeprefix(app) for prefix in short.values()})
        if len(candidates) > 1:
            return Found(frozenset(), tuple(candidates))
        return Found(frozenset(short.keys() & self._own.keys()))

    def outside(self, entry: str) -> frozenset[str]:
        """Return what the entry names of what is not of the run."""
        return (
            Labels((label, prefix) for label, prefix in self._all.items() if label not in self._own).find(entry).labels
        )

    @property
    def apps(self) -> frozenset[str]:
        """The apps that were loaded."""
        return frozenset(label.partition(".")[0] for label in self._all)

    def all(self, entries: Iterable[str]) -> frozenset[str]:
        """Return what any of the entries names."""
        return frozenset().union(*(self.find(entry).labels for entry in entries))

    def nearest(self, entry: str) -> str:
        """Return what somebody may have meant who wrote an entry that names nothing, as the end of a sentence."""
        if candidates := self.find(entry).candidates:
            return f"; it is not unique, and may mean {enumerated(candidates)}"
        known = {part for label in self._own for part in _ancestry(label)}
        return nearest(entry, sorted(known))


def _short(label: str, prefix: str) -> str:
    """Return the label without the module of a package of probes."""
    return prefix.partition(".")[0] + label.removeprefix(prefix)


def _ancestry(label: str) -> Iterable[str]:
    parts = label.split(".")
    return (".".join(parts[:depth]) for depth in range(1, len(parts) + 1))
