"""How gunicorn serves the container's project; docs/image.md lists the variables.

The options of gunicorn are the lower-case names at the end (https://gunicorn.org/reference/settings/);
GUNICORN_CMD_ARGS and the arguments of `serve` are stronger than these.
"""
# ruff: noqa: N999  (the name that gunicorn looks for)

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gunicorn.glogging import Logger

if TYPE_CHECKING:
    from datetime import timedelta

# A worker takes about 30 MB. A container may have many CPUs and little memory.
MOST_WORKERS: Final = 4
CGROUP: Final = Path("/sys/fs/cgroup")


class Logs(Logger):
    """Writes what happens to standard error and each request to standard output, in the form of the application's log.

    Kubelet's requests, which come all the time, are not written.
    """

    def setup(self, cfg: Any) -> None:
        """Give gunicorn's own handlers the form."""
        from deploy import logs  # noqa: PLC0415  (gunicorn reads this file before it finds our folder)

        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(logs.formatter(logs.form(logs.JSON)))

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Write the line of a request that was answered."""
        from deploy.worker import is_kubelets  # noqa: PLC0415  (as above)

        del req
        if not self.access_log_enabled or is_kubelets(environ["PATH_INFO"]):
            return
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        status = int(str(resp.status).split(None, 1)[0])
        more = {
            "remote": environ.get("REMOTE_ADDR"),
            "method": method,
            "path": path,
            "query": environ.get("QUERY_STRING", ""),
            "status": status,
            "bytes": resp.sent,
            "seconds": round(request_time.total_seconds(), 6),
            "agent": environ.get("HTTP_USER_AGENT", ""),
        }
        # In ASCII, so that nothing that a client sends can end the line or steer a terminal.
        self.access_log.info("%s %s %d", method, json.dumps(path)[1:-1], status, extra=more)


def when_ready(server: Any) -> None:
    """Say what a server without a key of its own cannot do. Gunicorn calls this once, when it listens."""
    from django_probe.history.triggers import shutdown  # noqa: PLC0415  (gunicorn reads this file before it finds it)

    shutdown.when_ready(server)
    history, key = (os.environ.get(name, "").strip() for name in ("PROBE_HISTORY_DATABASE_URL", "SECRET_KEY"))
    if history and not key and os.environ.get("DJANGO_SETTINGS_MODULE") == "deploy.settings":
        server.log.warning(
            "SECRET_KEY is not set: whoever logs in is logged out when this server ends, "
            "and no second server beside it knows them"
        )


def on_exit(server: Any) -> None:
    """Wait for the runs that HTTP started, which were told to end when this server was. Gunicorn calls this last."""
    from django_probe.history.triggers import shutdown  # noqa: PLC0415  (as above)

    shutdown.on_exit(server)


def cpu_limit(root: Path = CGROUP) -> float | None:
    """Return how many CPUs the cgroup (version 2 or 1) lets the container use; None if there is no limit."""
    try:
        if (root / "cpu.max").exists():
            quota, period = (root / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota, period = (
                (root / "cpu" / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period")
            )
    except OSError:
        return None
    return None if quota.strip() in ("max", "-1") else int(quota) / int(period)


def default_workers(limit: float | None) -> int:
    """Return one worker for each CPU of the limit, and one if there is none: the container does not own the machine."""
    return min(MOST_WORKERS, max(1, math.ceil(limit or 1)))


def _number(name: str, default: int) -> int:
    """Return a variable that is a whole number of at least 1. If it is not, end with one line and exit code 2."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text)):
        _refuse(f"{name}: {text!r} is not a whole number of at least 1")
    return int(text)


def _wants_access_log() -> bool:
    text = os.environ.get("WEB_ACCESS_LOG", "").strip()
    if text not in ("", "none", "on", "json"):  # json: as it was called when there was no other form
        _refuse(f'WEB_ACCESS_LOG: {text!r} is neither "on" nor "none"')
    return text in ("on", "json")


def _log_form() -> str:
    text = os.environ.get("LOG_FORMAT", "").strip() or "json"
    if text not in ("json", "text"):
        _refuse(f'LOG_FORMAT: {text!r} is neither "json" nor "text"')
    return text


def _refuse(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.exit(2)


bind = os.environ.get("WEB_BIND", "").strip() or "0.0.0.0:8000"
chdir = str(Path(__file__).resolve().parent.parent)

# Requests wait for databases and for other requests. With threads, a slow one does not keep the others waiting.
# This worker's threads get nothing but whole requests, so a slow client does not either.
worker_class = "deploy.worker.PatientWorker"
workers = _number("WEB_CONCURRENCY", default_workers(cpu_limit()))
threads = _number("WEB_THREADS", 8)

# The workers share what was loaded before the fork: three workers take a quarter less memory, one takes 5 MB more.
# An import that fails ends the server at once. The code of a container does not change, so nothing has to be
# loaded again. The thread behind ready/ starts in the worker.
preload_app = True

# The heartbeat of the workers is a file. On a busy disk it would stand still, and on a read-only disk it would fail.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  (gunicorn makes the name)

# Kubernetes kills after 30 s. A preStop hook may wait for a few of them, and then requests have 20 s to end.
graceful_timeout = _number("WEB_GRACEFUL_TIMEOUT", 20)

# This is longer than the usual proxies keep an idle connection (60 s). If the server closed first, the proxy's next
# request could fail.
keepalive = 75

# The main thread sends what a client does not take at once. The kernel could not hand that over to it.
sendfile = False

# Gunicorn believes headers that say "this was https" only from the addresses in FORWARDED_ALLOW_IPS.
accesslog = "-" if _wants_access_log() else None
os.environ["LOG_FORMAT"] = _log_form()  # for the settings too, which write for people where nobody sets it
logger_class = Logs

# Only signals control this server. The control socket would need a home directory that can be written.
control_socket_disable = True
