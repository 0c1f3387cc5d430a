"""What the environment says, as text; docs/container-settings.md lists every variable."""

from __future__ import annotations

import os
import re
from typing import Final

from django_probe.errors import UsageError

_HOST: Final = re.compile(r"\*|\.?[\w-]+(?:\.[\w-]+)*\.?|\[[0-9A-Fa-f:.]+\]")


def text(name: str) -> str:
    """Give the variable without the white space around it; nothing where it is not set."""
    return os.environ.get(name, "").strip()


def hosts(name: str) -> list[str]:
    """Give the host names of a comma-separated variable, as Django's ALLOWED_HOSTS wants them.

    Raises UsageError for one with a scheme or a port: Django would quietly never match it.
    """
    found = [host for part in text(name).split(",") if (host := part.strip())]
    for host in found:
        if not _HOST.fullmatch(host):
            raise UsageError(
                f"{name}: {host!r} is not a host name; write names without scheme and port, "
                f"with commas between them: example.org,.example.com"
            )
    return found
