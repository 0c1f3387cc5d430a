"""The ready-made apps, and which of them fit a project by what its settings say; nothing is asked."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable

_PACKAGE: Final = "django_probe.contrib"


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """An app of ready-made probes: its label, whether it is installed, and why it fits, as the end of a sentence."""

    name: str
    label: str
    installed: bool
    why: str


def fitting() -> list[ReadyMade]:
    """Return the ready-made apps that fit this project or are installed in it."""
    found = []
    for module, (label, why) in _APPS.items():
        name = f"{_PACKAGE}.{module}"
        installed = apps.is_installed(name)
        if reason := why():
            found.append(ReadyMade(name, label, installed, reason))
        elif installed:
            found.append(ReadyMade(name, label, installed, "it is installed"))
    return found


def own_labels() -> list[str]:
    """Return the labels of the installed apps with probes of their own, which are none of the ready-made."""
    return [
        config.label
        for config in apps.get_app_configs()
        if not config.name.startswith("django_probe") and _has_probes(config.name)
    ]


def _has_probes(name: str) -> bool:
    try:
        return find_spec(f"{name}.probes") is not None
    except (ImportError, ValueError):
        return False


def _platform() -> str:
    return "databases, migrations, caches, storage, mail, system checks"


def _http() -> str:
    return "the URLs that users reach, over HTTP; PROBE_TARGETS names them"


def _static_files() -> str:
    backend = str(getattr(settings, "STORAGES", {}).get("staticfiles", {}).get("BACKEND", ""))
    return f"static files have a manifest: {backend}" if "Manifest" in backend else ""


def _disk() -> str:
    return "MEDIA_ROOT is set; PROBE_DISK says how much must be free" if settings.MEDIA_ROOT else ""


def _search() -> str:
    known = ("haystack", "django_elasticsearch_dsl")
    return next((f"{name} is installed" for name in known if apps.is_installed(name)), "")


def _celery() -> str:
    has_settings = next((name for name in dir(settings) if name.startswith("CELERY_")), "")
    return f"{has_settings} is set" if has_settings and _is_there("celery") else ""


def _redis() -> str:
    for alias, cache in settings.CACHES.items():
        if "redis" in str(cache.get("BACKEND", "")).lower():
            return f'the cache "{alias}" is in Redis'
    urls = {"CELERY_BROKER_URL": _text("CELERY_BROKER_URL"), "CHANNEL_LAYERS": _text("CHANNEL_LAYERS")}
    return next((f"{name} names Redis" for name, value in urls.items() if "redis" in value.lower()), "")


def _channels() -> str:
    return "CHANNEL_LAYERS is set" if getattr(settings, "CHANNEL_LAYERS", None) else ""


def _text(name: str) -> str:
    value: Any = getattr(settings, name, "")
    return str(value)


def _is_there(module: str) -> bool:
    return find_spec(module) is not None


_APPS: Final[dict[str, tuple[str, Callable[[], str]]]] = {
    "platform": ("probe_platform", _platform),
    "http": ("probe_http", _http),
    "staticfiles": ("probe_staticfiles", _static_files),
    "disk": ("probe_disk", _disk),
    "search": ("probe_search", _search),
    "celery": ("probe_celery", _celery),
    "redis": ("probe_redis", _redis),
    "channels": ("probe_channels", _channels),
}
