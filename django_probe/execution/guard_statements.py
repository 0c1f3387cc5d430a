"""Recognises, in what comes to Django's cursors, the statements that the guard cannot leave to the server."""

from __future__ import annotations

import re
from typing import Any, Final

# What the words of a statement may not be looked for in; what is quoted with double quotes stays, as a name.
_ASIDE: Final = re.compile(
    r"""
    (?P<name>"[^"]*")
    | \b[eE]'(?:\\.|''|[^'\\])*'
    | '(?:''|[^'])*'
    | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$
    | --[^\n]*
    | /\*.*?\*/
    """,
    re.DOTALL | re.VERBOSE,
)
# What code that means no harm may say, where its role's transactions are read-only unless it does. The server
# obeys if it comes first, and would obey whatever follows a COMMIT in the same string.
_LEAVES_READ_ONLY: Final = re.compile(
    r"""(?:^|;)\s*(?:
        (?:set|begin|start)\b[^;]*\b(?:read\s+write|transaction_read_only)\b
        | (?:commit|abort|end(?=\s*;|\s+(?:work|transaction|and)\b)|prepare\s+transaction
            |rollback(?!\s[^;]*\bto\b))\b[^;]*;\s*\S
        | pragma\s+(?:[\w"]+\s*\.\s*)?"?query_only\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
# A statement alone can do harm with these; another must come after a semicolon.
_MAY_LEAVE: Final = re.compile(r"\s*(?:set|begin|start|pragma|/\*|--)", re.IGNORECASE)

# What sets something in the session that outlives the statement and its transaction.
_SETS: Final = re.compile(
    r"(?:^|;)\s*(?:set|reset|discard|listen|unlisten|load|prepare|declare|pragma|attach|detach|use|lock)\b",
    re.IGNORECASE,
)
_CALLS: Final = ("set_config", "advisory_lock", "get_lock", " temp")


def text_of(statement: Any, raw: Any) -> str:
    """Give a statement as text: Django passes on bytes and what psycopg's `sql` composes; "" for what is none."""
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
    return _ASIDE.sub(lambda found: found["name"] or " ", text)


def leaves_read_only(text: str) -> bool:
    """Tell whether a statement would end a read-only transaction, or make it another, as far as it can be seen."""
    if ";" not in text and not _MAY_LEAVE.match(text):
        return False
    return _LEAVES_READ_ONLY.search(_bare(text)) is not None


def may_stay_in_session(text: str) -> bool:
    """Tell whether a statement may leave something in the session, to which the next probe would fall heir.

    Generous: what is taken for such a statement costs a new connection, and no more.
    """
    lower = text.lower()
    if any(call in lower for call in _CALLS):
        return True
    if ";" not in text and "/*" not in text and "--" not in text:
        return _SETS.match(text) is not None  # for nearly every statement: no search, no copy
    return _SETS.search(_bare(text)) is not None
