"""Finds what is at a JMESPath."""

from __future__ import annotations

from functools import cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from django_probe.http.json_values import JsonError


def value_at(path: str, found: Any) -> Any:
    """Return what is at a JMESPath, None where nothing is; JsonError where its functions do not take what is there."""
    try:
        return expression(path).search(found)
    except (JMESPathError, RecursionError) as error:
        raise JsonError(f"{path}: {' '.join(str(error).split())}") from None


@cache
def expression(path: str) -> Any:
    """Return the path as the library has it; JMESPathError where it is none."""
    return jmespath.compile(path)
