"""Refuses what is no JMESPath before a check asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from django_probe.contrib.checks.errors import CheckError
from django_probe.http.paths import expression

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django_probe.declared.check import Check


def verify(checks: Iterable[Check]) -> None:
    """Raise CheckError where one of the checks, or steps, has a JMESPath that is none."""
    for check in checks:
        for path in check.get("json", ()):
            _compiled(path, f"{check.where}.json")
        for name, path in check.get("save", {}).items():
            _compiled(path, f"{check.where}.save.{name}")


def _compiled(path: str, where: str) -> None:
    try:
        nodes = [*_nodes(expression(path).parsed)]
    except (JMESPathError, RecursionError) as error:
        raise CheckError(f"{where}: {path!r} is no JMESPath: {' '.join(str(error).split())}") from None
    for node in nodes:
        if node["type"] == "function_expression" and node["value"] not in Functions.FUNCTION_TABLE:
            raise CheckError(f"{where}: {path!r} is no JMESPath: it has no function {node['value']}()")


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict) and "children" in node:
        yield node
        for child in node["children"]:
            yield from _nodes(child)
