"""Asks the default storage whether it answers, without ever writing to it."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.core.files.storage import FileSystemStorage, InMemoryStorage, storages

from django_probe.contrib.parts import blaming


def answer() -> str | None:
    """Ask the default storage for a random name. Raise AssertionError with what went wrong.

    Return the reason if there is nothing to ask.
    """
    backend = str(settings.STORAGES.get("default", {}).get("BACKEND", "none"))
    with blaming(f"default storage ({backend.rpartition('.')[2]})"):
        storage = storages["default"]
        if isinstance(storage, InMemoryStorage):
            return "the default storage is an InMemoryStorage, each process's own"
        if isinstance(storage, FileSystemStorage):
            if not storage.base_location:
                return "the default storage is a FileSystemStorage and MEDIA_ROOT is not set"
            _require_folder(Path(storage.location))
        storage.exists(f"django-probe-{uuid4().hex}")
    return None


def _require_folder(location: Path) -> None:
    """Raise unless the folder can be read or can be made: Django makes it with the first file.

    Asking exists() is not enough on a file system: it says no to any name if the folder is missing or unreadable.
    """
    nearest = next(path for path in (location, *location.parents) if path.exists())
    if not nearest.is_dir():
        raise AssertionError(f"default storage (folder {location}): {nearest} is not a folder")
    if not os.access(nearest, os.R_OK | os.X_OK):
        raise AssertionError(f"default storage (folder {location}): this process may not read {nearest}")
