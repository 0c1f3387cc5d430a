"""What can be changed in place: lists of Python's and Django's, and all that the settings are made of."""

from __future__ import annotations

import logging
import sys
import warnings
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from django.db.models.signals import m2m_changed, post_delete, post_init, post_save, pre_delete, pre_init, pre_save

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

RECEIVED: Final = (pre_init, post_init, pre_save, post_save, pre_delete, post_delete, m2m_changed)

_KINDS: Final = frozenset({list, dict, OrderedDict, set, tuple})


class Containers:
    """The containers of now, with copies of what is in them; `settings` are the values of these."""

    def __init__(self, settings: Iterable[object]) -> None:
        found = [*_containers(settings)]
        self._ids = [*map(id, found)]
        self.dicts: list[dict[Any, Any]] = [each for each in found if type(each) is dict]
        self.of_dicts = [each.copy() for each in self.dicts]
        others = [each for each in found if type(each) is not dict]
        self._empty = [each for each in others if not each]
        self._lists = [each for each in others if each]
        self._of_lists = [each.copy() for each in self._lists]

    def hold(self) -> bool:
        """Return whether all but the dicts hold what they held."""
        return not any(self._empty) and self._lists == self._of_lists

    def take_filters_of(self, modules: Container[str]) -> None:
        """Take filters of warnings that only these modules have: they set them as they are imported."""
        others = [each for each in warnings.filters if each[2].__module__ not in modules]
        for live, copy in zip(self._lists, self._of_lists, strict=True):
            if live is warnings.filters and copy == others:
                copy[:] = live

    def are_those_of(self, settings: Iterable[object]) -> bool:
        """Return whether they are those of now: others that are equal could be changed, and nobody would look."""
        return [*map(id, _containers(settings))] == self._ids


def _containers(settings: Iterable[object]) -> Iterator[Any]:
    yield from (
        sys.path,
        sys.meta_path,
        sys.path_hooks,
        sys.argv,
        warnings.filters,
        logging.root.handlers,
        logging.root.filters,
        *(each.receivers for each in RECEIVED),
    )
    seen: set[int] = set()
    waiting: list[Any] = [*settings]
    while waiting:
        value = waiting.pop()
        if type(value) in _KINDS and id(value) not in seen:
            seen.add(id(value))
            if type(value) is not tuple:
                yield value
            waiting.extend(value.values() if isinstance(value, dict) else value)
