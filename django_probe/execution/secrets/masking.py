"""Masks known secrets, and the user info of URLs, in texts; which texts are secrets, others find out.

Nothing here imports Django: the supervisor, which has no settings, masks by the environment.
"""

from __future__ import annotations

import json
import os
import re
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# The patterns are compiled where a text has a sign of what they find: most runs have none.
MIN_LENGTH: Final = 8
MASK: Final = "*" * 20  # as Django's error pages have it
_URL_USER: Final = r"(?<=://)[^\s/'\"<>]+(?=@)"
# Where a value that is too long ends, where unittest leaves out its middle, and where pprint goes on in the next line.
_CUT: Final = r"""(?x)(… | \[\d+\ chars\] | \ \[truncated\]\.\.\.
    | ['"]\n[-+]?\ +b?['"] | ['"]?\n\?[ ^+-]*\n\n?[-+]\ +b?['"])"""  # the last beside the marks of difflib
_CUT_SIGNS: Final = ("…", " chars]", "[truncated]", "'\n", '"\n', "\n?")
"""One of these is in every cut. To look for them is a hundred times as quick as to try the pattern at each place."""
_NUMBER: Final = rf"(?a)(?<!\d)\d{{{MIN_LENGTH},}}(?!\d)"
_FEW: Final = 200  # to search a text for so many is quicker than to look at each of its places
_KEPT_IN_URLS: Final = "/?:@!$&'()*+,;="  # by clients, which escape only what no URL can have
_MOST_DIGITS: Final = 1000  # Python reads no number of some thousands
_MIN_PART: Final = 5  # characters of a secret beside a cut, the fewest that unittest leaves of what values share


# As Django's error pages hide settings by their names, and cookies and credentials beside them.
_SECRET: Final = re.compile("API|AUTH|TOKEN|KEY|SECRET|PASS|SIGNATURE|COOKIE|CREDENTIAL", re.IGNORECASE)
_PLAIN: Final = re.compile(
    "_(?:HOST|PORT|ADDR|PROTO|URL|URI|DOMAIN|EMAIL|FILE|PATH|DIR|SOCK|NAME|MODEL|VERSION|DATE|AGE)$", re.IGNORECASE
)
"""How the names of variables end that say where or what something is: AUTH_SERVICE_HOST, not EMAIL_HOST_PASSWORD.

Kubernetes sets AUTH_PORT_80_TCP too, to a URL, and AUTH_SERVICE_PORT_HTTPS, to a number too short for a secret.
"""


class Mask:
    """Masks `secrets`, each in every form in which texts have it, and the user info of every URL.

    A number is found between characters that are no digits. A secret of fewer than `MIN_LENGTH` characters or digits is
    left as it is: it would be found in any text.
    """

    def __init__(self, secrets: Iterable[str | int]) -> None:
        given = set(secrets)
        texts = {secret for secret in given if isinstance(secret, str)}
        self._known = _Known({form for secret in texts for form in _forms(secret) if len(form) >= MIN_LENGTH})
        self._numbers = {str(secret) for secret in given - texts}

    def __call__(self, text: str) -> str:
        """Return the text with everything masked."""
        text = self._known.masked(text)
        if self._numbers:
            text = re.sub(_NUMBER, lambda found: MASK if found[0] in self._numbers else found[0], text)
        return re.sub(_URL_USER, MASK, text) if "://" in text else text


class _Known:
    """Masks some forms of secrets in texts, in a time that hardly depends on how many they are."""

    def __init__(self, forms: set[str]) -> None:
        self._forms = forms
        lengths: dict[str, set[int]] = {}
        for form in forms:
            lengths.setdefault(form[:MIN_LENGTH], set()).add(len(form))
        # The longest first, so that a secret that begins with another is masked whole.
        self._lengths = {head: sorted(found, reverse=True) for head, found in lengths.items()}

    def masked(self, text: str) -> str:
        """Return the text with every form in it replaced, and every part of one beside a cut."""
        text = self._without_whole(text)
        if not any(sign in text for sign in _CUT_SIGNS):
            return text
        parts = re.split(_CUT, text)  # each second one is a cut
        if len(parts) > 1:
            after, before = self._sides
            parts[2::2] = [_without_head(part, after) for part in parts[2::2]]
            parts[:-1:2] = [_without_head(part[::-1], before)[::-1] for part in parts[:-1:2]]
        return "".join(parts)

    @cached_property
    def _sides(self) -> tuple[str, str]:
        """All forms in one text, and the same backwards."""
        known = "\0".join(self._forms)
        return known, known[::-1]

    def _without_whole(self, text: str) -> str:
        heads = self._lengths
        if len(heads) <= _FEW and not any(head in text for head in heads):
            return text
        pieces, done = [], 0
        # A pattern of thousands of alternatives would try each of them at every place.
        for place in [at for at in range(len(text) - MIN_LENGTH + 1) if text[at : at + MIN_LENGTH] in heads]:
            if place < done:
                continue
            for length in heads[text[place : place + MIN_LENGTH]]:
                if text[place : place + length] in self._forms:
                    pieces += [text[done:place], MASK]
                    done = place + length
                    break
        return "".join([*pieces, text[done:]])


def _without_head(part: str, known: str) -> str:
    """Mask the longest beginning of a text that stands anywhere in another."""
    length = _MIN_PART
    if len(part) < length or part[:length] not in known:
        return part
    while length < len(part) and part[: length + 1] in known:
        length += 1
    return MASK + part[length:]


def of_url(url: str) -> Iterator[str]:
    """Yield the passwords in a URL, or its user where it has no password, as where a service takes a token there."""
    for user in re.findall(_URL_USER, url):
        yield from user.split(":", 1)[1:]
    try:
        parts = urlsplit(url)
    except ValueError:  # no URL after all
        return
    if parts.password is not None:
        yield parts.password
    elif parts.username and not parts.username.isalpha():  # a word is a name: "postgres" is in every traceback
        yield parts.username


def of_environment() -> Iterator[str | int]:
    """Yield the values of the environment's variables that are secrets by their names, and the passwords of URLs."""
    for name, value in os.environ.items():
        secret = value.strip()
        if "://" in secret:
            yield from of_url(secret)
        if _SECRET.search(name) and not _PLAIN.search(name) and len(secret) >= MIN_LENGTH and not _is_place(secret):
            yield int(secret) if secret.isascii() and secret.isdigit() and len(secret) < _MOST_DIGITS else secret


def _is_place(value: str) -> bool:
    """Return whether a value is a file, as of XAUTHORITY, or a URL, whose passwords are secrets by themselves."""
    return "://" in value or (value.startswith("/") and os.path.exists(value))  # noqa: PTH110 (where Django has not begun, pathlib need not be imported)


def _forms(secret: str) -> set[str]:
    """Return a secret as code, JSON, HTML and connection strings escape it, as URLs have it, and each of its lines."""
    if secret.isascii() and secret.isalnum():
        return {secret}
    in_json = json.dumps(secret)
    whole = {
        secret,
        repr(secret)[1:-1],
        repr(f"'\"{secret}")[4:-1],  # in a text with both quotes; libpq escapes alike
        in_json[1:-1],
        repr(in_json)[2:-2],
        escape(secret),
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        quote(secret, safe=_KEPT_IN_URLS),
        unquote(secret),
    }
    return whole | {line.strip() for line in secret.splitlines()}
