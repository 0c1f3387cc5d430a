"""What is known of a probe before it runs: its title, where it is defined, who mends it and how."""

from __future__ import annotations

import unittest
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from django_probe.execution.loading.suites import Stillborn
from django_probe.process.originals import Original
from django_probe.terms import PLACE, About

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_probe.naming.names import Labels
    from django_probe.policy.gates import Gate
    from django_probe.terms import Wishes

_DEEPEST: Final = 100
"""Decorators around a method after which its own definition is not looked for any more."""


class Descriptions:
    """Describes the probes of a gate; files are told from the folder of the command, where they are in it."""

    def __init__(self, gate: Gate, labels: Labels) -> None:
        self._owners = _by_label(gate.owners, labels)
        self._runbooks = _by_label(gate.runbooks, labels)
        self._files: dict[str, str] = {}
        self._here = _here()

    def of(self, label: str, test: unittest.TestCase, own: Wishes, bare: MethodType | None = None) -> About:
        """Return what is known of a test that wishes `own`: what it says itself counts more than what its gate says.

        `bare` is its method if no decorator wrapped that.
        """
        owner = own.owner or self._owners.get(label)
        runbook = own.runbook or self._runbooks.get(label)
        if isinstance(test, Stillborn):
            return About(None, owner, runbook)
        if bare:
            at = bare.__func__.__code__
            return About(_first_line(bare), owner, runbook, self._file(at.co_filename), at.co_firstlineno)
        try:
            method = _method(test)
            title, code, place = _first_line(method), _code(method), getattr(method, PLACE, None)
        except Exception:  # noqa: BLE001 (what stands in place of a method may be an object of any class)
            title, code, place = None, None, None
        if isinstance(place, tuple):
            return About(title, owner, runbook, self._file(place[0]), place[1])
        if code is None:
            return About(title, owner, runbook)
        return About(title, owner, runbook, self._file(code.co_filename), code.co_firstlineno)

    def _file(self, name: str) -> str:
        if name not in self._files:
            path = Path(name)
            inside = self._here is not None and path.is_relative_to(self._here)
            self._files[name] = str(path.relative_to(self._here)) if self._here and inside else name
        return self._files[name]


def _by_label(entries: Iterable[tuple[str, str]], labels: Labels) -> dict[str, str]:
    """Return what the entries say of each label; of several that name one the last counts, as in CODEOWNERS."""
    return {label: said for entry, said in entries for label in labels.find(entry).labels}


def _here() -> Path | None:
    try:
        return Path(Original.getcwd())
    except OSError:  # somebody removed it
        return None


def is_bare(method: Any) -> bool:
    """Return whether no decorator wrapped a method or left anything on it; to look for what is missing takes long."""
    return type(method) is MethodType and type(method.__func__) is FunctionType and not method.__func__.__dict__


def _method(test: unittest.TestCase) -> Any:
    if isinstance(test, unittest.FunctionTestCase):
        return test._testFunc  # type: ignore[attr-defined]  # noqa: SLF001 (unittest has no other name for it)
    return getattr(test, test._testMethodName, None)  # noqa: SLF001 (as above)


def _first_line(method: Any) -> str | None:
    doc = getattr(method, "__doc__", None)
    return (doc.strip().partition("\n")[0].strip() or None) if isinstance(doc, str) else None


def _code(method: Any) -> CodeType | None:
    """Return the code of what decorators wrap, as `inspect.unwrap` finds it; None where it is not Python's."""
    for _ in range(_DEEPEST):
        inner = method.func if isinstance(method, partial) else getattr(method, "__wrapped__", None)
        if inner is None:
            break
        method = inner
    code = getattr(method, "__code__", None)
    return code if isinstance(code, CodeType) else None
