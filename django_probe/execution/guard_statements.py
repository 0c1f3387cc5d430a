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


def leaves_read_only(text: str) -> bool:
    """Tell whether a statement would end a read-only transaction, or make it another, as far as it can be seen."""
    if ";" not in text and not _MAY_LEAVE.match(text):
        return False
    return _LEAVES_READ_ONLY.search(_ASIDE.sub(lambda found: found["name"] or " ", text)) is not None
