"""The places for values of the environment in what a policy says, and which of those are secrets by their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django_probe.policy.declared.check import Check

PLACE: Final = r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}"
"""`${NAME}`, as a regular expression with one group."""
SAVED: Final = r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}"
"""`{{ name }}`, of what an earlier step saved, with one group too."""
PLACES: Final = re.compile(rf"{PLACE}|{SAVED}")
_PLACES: Final = re.compile(PLACE)
_SAVED: Final = re.compile(SAVED)
_SECRET: Final = re.compile("TOKEN|PASS|KEY|SECRET|AUTH|COOKIE|SIGNATURE|CREDENTIAL", re.IGNORECASE)
_BETWEEN_NAMES: Final = re.compile(r"[^\w-]+")
_WORD: Final = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_HARMLESS: Final = re.compile(
    "(co)?authors?|author(ed|ing|ity|ities|ship)|(un)?authori[sz]ed|(un)?authenticated|authentic"
    "|pass(ed|ing|ive|ages?|engers?)|compass|key(boards?|frames?|notes?|words?)|(don|hoc|mon|tur|whis)keys?"
    "|secretar(y|ies)"
)
"""Words in which letters of those above stand by chance."""
_ABOUT: Final = ("name", "type")
"""Last words of names that say something about a secret, as `token_type` and `oauth_app_name` do, and hold none."""


def says_secret(name: str) -> bool:
    """Return whether what bears this name, a variable, a header, a field or a path of members, is a secret."""
    return may_say_secret(name) and any(map(_is_secret, _BETWEEN_NAMES.split(name)))


def may_say_secret(text: str) -> bool:
    """Return whether a text may have names of secrets in it, which is quicker to say than which."""
    return bool(_SECRET.search(text))


def _is_secret(name: str) -> bool:
    words = _WORD.findall(name)
    if words and words[-1].lower() in _ABOUT and name.endswith(words[-1]):
        return False
    # What is left is looked at as a whole: `toKen` is one as well.
    return may_say_secret(_WORD.sub(lambda word: "-" if _HARMLESS.fullmatch(word[0].lower()) else word[0], name))


def secret_names(checks: Iterable[Check]) -> frozenset[str]:
    """Return the variables that checks name and that are secrets: by their names, or by those of what takes them."""
    return frozenset(name for check in checks for name in _secrets([check.subject, check.keys], secret=False))


def variable_names(checks: Iterable[Check]) -> frozenset[str]:
    """Return the variables that checks name, secrets or not."""
    return frozenset(name for check in checks for name in _secrets([check.subject, check.keys], secret=True))


def saved_names(value: Any) -> frozenset[str]:
    """Return the names of `{{ name }}` in a value, and in all that is in it."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return frozenset().union(*map(saved_names, value))
    return frozenset(_SAVED.findall(value)) if isinstance(value, str) else frozenset()


def _secrets(value: Any, *, secret: bool) -> Iterator[str]:
    """Yield the secrets that a value names; all that it names where it is `secret` itself, as a header may be."""
    if isinstance(value, str):
        yield from (name for name in _PLACES.findall(value) if secret or says_secret(name))
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _secrets(each, secret=secret or says_secret(key))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _secrets(each, secret=secret)
    elif hasattr(value, "subject"):  # a step
        yield from _secrets([value.subject, value.keys], secret=secret)
