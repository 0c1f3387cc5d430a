"""By which labels the processes of a suggestion speak of what they found."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "suggest"
VIEWS: Final = f"{PREFIX}.view.ask "
"""Before the name of a URL; `ask` keeps it apart from what unittest has methods for."""
URLCONF: Final = f"{PREFIX}.urlconf"
FRONT: Final = f"{PREFIX}.front.ask /"
ADMIN: Final = f"{PREFIX}.count.admin"
ARGUMENTS: Final = f"{PREFIX}.count.arguments"
UNNAMED: Final = f"{PREFIX}.count.unnamed"
