"""`DATABASE_ROUTERS = ["django_probe.history.routers.HistoryRouter"]`, for a history in a database of its own."""

from __future__ import annotations

from typing import Any

from django_probe import conf


class HistoryRouter:
    """Makes the history's tables in its own database alone, and no others there; see Django's DATABASE_ROUTERS."""

    def allow_migrate(self, db: str, app_label: str, **_hints: Any) -> bool | None:
        """Say where tables are made; nothing, where that is not this router's business."""
        own = conf.history_database()
        if own == "default":
            return None
        if app_label == "probe_history":
            return db == own
        return False if db == own else None
