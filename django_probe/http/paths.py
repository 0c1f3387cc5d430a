"""Finds what is at a JMESPath, and what is not as it is expected there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jmespath.exceptions import JMESPathError

from django_probe.http.json_values import JsonError
from django_probe.http.masks import HIDDEN
from django_probe.policy.declared.expected import in_few
from django_probe.policy.declared.jmespaths import expression, verify
from django_probe.policy.declared.secrets import says_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django_probe.policy.declared.expected import Expected

__all__ = ["differences", "value_at", "verify"]


def value_at(path: str, found: Any) -> Any:
    """Return what is at a JMESPath, None where nothing is; JsonError where its functions do not take what is there."""
    try:
        return expression(path).search(found)
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
