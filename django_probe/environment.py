"""What the environment says; nothing here, or below it, imports Django."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def environment(name: str, default: Callable[[], str] = str) -> str:
    """Return an environment variable, or what `default` makes where it is unset, empty or blank."""
    value = os.environ.get(name, "")
    return value if value.strip() else default()
