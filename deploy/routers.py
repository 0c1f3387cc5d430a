"""Where the tables are: those of the history and its pages in a database of their own, and nothing else there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.history import ALIAS, LABELS

if TYPE_CHECKING:
    from django.db.models import Model


class HistoryRouter:
    """Keeps our models in the database "history", whatever else a team's settings add; see Django's `DATABASE_ROUTERS`.

    Each method answers None where a model is not ours, and leaves the answer to the next router.
    """

    def db_for_read(self, model: type[Model], **_hints: object) -> str | None:
        """Return the alias in which a model of ours is read."""
        return ALIAS if model._meta.app_label in LABELS else None  # noqa: SLF001 (Django's public name for it)

    def db_for_write(self, model: type[Model], **_hints: object) -> str | None:
        """Return the alias in which a model of ours is written."""
        return self.db_for_read(model)

    def allow_migrate(self, db: str, app_label: str, **_hints: object) -> bool | None:
        """Allow our tables in our database alone, and no others there."""
        if app_label in LABELS:
            return db == ALIAS
        return False if db == ALIAS else None
