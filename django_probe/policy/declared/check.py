"""A declared check, as the policy file states it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django_probe.terms import NOTHING, Wishes

if TYPE_CHECKING:
    from collections.abc import Mapping

APP: Final = "checks"
"""The label of the app that runs them, with which their own labels begin."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: of a `kind`, asking its `subject`, with the other keys as they were read.

    The subject of a flow is its steps, each a `Check` of the kind `http`. `where` is its path in the policy file, and
    `line` the number of its line there.
    """

    where: str
    name: str
    kind: str
    subject: Any
    keys: Mapping[str, Any] = field(default_factory=dict)
    wishes: Wishes = NOTHING
    tags: tuple[str, ...] = ()
    line: int | None = None

    @property
    def label(self) -> str:
        """The label of its probe."""
        return f"{APP}.{self.kind}.{self.name}"

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or `default` where it is not written."""
        return self.keys.get(key, default)
