"""Recognises, in what comes to Django's cursors, the statements that the guard cannot leave to the server."""

from __future__ import annotations

import re
from typing import Any, Final

# What the words of a statement may not be looked for in; what is quoted with double quotes stays, as a name.
_ASIDE: Final = r"""(?xs)
    (?P<name>"[^"]*")
    | \b[eE]'(?:\\.|''|[^'\\])*'
    | '(?:''|[^'])*'
    | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$
    | --[^\n]*
    | /\*.*?\*/
"""
# What code that means no harm may say, where its role's transactions are read-only unless it does. The server
# obeys if it comes first, and would obey whatever follows a COMMIT in the same string.
_LEAVES_READ_ONLY: Final = r"""(?xi)
    (?:^|;)\s*(?:
        (?:set|begin|start)\b[^;]*\b(?:read\s+write|transaction_read_only)\b
        | (?:commit|abort|end(?=\s*;|\s+(?:work|transaction|and)\b)|prepare\s+transaction
            |rollback(?!\s[^;]*\bto\b))\b[^;]*;\s*\S
        | pragma\s+(?:[\w"]+\s*\.\s*)?"?query_only\b
    )
"""
# A statement alone can do harm with these; another must come after a semicolon.
_MAY_LEAVE: Final = ("set", "begin", "start", "pragma", "/*", "--")

# What sets something in the session that outlives the statement and its transaction.
_SETTERS: Final = "set|reset|discard|listen|unlisten|load|prepare|declare|pragma|attach|detach|use|lock"
_SETS: Final = rf"(?i)(?:^|;)\s*(?:{_SETTERS})\b"
_MAY_SET: Final = (*_SETTERS.split("|"), "/*", "--")
_CALLS: Final = ("set_config", "advisory_lock", "get_lock", " temp")


def text_of(statement: Any, raw: Any) -> str:
    """Return a statement as text: Django passes on bytes and what psycopg's `sql` composes; "" for what is none."""
    if isinstance(statement, str):
        return statement
    if isinstance(statement, bytes):
        return statement.decode(errors="replace")
    if not hasattr(statement, "as_string"):
        return ""
    try:
        return str(statement.as_string(raw))
    except Exception:  # noqa: BLE001 (whatever it is, to execute it raises it again, and to whom it concerns)
        return ""


def _bare(text: str) -> str:
    return re.sub(_ASIDE, lambda found: found["name"] or " ", text)


def _may_begin(text: str, beginnings: tuple[str, ...]) -> bool:
    """Tell quickly of nearly every statement that there is nothing to look for; the patterns need not be compiled."""
    return ";" in text or text.lstrip()[:10].lower().startswith(beginnings)


def leaves_read_only(text: str) -> bool:
    """Return whether a statement would end a read-only transaction, or make it another, as far as it can be seen."""
    return _may_begin(text, _MAY_LEAVE) and re.search(_LEAVES_READ_ONLY, _bare(text)) is not None


def may_stay_in_session(text: str) -> bool:
    """Return whether a statement may leave something in the session, to which the next probe would fall heir.

    Generous: what is taken for such a statement costs a new connection, and no more.
    """
    lower = text.lower()
    if any(call in lower for call in _CALLS):
        return True
    return _may_begin(text, _MAY_SET) and re.search(_SETS, _bare(text)) is not None
