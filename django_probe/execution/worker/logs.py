"""Keeps what is logged while probes run, from a level up, whatever LOGGING makes of it; and mails nothing to ADMINS.

Handlers would not do: what has a level, is disabled, does not propagate or is configured anew while a probe runs would
not come to them. So the classes of `logging` are asked. What LOGGING lets through goes where it goes, and nothing else.

Python's warnings are kept beside the records. Of a probe that passes they are all that is.
"""

from __future__ import annotations

import sys
import threading
import warnings
from logging import Logger, LogRecord
from typing import TYPE_CHECKING, Final

from django.utils.log import AdminEmailHandler

from django_probe import conf, details
from django_probe.execution.failures import formatted, shortened
from django_probe.execution.secrets.redaction import Redactor

if TYPE_CHECKING:
    from typing import TextIO

_MOST: Final = 100
"""Records that are kept of one probe: the first ones, which are nearer to the cause."""
_LONGEST: Final = 4096
_redact: Final = Redactor()  # before anything is cut: half a secret would not be found again

_is_enabled_for: Final = Logger.isEnabledFor
_handle: Final = Logger.handle
_mail: Final = AdminEmailHandler.emit
_show: Final = warnings._showwarning_orig  # type: ignore[attr-defined]  # noqa: SLF001 (Python puts it back by this name)
_CAPTURED: Final = "py.warnings"
"""The logger to which `logging.captureWarnings` sends warnings."""
_QUIET: Final = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
_OF_PYTHON: Final = [
    ("default", None, DeprecationWarning, "__main__", 0),
    *(("ignore", None, category, None, 0) for category in _QUIET),
]
"""The filters that Python begins with, where nobody asked for others."""


def heed_warnings() -> None:
    """Have each place that warns do so once, as `manage.py test` does; what the project itself filters stays."""
    if not sys.warnoptions and warnings.filters[-len(_OF_PYTHON) :] == _OF_PYTHON:
        del warnings.filters[-len(_QUIET) :]  # type: ignore[attr-defined]  # a list, whatever its type says
        warnings.simplefilter("default", append=True)


class Logs:
    """The records of one probe at a time, `kept`; from its making until `close`, what this process logs comes here."""

    def __init__(self) -> None:
        self.level = conf.log_level()
        self.kept: list[str] = []
        self._warned: list[str] = []
        self._more = 0
        _install()
        _listening[:] = [self]

    def start(self) -> None:
        """Forget the probe before."""
        if self.kept:
            self.kept, self._warned, self._more = [], [], 0

    def close(self) -> None:
        """Let everything go its own way again."""
        _listening.clear()

    @property
    def text(self) -> str:
        """What was kept, a record with its exception after the other, redacted."""
        if not self.kept:
            return ""
        more = [f"[... {self._more} more were left out ...]"] if self._more else []
        return shortened("\n".join([*self.kept, *more]))

    @property
    def warned(self) -> str:
        """What was kept of Python's warnings."""
        return shortened("\n".join(self._warned)) if self._warned else ""

    def take(self, record: LogRecord) -> None:
        """Keep a record, as it is now: what it holds may change."""
        try:
            message = record.getMessage()
            said = _redact(f"{record.levelname} {record.name}: {message}{_exception(record, message)}")
        except Exception as error:  # noqa: BLE001 (the arguments of a record are the project's objects)
            said = f"{record.levelname} {record.name}: (it could not be read: {type(error).__name__})"
        self._keep(said, warns=record.name == _CAPTURED)

    def take_warning(self, message: object, category: type[Warning], place: str) -> None:
        """Keep a warning of Python's; `place` is the file and the line that it is about."""
        try:
            said = _redact(f"{category.__name__}: {message} ({place})")
        except Exception as error:  # noqa: BLE001 (a message is any object)
            said = f"{category.__name__}: (it could not be read: {type(error).__name__}) ({place})"
        self._keep(said, warns=True)

    def _keep(self, said: str, *, warns: bool) -> None:
        if len(self.kept) >= _MOST:
            self._more += 1
            return
        said = said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"
        self.kept.append(said)
        if warns:
            self._warned.append(said)


_listening: Final[list[Logs]] = []


class _Unwanted(threading.local):
    """The record that this thread makes for us alone: LOGGING would have none of it."""

    key: tuple[Logger, int] | None = None


_unwanted: Final = _Unwanted()


def _install() -> None:
    """Put ours in place of the methods, once; they do as before while nobody listens."""
    Logger.isEnabledFor = _kept_or_enabled  # type: ignore[method-assign,assignment]
    Logger.handle = _keep_and_handle  # type: ignore[method-assign,assignment]
    AdminEmailHandler.emit = _hold_back  # type: ignore[method-assign,assignment]
    if warnings.showwarning is _show:  # else the project sends them elsewhere, most often to a logger
        warnings.showwarning = _keep_and_show


def _kept_or_enabled(logger: Logger, level: int) -> bool:
    if _is_enabled_for(logger, level):
        return True
    if not _listening or level < _listening[0].level:
        return False
    _unwanted.key = (logger, level)
    return True


def _keep_and_handle(logger: Logger, record: LogRecord) -> None:
    if _listening and record.levelno >= _listening[0].level:
        _listening[0].take(record)
        key, _unwanted.key = _unwanted.key, None
        if key == (logger, record.levelno):
            return
    _handle(logger, record)


def _keep_and_show(  # noqa: PLR0917 (as Python calls `warnings.showwarning`)
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    if _listening and file is None:
        _listening[0].take_warning(message, category, f"{filename}:{lineno}")
    _show(message, category, filename, lineno, file, line)


def _hold_back(handler: AdminEmailHandler, record: LogRecord) -> None:
    if not _listening:
        _mail(handler, record)


def _exception(record: LogRecord, message: str) -> str:
    """Return the lines of a record's exception, unless the message is all that it says."""
    if record.exc_info and record.exc_info[1] is not None:
        if str(record.exc_info[1]) == message:
            return ""
        return "\n" + details.parted(formatted(record.exc_info))[0].rstrip()
    return f"\n{record.exc_text}" if record.exc_text else ""  # as a QueueHandler leaves it
