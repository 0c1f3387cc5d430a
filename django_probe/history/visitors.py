"""Values: who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Scope(StrEnum):
    """What somebody may do; whoever may start runs may see them too."""

    VIEW = "view"
    START = "start"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks: a user's name, "token" with its name, or "" for the anonymous, who have no scopes."""

    name: str
    scopes: frozenset[Scope]
    by_token: bool

    @property
    def may_view(self) -> bool:
        """Whether runs may be seen; whoever may start them may see them."""
        return bool(self.scopes)

    @property
    def may_start(self) -> bool:
        """Whether runs may be started."""
        return Scope.START in self.scopes


NOBODY: Final = Visitor("", frozenset(), by_token=False)
"""The anonymous."""
