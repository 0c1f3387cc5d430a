"""Sends a notice by apprise to whatever service a URL names, from a process of its own.

That process is killed where it takes too long. What apprise loads is not kept in a web process, and what it and its
libraries log, which may show the URL, is seen by nobody. The URL is handed over on standard input: others may read the
arguments and the environment of a process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from django_probe.history.notices.delivery.errors import UndeliveredError

_CHILD: Final = Path(__file__).with_name("apprise_child.py")
_INSTALL: Final = 'apprise is not installed: install django-probe-gate with its extra "notify"'


def send(url: str, *, title: str, body: str, good: bool, seconds: float) -> None:
    """Send a notice within so many seconds; `good` is whether it is good news. Raise UndeliveredError."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(_CHILD)],
            input=json.dumps({"url": url, "title": title, "body": body, "good": good}).encode("ascii"),
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UndeliveredError(f"not sent within {seconds:.0f}s") from None
    except OSError as error:
        raise UndeliveredError(f"no process could be started: {error.strerror}") from None
    match done.stdout.decode("ascii", "replace").strip():
        case "sent":
            return
        case "missing":
            raise UndeliveredError(_INSTALL)
        case "unknown":
            raise UndeliveredError("apprise knows no service of such a URL, or the URL lacks something")
        case "failed":
            raise UndeliveredError("the service did not take it, or could not be reached")
    raise UndeliveredError("apprise failed; `apprise -vv` with the URL says why")
