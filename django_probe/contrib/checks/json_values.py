"""Reads JSON without mercy, and finds what is at a JMESPath."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import TYPE_CHECKING, Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from django_probe.contrib.checks.errors import CheckError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django_probe.declared.check import Check


class JsonError(ValueError):
    """A text is no JSON, or no value is at a path of it; the message is a clause of a sentence."""


def verify(checks: Iterable[Check]) -> None:
    """Raise CheckError where one of the checks, or steps, has a JMESPath that is none."""
    for check in checks:
        for path in check.get("json", ()):
            _compiled(path, f"{check.where}.json")
        for name, path in check.get("save", {}).items():
            _compiled(path, f"{check.where}.save.{name}")


def parsed(text: str) -> Any:
    """Return what a text of JSON says; JsonError where readers could take it for different things.

    That is a member that stands twice, or a number that is none (RFC 8259, 4 and 6). A byte order mark is passed over.
    """
    try:
        return json.loads(
            text.removeprefix("\ufeff"),
            object_pairs_hook=_object,
            parse_constant=_no_number,
            parse_float=_float,
        )
    except (ValueError, RecursionError) as error:
        raise JsonError(f"the body is no JSON: {error}") from None


def value_at(path: str, found: Any) -> Any:
    """Return what is at a JMESPath, None where nothing is; JsonError where its functions do not take what is there."""
    try:
        return _expression(path).search(found)
    except (JMESPathError, RecursionError) as error:
        raise JsonError(f"{path}: {' '.join(str(error).split())}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise JsonError(f"the member {twice!r} stands twice in one object")
    return members


def _no_number(text: str) -> Any:
    raise JsonError(f"{text} is no number")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise JsonError(f"{text[:20]} is too large a number")
    return number


def _compiled(path: str, where: str) -> None:
    try:
        nodes = [*_nodes(_expression(path).parsed)]
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


@cache
def _expression(path: str) -> Any:
    return jmespath.compile(path)
