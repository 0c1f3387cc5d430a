"""Asks the default storage whether it answers, without ever writing to it."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.core.files.storage import FileSystemStorage, InMemoryStorage, storages

from django_probe.contrib.platform.parts import blaming


def answer() -> str | None:
    """Ask the default storage for a random name; AssertionError says what went wrong.

    Returns the reason where there is nothing to ask.
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
    """Raise unless the folder can be read, or can still be made: Django makes it with the first file.

    For a file system exists() is no question: it says no to any name in what is no folder or is not readable.
    """
    nearest = next(path for path in (location, *location.parents) if path.exists())
    if not nearest.is_dir():
        raise AssertionError(f"default storage (folder {location}): {nearest} is not a folder")
    if not os.access(nearest, os.R_OK | os.X_OK):
        raise AssertionError(f"default storage (folder {location}): this process may not read {nearest}")
