"""Finds what is at a JMESPath, and what is not as it is expected there."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from django_probe.http.json_values import JsonError
from django_probe.http.masks import HIDDEN
from django_probe.policy.declared.expected import in_few
from django_probe.policy.declared.secrets import says_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django_probe.policy.declared.expected import Expected


def verify(path: str) -> None:
    """Raise ValueError, with one sentence, for a text that is no JMESPath, or has a function that there is not."""
    try:
        nodes = [*_nodes(_expression(path).parsed)]
    except (JMESPathError, RecursionError) as error:
        raise ValueError(f"{path!r} is no JMESPath: {' '.join(str(error).split())}") from None
    for node in nodes:
        if node["type"] == "function_expression" and node["value"] not in Functions.FUNCTION_TABLE:
            raise ValueError(f"{path!r} is no JMESPath: it has no function {node['value']}()")


def value_at(path: str, found: Any) -> Any:
    """Return what is at a JMESPath, None where nothing is; JsonError where its functions do not take what is there."""
    try:
        return _expression(path).search(found)
    except (JMESPathError, RecursionError) as error:
        raise JsonError(f"{path}: {' '.join(str(error).split())}") from None


def differences(found: Any, wanted: Mapping[str, Expected]) -> Iterator[str]:
    """Yield what is not as it is expected at its path, each as a clause; without values that are secrets by name."""
    for path, expected in wanted.items():
        try:
            came = value_at(path, found)
        except JsonError as error:
            yield f"{error}; expected {expected}"
            continue
        if not expected.holds(came):
            yield f"{path} is {HIDDEN if says_secret(path) else in_few(came)}, not {expected}"


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict) and "children" in node:
        yield node
        for child in node["children"]:
            yield from _nodes(child)


@cache
def _expression(path: str) -> Any:
    return jmespath.compile(path)
