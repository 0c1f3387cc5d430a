"""Recognises statements that the guard cannot leave to the server, in what Django's cursors execute."""

from __future__ import annotations

import re
from typing import Any, Final

# Comments and quoted text, where no words of a statement are; names in double quotes stay.
_ASIDE: Final = r"""(?xs)
    (?P<name>"[^"]*")
    | \b[eE]'(?:\\.|''|[^'\\])*'
    | '(?:''|[^'])*'
    | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$
    | --[^\n]*
    | /\*.*?\*/
"""
# What would make a read-only transaction of PostgreSQL another, or outlive it. The transaction itself is asked as well;
# to recognise the statement gives the better message.
_LEAVES_READ_ONLY: Final = r"""(?xi)
    ^\s*(?:
        (?:set|begin|start|reset)\b.*\b(?:read\s+write|transaction_read_only)\b
        | prepare\s+transaction\b
        | (?:commit|rollback)\s+prepared\b
    )
"""
_MAY_LEAVE: Final = ("set", "begin", "start", "reset", "prepare", "commit", "rollback", "/*", "--")

# These set something in the session that outlives the statement and its transaction.
_SETTERS: Final = "set|reset|discard|listen|unlisten|load|prepare|declare|pragma|attach|detach|use|lock"
_SETS: Final = rf"(?i)(?:^|;)\s*(?:{_SETTERS})\b"
_MAY_SET: Final = (*_SETTERS.split("|"), "/*", "--")
_CALLS: Final = ("set_config", "advisory_lock", "get_lock", " temp")


def text_of(statement: Any, raw: Any) -> str:
    """Return a statement as text, also if it is bytes or composed by psycopg's `sql`; "" for anything else."""
    if isinstance(statement, str):
        return statement
    if isinstance(statement, bytes):
        return statement.decode(errors="replace")
    if not hasattr(statement, "as_string"):
        return ""
    try:
        return str(statement.as_string(raw))
    except Exception:  # noqa: BLE001 (whatever it is, executing the statement raises it again, for the probe)
        return ""


def _bare(text: str) -> str:
    return re.sub(_ASIDE, lambda found: found["name"] or " ", text)


def _may_begin(text: str, beginnings: tuple[str, ...]) -> bool:
    """Return quickly, for nearly every statement, that nothing is to be found; this compiles no pattern."""
    return ";" in text or text.lstrip()[:10].lower().startswith(beginnings)


def leaves_read_only(text: str) -> bool:
    """Return whether a statement would make a read-only transaction another, or outlive it, as far as can be seen."""
    return _may_begin(text, _MAY_LEAVE) and re.search(_LEAVES_READ_ONLY, _bare(text), re.DOTALL) is not None


def may_stay_in_session(text: str) -> bool:
    """Return whether a statement may leave something in the session, which the next probe would inherit.

    A wrong yes costs only a new connection.
    """
    lower = text.lower()
    if any(call in lower for call in _CALLS):
        return True
    return _may_begin(text, _MAY_SET) and re.search(_SETS, _bare(text)) is not None
