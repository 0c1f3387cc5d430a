"""Finds the addresses of the URLconf that have a name and take no arguments."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve

from django_probe.client import path_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ADMIN: Final = "admin"
_ADMIN_PAGES: Final = ("index", "login")
"""Of an admin, what is asked: its other pages all lead to the same log-in."""
_OWN: Final = "django_probe"
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_CHANGING: Final = re.compile(
    r"(?<![a-z])((log|sign)[-_]?(out|off)|delete|remove|destroy|purge|flush|clear|wipe|truncate|cancel|revoke|deactivate"
    r"|unsubscribe|(re)?send|cron|trigger|rebuild|reindex|shutdown|restart|hijack|impersonate|(re)?run|import"
    r"|sync(hroni[sz]e)?|refresh|regenerate|approve|reject|disable|enable|unfollow|publish|unpublish|unlock|toggle"
    r"|rotate|expire|migrate|refund|retry|mark[-_][a-z]+|(?<!password.)reset(?!.(password|done|complete)))(?![a-z])"
)
"""What a name, or a word of a path, says that should not be done to see what is answered.

The pages of Django and allauth by which visitors get another password only ask for an address: they may be asked.
"""


@dataclass(slots=True)
class Addresses:
    """The paths by URL name, and what is not asked: by its name it changes something, or it is an admin's page.

    `unnamed` and `arguments` count patterns that have no name, and names that need arguments, or are not
    found. `front` is whether `/` leads somewhere, to no name of `paths`.
    """

    paths: dict[str, str] = field(default_factory=dict)
    changing: dict[str, str] = field(default_factory=dict)
    admin: int = 0
    unnamed: int = 0
    arguments: int = 0
    front: bool = False


def find() -> Addresses:
    """Return the addresses of ROOT_URLCONF, in its order; whatever the project's code raises goes its way."""
    found = Addresses()
    if not getattr(settings, "ROOT_URLCONF", None):  # as where a project is of workers alone
        return found
    seen = set()
    for namespaces, applications, pattern in _patterns(get_resolver(), (), ()):
        if _OWN in applications:
            continue
        if not pattern.name:
            found.unnamed += _ADMIN not in applications
            continue
        name = ":".join((*namespaces, str(pattern.name)))
        if name in seen:
            continue
        seen.add(name)
        _sort(found, name, admin=_ADMIN in applications)
    found.front = "/" not in found.paths.values() and _leads_somewhere("/")
    return found


def _sort(found: Addresses, name: str, *, admin: bool) -> None:
    try:
        path = path_of(name)
    except Exception:  # noqa: BLE001 (NoReverseMatch, or what a converter of the project's raises)
        found.arguments += 1
        return
    if _CHANGING.search(_HUMP.sub("_", f"{name} {path}").lower()):
        found.changing[name] = path
    elif admin and name.rpartition(":")[2] not in _ADMIN_PAGES:
        found.admin += 1
    else:
        found.paths[name] = path


def _leads_somewhere(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def _patterns(
    resolver: URLResolver, namespaces: Sequence[str], applications: Sequence[str]
) -> Iterator[tuple[Sequence[str], Sequence[str], URLPattern]]:
    """Yield each pattern with the namespaces and the applications that it is in, from the outermost."""
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            inside = (*namespaces, each.namespace) if each.namespace else namespaces
            yield from _patterns(each, inside, (*applications, each.app_name or ""))
        elif isinstance(each, URLPattern):
            yield namespaces, applications, each
