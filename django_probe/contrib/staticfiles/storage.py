"""Asks the storage of static files whether `collectstatic` has done its work there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.core.files.storage import FileSystemStorage, storages

from django_probe.contrib.parts import blaming
from django_probe.contrib.staticfiles import manifest

if TYPE_CHECKING:
    from django.core.files.storage import Storage

_ALIAS = "staticfiles"
_SERVES = "whitenoise.middleware"


def is_whole() -> str | None:
    """Return why there is nothing to ask, or None. Raise AssertionError with what is missing or not as it was made."""
    if not apps.is_installed("django.contrib.staticfiles"):
        return "django.contrib.staticfiles is not in INSTALLED_APPS"
    if _ALIAS not in settings.STORAGES:
        return f'STORAGES has no "{_ALIAS}"'
    if settings.DEBUG:
        return "DEBUG is on: static files come from where they are written, not from what collectstatic made"
    backend = str(settings.STORAGES[_ALIAS].get("BACKEND", "none")).rpartition(".")[2]
    with blaming(f"static files ({backend})"):
        storage: Any = storages[_ALIAS]
    if isinstance(storage, FileSystemStorage) and not storage.base_location:
        return "STATIC_ROOT is not set"
    where = f"static files ({backend}{f' in {storage.location}' if isinstance(storage, FileSystemStorage) else ''})"
    with blaming(where):
        if isinstance(storage, ManifestFilesMixin):
            problems = manifest.problems(storage)
        elif isinstance(storage, FileSystemStorage) and not _served_here():
            return f"nothing here reads {storage.location}: another server gives out the static files"
        else:
            problems = (
                [] if _has_something(storage) else ["there is nothing: run collectstatic where the image is made"]
            )
    if problems:
        raise AssertionError(f"{where}: {'; '.join(problems)}")
    return None


def _served_here() -> bool:
    """Return whether the processes of this project give out STATIC_ROOT themselves."""
    return any(str(each).startswith(_SERVES) for each in settings.MIDDLEWARE)


def _has_something(storage: Storage) -> bool:
    try:
        return any(storage.listdir(""))
    except FileNotFoundError:
        return False
