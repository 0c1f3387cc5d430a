"""What the environment says, as text; docs/container-settings.md lists every variable."""

from __future__ import annotations

import os
import re
from typing import Final

from django_probe.errors import UsageError

_FLAGS: Final = {"": False, "false": False, "0": False, "true": True, "1": True}
_ORIGIN: Final = re.compile(r"https?://(?P<host>(?:\*\.)?[\w-]+(?:\.[\w-]+)*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_HOST: Final = re.compile(r"\*|\.?[\w-]+(?:\.[\w-]+)*\.?|\[[0-9A-Fa-f:.]+\]")


def text(name: str) -> str:
    """Return the variable without the white space around it; an empty text if it is not set."""
    return os.environ.get(name, "").strip()


def hosts(name: str) -> list[str]:
    """Return the host names of a comma-separated variable, as Django's ALLOWED_HOSTS wants them.

    Raise UsageError for one with a scheme or a port: Django would quietly never match it.
    """
    found = [host for part in text(name).split(",") if (host := part.strip())]
    for host in found:
        if not _HOST.fullmatch(host):
            raise UsageError(
                f"{name}: {host!r} is not a host name; write names without scheme and port, "
                f"with commas between them: example.org,.example.com"
            )
    return found


def origins(name: str) -> list[str]:
    """Return the origins of a comma-separated variable, as Django's CSRF_TRUSTED_ORIGINS wants them.

    Raise UsageError for one without a scheme or with a path: Django would quietly never match it.
    """
    found = [origin for part in text(name).split(",") if (origin := part.strip().removesuffix("/"))]
    for origin in found:
        if not _ORIGIN.fullmatch(origin):
            raise UsageError(
                f"{name}: {origin!r} is not an origin; write scheme and host as a browser's address bar shows them, "
                f"with commas between several: https://probe.example.org"
            )
    return found


def hosts_of(origins: list[str]) -> list[str]:
    """Return the hosts of such origins, as Django's ALLOWED_HOSTS wants them."""
    return [match["host"].removeprefix("*") for origin in origins if (match := _ORIGIN.fullmatch(origin))]


def words(name: str) -> list[str]:
    """Return the words of a variable, which blanks or commas separate."""
    return text(name).replace(",", " ").split()


def count(name: str, default: int) -> int:
    """Return a variable that is a whole number of at least 1. Raise UsageError if it is not."""
    value = text(name)
    if not value:
        return default
    if not (value.isascii() and value.isdigit() and int(value)):
        raise UsageError(f"{name}: {value!r} is not a whole number of at least 1")
    return int(value)


def flag(name: str) -> bool:
    """Return a variable that is true or false, and false if it is not set. Raise UsageError if it is neither."""
    value = text(name)
    if value.lower() not in _FLAGS:
        raise UsageError(f'{name}: {value!r} is neither "true" nor "false"')
    return _FLAGS[value.lower()]
