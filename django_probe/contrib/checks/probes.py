"""Makes a probe of each check that the policy declares.

The module of a kind, and with it the library that it needs, is imported only where such a check runs.
"""

from __future__ import annotations

import unittest
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django_probe import conf, details
from django_probe.contrib.checks import arguments
from django_probe.contrib.checks.errors import CheckError
from django_probe.http.masks import without_secrets
from django_probe.http.response import shown
from django_probe.policy.gates import PolicyError
from django_probe.results import Outcome
from django_probe.terms import ATTRIBUTE, NOTHING, PLACE

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from django_probe.policy.declared.check import Check

_LONGEST_TITLE: Final = 200


class MissingLibraryError(Exception):
    """What a kind of check needs is not installed."""

    says_all = True


class _Declared(unittest.TestCase):
    """The checks of one kind: each method is one of them."""

    _kind: ClassVar[str]
    _checks: ClassVar[tuple[Check, ...]]
    _source: ClassVar[str]
    _heard_by: Any = None

    def run(self, result: Any = None) -> Any:
        """Run as unittest does, and keep who hears of it."""
        self._heard_by = result
        return super().run(result)

    def _tell_slow(self, check: Check, seconds: float) -> None:
        """Tell of a check that took longer than its `slow`, and passes."""
        limit = check.get("slow")
        if limit and seconds > limit and (note := getattr(self._heard_by, "note", None)):
            note(Outcome.PASSED, f"slow: it took {shown(seconds)}, more than {shown(limit)}")

    @classmethod
    def __probe_preload__(cls) -> None:
        """Import what these checks need; what else goes wrong here, each of them finds and tells by itself.

        Raise PolicyError where one of them cannot be asked as it is written.
        """
        try:
            module: Any = _module(cls._kind)
            if prepare := getattr(module, "prepare", None):
                prepare(cls._checks)
        except CheckError as error:
            raise PolicyError(f"{cls._source}: {error}") from None
        except Exception:  # noqa: BLE001 (a library that is missing, or a URLconf that does not import)
            return


def load_tests(_loader: unittest.TestLoader, _tests: unittest.TestSuite, _pattern: str | None) -> unittest.TestSuite:
    """Return the checks of the policy in force, in the order in which they are written."""
    policy = conf.policy()
    checks = policy.checks
    classes = {kind: _class(kind, checks, policy.source) for kind in dict.fromkeys(check.kind for check in checks)}
    return unittest.TestSuite(classes[check.kind](check.name) for check in checks)


def _class(kind: str, checks: tuple[Check, ...], source: str) -> type[_Declared]:
    own = tuple(check for check in checks if check.kind == kind)
    methods = {check.name: _method(check, source) for check in own}
    return type(
        kind, (_Declared,), {"__module__": __name__, "_kind": kind, "_checks": own, "_source": source, **methods}
    )


def _method(check: Check, source: str) -> Callable[[_Declared], None]:
    """Return the probe of a check, with the terms and the tags that decorators would give it."""

    def ask(test: _Declared) -> None:
        try:
            module: Any = _module(check.kind)
        except ModuleNotFoundError as error:
            raise MissingLibraryError(
                f"checks of the kind {check.kind} need {error.name}; install django-probe-gate[checks]"
            ) from None
        try:
            took = module.run(check)
        except Exception:
            raise
        except BaseException as error:  # its time is over, or somebody ends the run
            if not details.says_waited_for(error):
                error.add_note(details.waited_for(_title(check)))
            raise
        test._tell_slow(check, took)  # noqa: SLF001 (it is this module's)

    ask.__name__, ask.__qualname__ = check.name, f"{check.kind}.{check.name}"
    ask.__doc__ = _title(check)
    setattr(ask, PLACE, (source, check.line))
    if check.tags:
        ask.tags = set(check.tags)  # type: ignore[attr-defined]
    if check.wishes != NOTHING:
        setattr(ask, ATTRIBUTE, check.wishes)
    return ask


def _module(kind: str) -> ModuleType:
    return import_module(f"{__package__}.kinds.{kind}")


def _title(check: Check) -> str:
    asked = f"{len(check.subject)} steps" if check.kind == "steps" else without_secrets(str(check.subject))
    if check.kind == "command":
        asked = arguments.line(check.subject)
    words = " ".join(f"{check.get('method', '')} {asked}".split())
    return words if len(words) <= _LONGEST_TITLE else f"{words[: _LONGEST_TITLE - 1]}…"
