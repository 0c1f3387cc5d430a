"""Holds a connection to MySQL or MariaDB to read-only transactions, one at a time, with nothing set in the session.

Each transaction begins with `START TRANSACTION READ ONLY`, in which the server refuses writes, whatever calls them. The
server's own autocommit stays on; to Django, and to whoever asks it, the connection pretends what they set.

MySQL ends such a transaction without a word for much that is said (DDL, LOCK TABLES, procedures that commit), and would
then write. So a statement is let through only if its first word is one of those that are known to read, and the
connection is made without MULTI_STATEMENTS, so that the protocol takes one statement at a time.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from django.db import Error

from django_probe.execution.guard.refusals import GuardError, hand_on, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

_MULTI_STATEMENTS: Final = 1 << 16
_READ_ONLY: Final = 1792  # ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
_TRANSACTION_LOST: Final = frozenset({1205, 1213, 2006, 2013, 4031})  # lock timeout, deadlock, the server is gone
_BEGIN: Final = b"START TRANSACTION READ ONLY"

# Comments are left out, but for those that MySQL or MariaDB execute; of what is quoted, the quotes stay.
_ASIDE: Final = r"""(?xs)
    '(?:''|\\.|[^'\\])*' | "(?:""|\\.|[^"\\])*" | `(?:``|[^`])*`
    | (?P<run>/\*M?!\d*) | /\*.*?\*/ | \*/ | \#[^\n]* | --(?=\s|$)[^\n]*
"""
_READS: Final = frozenset(
    ("select", "with", "values", "table", "show", "describe", "desc", "explain", "help", "do", "use", "checksum", "set")
)
_SAVEPOINTS: Final = frozenset(("savepoint", "release"))
_BEGINS: Final = re.compile(
    r"(?i)\s*(?:begin(?:\s+work)?|start\s+transaction(?:\s+read\s+only|(?P<snapshot>\s+with\s+consistent\s+snapshot))?)\s*;?\s*"
)
_ENDS: Final = re.compile(r"(?i)\s*(?:commit|rollback)(?:\s+work)?\s*;?\s*")
_TO_SAVEPOINT: Final = re.compile(r"(?i)\s*rollback(?:\s+work)?\s+to\b")
# FOR UPDATE and its like lock rows, which a read-only transaction of MySQL may; files are written past transactions.
_LOCKS_OR_WRITES: Final = re.compile(
    r"(?i)\bfor\s+(?:update|share)\b|\block\s+in\s+share\s+mode\b|\binto\s+(?:outfile|dumpfile)\b"
)
_SETS_TOO_MUCH: Final = re.compile(
    r"(?i)\b(?:global|persist|persist_only|password|role|autocommit|statement|read\s+write|transaction_read_only"
    r"|tx_read_only)\b"
)


class _Held:
    """A driver's connection, of mysqlclient or PyMySQL, that begins read-only transactions alone; see the module."""

    probe_note: str
    probe_base: type[Any]
    probe_autocommit = False  # what Django, or the probe, believes to be set
    probe_open = False  # whether a transaction is open
    probe_begun = False  # whether a statement began it, and not the guard for one statement
    probe_affected: int | None = None

    def query(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        """Send one statement inside a read-only transaction; all of a cursor's ways to send one come here."""
        text = query if isinstance(query, str) else bytes(query).decode(errors="replace")
        bare = re.sub(_ASIDE, lambda found: " " if found["run"] or found[0][0] not in "'\"`" else found[0][0] * 2, text)
        self._finish_statement()
        self.probe_affected = None
        if why := _objection(bare):
            error = self.OperationalError(_READ_ONLY, why)  # type: ignore[attr-defined]
            refuse(error, self.probe_note, text)
            raise error
        if begins := _BEGINS.fullmatch(bare):
            self._begin(b"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY" if begins["snapshot"] else _BEGIN)
            self.probe_begun = True
            return 0
        ends = _ENDS.fullmatch(bare) is not None
        if not self.probe_open and not ends:
            self._begin(_BEGIN)
        try:
            result = super().query(query, *args, **kwargs)  # type: ignore[misc]
        except Exception as error:
            self._failed(error, text)
            raise
        if ends:
            self.probe_open = self.probe_begun = False
        self._after_query()
        return result

    def _begin(self, statement: bytes) -> None:
        super().query(statement)  # type: ignore[misc]
        self.probe_open = True

    def _failed(self, error: Exception, text: str) -> None:
        code = error.args[0] if error.args else None
        if code == _READ_ONLY:
            refuse(error, self.probe_note, text)
        if code in _TRANSACTION_LOST:  # what follows begins one anew
            self.probe_open = self.probe_begun = False
        with suppress(self.Error):  # type: ignore[attr-defined]
            self._finish_statement()

    def _after_query(self) -> None:
        raise NotImplementedError

    def _finish_statement(self) -> None:
        """End a transaction that was begun for one statement, if its result has been read."""
        if self.probe_open and self.probe_autocommit and not self.probe_begun:
            self.commit()

    def autocommit(self, value: Any) -> None:
        """Believe it; to switch it on ends the transaction, as MySQL has it."""
        self.probe_autocommit = bool(value)
        if value and self.probe_open:
            self.commit()

    def get_autocommit(self) -> bool:
        """Return whether each statement is a transaction of its own, as far as the connection's user can see."""
        return self.probe_autocommit

    def begin(self) -> None:
        """Begin a transaction."""
        self.query(b"BEGIN")

    def commit(self) -> None:
        """End the transaction."""
        super().commit()  # type: ignore[misc]
        self.probe_open = self.probe_begun = False

    def rollback(self) -> None:
        """End the transaction."""
        super().rollback()  # type: ignore[misc]
        self.probe_open = self.probe_begun = False


class _HeldMySQLdb(_Held):
    """A connection of mysqlclient, whose cursors fetch the result after `query`."""

    def _after_query(self) -> None:
        pass

    def store_result(self) -> Any:
        """Fetch the whole result; then the statement is over."""
        result = super().store_result()  # type: ignore[misc]
        self.probe_affected = super().affected_rows()  # type: ignore[misc]
        self._finish_statement()
        return result

    def affected_rows(self) -> int:
        """Return the statement's own rows, not those of the COMMIT after it."""
        return super().affected_rows() if self.probe_affected is None else self.probe_affected  # type: ignore[misc]


class _HeldPyMySQL(_Held):
    """A connection of PyMySQL, which has fetched the result when `query` returns, unless it is unbuffered."""

    _result: Any

    def _after_query(self) -> None:
        result = self._result
        if result is None or not result.unbuffered_active:
            self._finish_statement()
            self._result = result

    def connect(self, *args: Any, **kwargs: Any) -> None:
        """Connect anew, as `ping()` may: no transaction is open there."""
        self.probe_open = self.probe_begun = False
        super().connect(*args, **kwargs)  # type: ignore[misc]


def _objection(bare: str) -> str:
    """Say why a statement is not let through, or nothing."""
    word = re.match(r"[\s(;]*(\w*)", bare)
    first = word[1].lower() if word else ""
    if _BEGINS.fullmatch(bare) or _ENDS.fullmatch(bare) or _TO_SAVEPOINT.match(bare):
        return ""
    if first not in _READS | _SAVEPOINTS:
        what = first.upper() or "this"
        return f"cannot execute {what} while read-only: only what is known to read is let through"
    if first == "set" and _SETS_TOO_MUCH.search(bare):
        return "cannot execute this SET while read-only"
    if _LOCKS_OR_WRITES.search(bare):
        return "cannot lock rows or write files while read-only"
    return ""


def explain(execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: dict[str, Any]) -> Any:
    """Say with Django's error what the driver's says of a refusal; an execute wrapper of Django's."""
    try:
        return execute(sql, params, many, context)
    except Error as error:
        hand_on(error, getattr(context["connection"].connection, "probe_note", ""))
        raise


def parameters(driver: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return what to connect with by a driver, so that the protocol takes one statement at a time."""
    changed = {**given, "client_flag": given.get("client_flag", 0) & ~_MULTI_STATEMENTS}
    if driver == "MySQLdb":  # which else adds the flag
        changed["multi_statements"] = False
    return changed


def _is_pymysql(connection: type[Any]) -> bool:
    return any(cls.__module__.startswith("pymysql.") for cls in connection.__mro__)


_held_classes: dict[type[Any], type[_Held]] = {}


def _held(base: type[Any]) -> type[_Held]:
    if base not in _held_classes:
        driver = _HeldPyMySQL if _is_pymysql(base) else _HeldMySQLdb
        _held_classes[base] = type(f"ReadOnly{base.__name__}", (driver, base), {"probe_base": base})
    return _held_classes[base]


def hold(raw: Any, note: str) -> None:
    """Hold the driver's connection from now on; `note` goes with every write that is refused.

    GuardError where it would take several statements in one string.
    """
    raw.rollback()  # what a receiver of connection_created left open was begun unguarded
    if raw.client_flag & _MULTI_STATEMENTS:
        raise GuardError("the connection was made with MULTI_STATEMENTS")
    believed = bool(raw.get_autocommit())
    raw.autocommit(True)  # noqa: FBT003 (the driver's signature)
    raw.__class__ = _held(raw.__class__)
    raw.probe_note = note
    raw.probe_autocommit = believed


def release(raw: Any) -> None:
    """Give the connection back as it was before `hold`."""
    if not isinstance(raw, _Held):
        return
    believed = raw.probe_autocommit
    base: Any = raw.probe_base
    with suppress(Exception):  # it may be closed, and is of no use to anybody then
        raw.rollback()
    raw.__class__ = base
    with suppress(Exception):
        raw.autocommit(believed)
