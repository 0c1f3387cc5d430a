"""Finds test classes and methods that another of the same name hides: Python keeps the last, and nothing of the first.

Of the first there is no object any more, so the source is read. What the source may mean otherwise is left alone: a
definition under a condition, one that the other builds on, and one with a decorator that may have kept it.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

_DEFINITION: Final = re.compile(r"^([ \t]*)(?:class|(?:async[ \t]+)?def)[ \t]+(\w+)", re.MULTILINE)
_FIXTURES: Final = frozenset({"setUp", "tearDown", "setUpClass", "tearDownClass", "asyncSetUp", "asyncTearDown"})
# They give back what they are given, or what calls it; others may have kept what the name loses.
_DECORATORS: Final = frozenset(
    "classmethod expectedFailure freeze_time override_settings patch probe skip skipIf skipUnless "  # noqa: SIM905 (a line of names says no more)
    "staticmethod tag".split()
)


def hidden(module: ModuleType, *, chooses: bool) -> Iterator[str]:
    """Yield a sentence for each test class and method of a module that a later one hides.

    Where the module `chooses` its tests by hand, it may have taken a class before the name was given anew.
    """
    loader = getattr(module.__spec__, "loader", None)
    try:
        source = loader.get_source(module.__name__) if loader and hasattr(loader, "get_source") else None
        tree = ast.parse(source) if source and _may_hide(source) else None
    except (ImportError, SyntaxError, ValueError):  # it is not there, or was written anew since it was imported
        return
    if tree is None:
        return
    if not chooses:
        for first, second in _pairs(tree.body):
            if isinstance(first, ast.ClassDef) and any(_is_test(each) for each in first.body):
                yield _sentence(first.name, first, second, module)
    for cls in ast.walk(tree):
        if isinstance(cls, ast.ClassDef):
            for first, second in _pairs(cls.body):
                if _is_test(first) or (first.name in _FIXTURES and any(map(_is_test, cls.body))):
                    yield _sentence(f"{cls.name}.{first.name}", first, second, module)


def _may_hide(source: str) -> bool:
    """Return whether a name is defined twice at one depth of one class: to parse every module would take long."""
    seen: set[tuple[int, str, str]] = set()
    top = 0
    for number, found in enumerate(_DEFINITION.finditer(source)):
        indent, name = found.groups()
        top = top if indent else number
        key = (top if indent else -1, indent, name)
        if key in seen:
            return True
        seen.add(key)
    return False


def _pairs(body: list[ast.stmt]) -> Iterator[tuple[Definition, Definition]]:
    """Yield each definition with the later one that hides it, of those that stand in a body by themselves."""
    last: dict[str, int] = {}
    for at, statement in enumerate(body):
        if not isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        before = last.get(statement.name)
        last[statement.name] = at
        if before is None:
            continue
        first: Definition = body[before]  # type: ignore[assignment]  # only definitions are noted
        between = [*body[before + 1 : at], *_head(statement)]
        if all(map(_is_plain, first.decorator_list)) and not any(_uses(each, statement.name) for each in between):
            yield first, statement


def _head(definition: Definition) -> list[ast.expr]:
    """Return what of a definition is looked up before its name is given anew, apart from a class's body."""
    if isinstance(definition, ast.ClassDef):
        return [*definition.decorator_list, *definition.bases, *(each.value for each in definition.keywords)]
    return [*definition.decorator_list, *definition.args.defaults]


def _is_plain(decorator: ast.expr) -> bool:
    while isinstance(decorator, ast.Call):
        decorator = decorator.func
    if isinstance(decorator, ast.Attribute) and decorator.attr in ("object", "dict", "multiple"):  # of mock.patch
        decorator = decorator.value
    name = decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
    return name in _DECORATORS


def _uses(code: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(code))


def _is_test(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name.startswith("test")


def _sentence(name: str, first: Definition, second: Definition, module: ModuleType) -> str:
    return (
        f"nothing runs of {name} in line {first.lineno} of {module.__name__}: another of the same name in line "
        f"{second.lineno} hides it; rename one of them"
    )
