"""Reads the mapping `checks` of a policy file; whatever is wrong is one `PolicyError` with its path."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from django_probe.naming.names import nearest
from django_probe.policy.declared.check import Check
from django_probe.policy.declared.kinds import ACCESS_WISH, FILLED, FLOW, KINDS, RESERVED, STEP, STEPS, WISHES
from django_probe.policy.declared.secrets import saved_names
from django_probe.policy.gates import PolicyError
from django_probe.terms import Wishes, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from django_probe.policy.keys import Key

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
RELEASE_TIMEOUT: Final = 60.0
"""Seconds that a check has to wait for the release, as the ready-made probe of URLs has them."""
_FOLLOWED: Final = frozenset({301, 302, 303, 307, 308, "3xx"})
"""Statuses after which the next URL is asked."""
_KINDS: Final = (*KINDS, STEPS)


def parse_checks(written: object, lines: Mapping[str, int]) -> tuple[Check, ...]:
    """Return the checks of a mapping by name, each with its line; PolicyError where it is none of them."""
    read = (_check(name, each) for name, each in _mapping(written, "checks", "checks by name").items())
    return tuple(replace(check, line=lines.get(check.name)) for check in read)


def _mapping(value: object, where: str, of: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not value:
        raise PolicyError(f"{where}: expected a mapping of {of}, got {shown(value)}")
    if wrong := [key for key in value if not isinstance(key, str)]:
        raise PolicyError(f"{where}: expected names as keys, got {shown(wrong[0])}; put it in quotes")
    return value


def _check(name: str, written: object) -> Check:
    if not _NAME.fullmatch(name):
        raise PolicyError(
            f"checks.{shown(name)}: a check's name is letters, digits, - and _, and begins with one of the first two"
        )
    where = f"checks.{name}"
    if name in RESERVED or name.startswith("assert"):
        raise PolicyError(f"{where}: no check can have this name, which unittest uses itself; give it another one")
    keys = _mapping(written, where, "keys")
    kinds = [key for key in keys if key in _KINDS]
    if len(kinds) != 1:
        raise PolicyError(f"{where}: {_one_kind(kinds, keys)}")
    kind = kinds[0]
    known = FLOW if kind == STEPS else KINDS[kind]
    parsed = _parsed({key: value for key, value in keys.items() if key != STEPS}, known, where, kind)
    wishes = Wishes(**{key: parsed.pop(key) for key in (*WISHES, *ACCESS_WISH) if key in parsed})
    if parsed.get("release"):
        wishes = wishes.over(Wishes(timeout=RELEASE_TIMEOUT))
    tags = parsed.pop("tags", ())
    if kind == STEPS:
        subject: Any = _steps(keys[STEPS], parsed.get("base"), f"{where}.{STEPS}", name, wishes)
    else:
        _need_saved(parsed, where, ())
        subject = parsed.pop(kind)
        if kind == "http":
            _fit_together(subject, parsed, where)
    return Check(where, name, kind, subject, parsed, wishes, tags)


def _one_kind(kinds: list[str], keys: Mapping[str, Any]) -> str:
    if kinds:
        return f"a check asks one thing, and this one has the keys {' and '.join(kinds)}; make each a check of its own"
    hints = [f"{key}: unknown key{hint}" for key in keys if (hint := nearest(key, _KINDS))]
    return hints[0] if hints else f"it asks nothing; give it one of the keys {', '.join(_KINDS)}"


def _parsed(written: Mapping[str, Any], known: Mapping[str, Key], where: str, kind: str) -> dict[str, Any]:
    values = {}
    for key, value in written.items():
        if key not in known:
            elsewhere = any(key in keys for keys in (*KINDS.values(), STEP))
            hint = f"; checks of the kind {kind} do not have it" if elsewhere else nearest(key, known)
            raise PolicyError(f"{where}.{key}: unknown key{hint}")
        try:
            values[key] = known[key].parse(value)
        except ValueError as error:
            raise PolicyError(f"{where}.{key}: {error}") from None
    return values


def _steps(written: object, base: str | None, where: str, name: str, wishes: Wishes) -> tuple[Check, ...]:
    if not isinstance(written, list) or not written:
        raise PolicyError(f"{where}: expected a list of steps, got {shown(written)}")
    steps: list[Check] = []
    saved: dict[str, None] = {}
    for number, each in enumerate(written, 1):
        here = f"{where}[{number}]"
        keys = _mapping(each, here, "keys")
        if "http" not in keys:
            hints = [f"{key}: unknown key{hint}" for key in keys if key not in STEP and (hint := nearest(key, STEP))]
            raise PolicyError(f"{here}: {hints[0] if hints else 'a step has the key http, the URL that it asks'}")
        parsed = _parsed(keys, STEP, here, "http")
        subject = parsed.pop("http")
        if base:
            parsed.setdefault("base", base)
        _fit_together(subject, parsed, here)
        _need_saved({"http": subject, **parsed}, here, saved)
        saved |= dict.fromkeys(parsed.get("save", ()))
        steps.append(Check(here, name, "http", subject, parsed, wishes))
    return tuple(steps)


def _fit_together(subject: str, keys: Mapping[str, Any], where: str) -> None:
    if subject.startswith("/") and "base" not in keys:
        raise PolicyError(f"{where}.http: the path {shown(subject)} needs the key base, the URL that comes before it")
    if keys.get("follow", True) and "status" in keys and {*keys["status"].written} <= _FOLLOWED:
        raise PolicyError(f"{where}.status: redirects are followed, so that the last answer is none; add follow: false")
    if keys.get("method") in ("GET", "HEAD") and "form" in keys:
        raise PolicyError(f"{where}.method: a form is sent with POST, not with {keys['method']}; take one of them out")


def _need_saved(keys: Mapping[str, Any], where: str, saved: Collection[str]) -> None:
    """Raise PolicyError where a key takes what no step before it saves."""
    for key in FILLED:
        if unknown := sorted(saved_names(keys.get(key)) - set(saved)):
            raise PolicyError(f"{where}.{key}: no earlier step saves {unknown[0]}{nearest(unknown[0], saved)}")
