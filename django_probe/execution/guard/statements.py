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
# Harmless code may say this if its role's transactions are read-only by default. The server obeys it as the first
# statement, and would also obey whatever follows a COMMIT in the same string.
_LEAVES_READ_ONLY: Final = r"""(?xi)
    (?:^|;)\s*(?:
        (?:set|begin|start)\b[^;]*\b(?:read\s+write|transaction_read_only)\b
        | (?:commit|abort|end(?=\s*;|\s+(?:work|transaction|and)\b)|prepare\s+transaction
            |rollback(?!\s[^;]*\bto\b))\b[^;]*;\s*\S
        | pragma\s+(?:[\w"]+\s*\.\s*)?"?query_only\b
    )
"""
# These can do harm in a single statement; all others need a semicolon before them.
_MAY_LEAVE: Final = ("set", "begin", "start", "pragma", "/*", "--")

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
    """Return whether a statement would visibly end a read-only transaction or make it another one."""
    return _may_begin(text, _MAY_LEAVE) and re.search(_LEAVES_READ_ONLY, _bare(text)) is not None


def may_stay_in_session(text: str) -> bool:
    """Return whether a statement may leave something in the session, which the next probe would inherit.

    A wrong yes costs only a new connection.
    """
    lower = text.lower()
    if any(call in lower for call in _CALLS):
        return True
    return _may_begin(text, _MAY_SET) and re.search(_SETS, _bare(text)) is not None
