"""Finds the project's Celery app."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from django_probe.contrib.celery import wanted
from django_probe.contrib.parts import summary

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODULES: Final = ("celery", "celery_app")
"""Where projects keep their app: Celery's own guide, and the template that most others follow."""
_UNNAMED: Final = "default"
"""The app that Celery makes where a process has none."""


class NoAppError(Exception):
    """The project has no Celery app; the message says so."""


def find() -> Any:
    """Return the project's Celery app: that of PROBE_CELERY_APP, else where projects keep it, else the current one.

    Raise NoAppError where there is none, and ImproperlyConfigured where PROBE_CELERY_APP leads to none.
    """
    named = wanted.application()
    if not find_spec("celery"):
        if named:
            raise ImproperlyConfigured(f"PROBE_CELERY_APP: {named!r}: Celery is not installed")
        raise NoAppError("Celery is not installed")
    if named:
        return _named(named)
    for place in _usual_places():
        if found := _app_at(place):
            return found
    if found := _current():
        return found
    raise NoAppError('no Celery app was found; PROBE_CELERY_APP can name it, such as "shop.celery:app"')


def _named(name: str) -> Any:
    try:
        found = _app_at(name)
    except Exception as error:
        raise ImproperlyConfigured(f"PROBE_CELERY_APP: {name!r}: {summary(error)}") from error
    if not found:
        raise ImproperlyConfigured(f"PROBE_CELERY_APP: {name!r} is no Celery app and has none")
    return found


def _app_at(name: str) -> Any:
    """Return the app that `celery -A` would find there, or None."""
    from celery import Celery  # noqa: PLC0415 (the project's own package)
    from celery.app.utils import find_app  # noqa: PLC0415 (likewise)

    try:
        found = find_app(name, imp=import_module)
    except AttributeError:
        # The module is there, and no app is in it. What else lacks an attribute is an error in the module's own code.
        if name.partition(":")[0] not in sys.modules:
            raise
        return None
    return found if isinstance(found, Celery) else None


def _usual_places() -> Iterator[str]:
    """Yield the modules of the project that may have the app: beside its settings, then beside its URLs."""
    written = (getattr(settings, "SETTINGS_MODULE", None), getattr(settings, "ROOT_URLCONF", None))
    packages = [name for module in written if isinstance(module, str) for name in _packages_above(module)]
    for package in dict.fromkeys(packages):
        yield from (name for module in _MODULES if find_spec(name := f"{package}.{module}"))
        yield package


def _packages_above(module: str) -> Iterator[str]:
    """Yield the packages that a module is in, the outermost first, but none of settings.

    What is called `celery` there is some of the settings, which cannot always be imported by itself.
    """
    parts = module.split(".")[:-1]
    yield from (".".join(parts[: depth + 1]) for depth, name in enumerate(parts) if name != "settings")


def _current() -> Any:
    """Return the app that this thread's code made last, or None."""
    from celery import current_app  # noqa: PLC0415 (the project's own package)

    return None if current_app.main == _UNNAMED else current_app._get_current_object()  # noqa: SLF001 (of any proxy)
