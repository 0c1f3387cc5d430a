"""Reads the JMESPaths of checks; the library is imported with this, which a run without such paths need not pay for."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from django_probe.policy.declared.kinds import STEPS
from django_probe.policy.declared.values import COOKIE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django_probe.policy.declared.check import Check


def verify_checks(checks: Iterable[Check]) -> None:
    """Raise ValueError, with the place in the policy, where a check or a step has a JMESPath that is none."""
    for where, path in _written(checks):
        try:
            verify(path)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None


def verify(path: str) -> None:
    """Raise ValueError, with one sentence, for a text that is no JMESPath, or has a function that there is not."""
    try:
        nodes = [*_nodes(expression(path).parsed)]
    except (JMESPathError, RecursionError) as error:
        raise ValueError(f"{path!r} is no JMESPath: {' '.join(str(error).split())}") from None
    for node in nodes:
        if node["type"] == "function_expression" and node["value"] not in Functions.FUNCTION_TABLE:
            raise ValueError(f"{path!r} is no JMESPath: it has no function {node['value']}()")


@cache
def expression(path: str) -> Any:
    """Return the expression of a JMESPath; JMESPathError where it is none."""
    return jmespath.compile(path)


def _written(checks: Iterable[Check]) -> Iterator[tuple[str, str]]:
    for check in checks:
        for path in check.get("json", ()):
            yield f"{check.where}.json", path
        for name, path in check.get("save", {}).items():
            if not path.startswith(COOKIE):
                yield f"{check.where}.save.{name}", path
        if check.kind == STEPS:
            yield from _written(check.subject)


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict) and "children" in node:
        yield node
        for child in node["children"]:
            yield from _nodes(child)
