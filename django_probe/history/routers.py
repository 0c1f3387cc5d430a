"""`DATABASE_ROUTERS = ["django_probe.history.routers.HistoryRouter"]`, for a history in a database of its own."""

from __future__ import annotations

from typing import Any

from django_probe import conf


class HistoryRouter:
    """Puts the history's tables into its own database alone, and no others there; see Django's DATABASE_ROUTERS."""

    def allow_migrate(self, db: str, app_label: str, **_hints: Any) -> bool | None:
        """Return whether tables are made there; None where other routers decide."""
        own = conf.history_database()
        if own == "default":
            return None
        if app_label == "probe_history":
            return db == own
        return False if db == own else None
