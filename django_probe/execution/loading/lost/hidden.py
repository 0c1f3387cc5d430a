"""Finds tests that Python lost: another value of the same name hides them, or they are properties, or stand in others.

Of what is hidden there is no object any more, so the source is read. What the source may mean otherwise is left alone:
a definition under a condition, one that the other builds on, one with a decorator that may have kept it, and a property
that somebody reads.
"""

from __future__ import annotations

import ast
import re
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    Function = ast.FunctionDef | ast.AsyncFunctionDef
    Definition = ast.ClassDef | Function
    Binding = Definition | ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom

_DEFINITION: Final = re.compile(r"^([ \t]*)(?:class|(?:async[ \t]+)?def)[ \t]+(\w+)", re.MULTILINE)
_OTHER_BINDING: Final = re.compile(
    r"^[ \t]*(?:(\w+)[ \t]*(?::[^=\n]+)?=(?!=)|(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+(\([^)]*\)|[^\n]+))", re.MULTILINE
)
_PROPERTY: Final = re.compile(r"property\s+def[ \t]+test_")
_METHOD: Final = re.compile(r"^([ \t]+)(?:async[ \t]+)?def[ \t]+test\w*\([ \t]*self\b", re.MULTILINE)
_ODD: Final = re.compile(r"def\b(?! [A-Za-z_])")  # one that does not begin as a formatter would have it
_MOST_DECORATED: Final = 50  # lines from the first decorator to the definition
_TO_FIND: Final = ("test", "setUp", "tearDown", "asyncSetUp", "asyncTearDown")
"""The beginnings of the names of tests and fixtures."""
_SHARED: Final = re.compile(r"^_|Base|Mixin|Abstract")  # others may read what is in it
_FIXTURES: Final = frozenset({"setUp", "tearDown", "setUpClass", "tearDownClass", "asyncSetUp", "asyncTearDown"})
# They give back what they are given, or what calls it; others may have kept what the name loses.
_DECORATORS: Final = frozenset(
    "classmethod expectedFailure freeze_time override_settings patch probe skip skipIf skipUnless "  # noqa: SIM905 (a line of names says no more)
    "staticmethod tag".split()
)


def hidden(module: ModuleType, *, chooses: bool) -> Iterator[str]:
    """Yield a sentence for each test class and method of a module that a later value hides or that is a property.

    Where the module `chooses` its tests by hand, it may have taken a class before the name was given anew.
    """
    loader = getattr(module.__spec__, "loader", None)
    try:
        source = loader.get_source(module.__name__) if loader and hasattr(loader, "get_source") else None
        tree = ast.parse(source) if source and not _has_all(module, source) and _may_hide(source) else None
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
            yield from _lost_methods(cls, tree, module)


def _lost_methods(cls: ast.ClassDef, tree: ast.Module, module: ModuleType) -> Iterator[str]:
    for first, second in _pairs(cls.body):
        if _is_test(first) or (first.name in _FIXTURES and any(map(_is_test, cls.body))):
            yield _sentence(f"{cls.name}.{first.name}", first, second, module)
    for method in _properties(cls, tree):
        yield (
            f"nothing runs of {cls.name}.{method.name} in line {method.lineno} of {module.__name__}: it is a "
            f"property; make it a method, or give it a name that does not begin with test"
        )
    for outer, inner in _nested(cls):
        yield (
            f"nothing runs of {inner.name} in line {inner.lineno} of {module.__name__}: it stands inside "
            f"{cls.name}.{outer.name}; indent it as much as that, or call it there"
        )


def _has_all(module: ModuleType, source: str) -> bool:
    """Return whether each test and fixture that the source defines is still where it was defined.

    They are counted: to look for names that are bound twice takes ten times as long. Whatever cannot be counted for
    certain, as what a decorator wraps, is looked for.
    """
    if not source.isascii() or _ODD.search(source):
        return False
    homes = [module, *(value for value in vars(module).values() if type(value) is type)]
    lines = source.splitlines()
    decorates = "@" in source
    there = {
        _defined_at(function.__code__, lines) if decorates else function.__code__.co_firstlineno
        for home in homes
        for name, value in vars(home).items()
        if name.startswith(_TO_FIND)
        and type(function := value.__func__ if type(value) is classmethod else value) is FunctionType
        and function.__code__.co_name == name
        and function.__code__.co_filename == getattr(module, "__file__", None)
    }
    return len(there - {0}) == sum(source.count(f"def {beginning}") for beginning in _TO_FIND)


def _defined_at(code: CodeType, lines: list[str]) -> int:
    """Return the number of the line that defines what has this code, below its decorators; 0 where none does."""
    for number in range(code.co_firstlineno, min(code.co_firstlineno + _MOST_DECORATED, len(lines) + 1)):
        words = lines[number - 1].removesuffix(":").replace("(", " ").split(maxsplit=3)
        if "def" in words[:2]:
            return number if code.co_name in words[1:3] else 0
    return 0


def _may_hide(source: str) -> bool:
    """Return whether it is worth while to parse a module: to parse every one would take long."""
    nests = len(set(_METHOD.findall(source))) > 1
    return nests or _defines_twice(source) or _binds_otherwise(source) or _PROPERTY.search(source) is not None


def _binds_otherwise(source: str) -> bool:
    """Return whether a name that is defined is also assigned or imported, anywhere."""
    defined = {name for _, name in _DEFINITION.findall(source)}
    bound = (word for found in _OTHER_BINDING.findall(source) for text in found for word in re.findall(r"\w+", text))
    return not defined.isdisjoint(bound)


def _defines_twice(source: str) -> bool:
    """Return whether a name is defined twice at one depth of one class."""
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


def _pairs(body: list[ast.stmt]) -> Iterator[tuple[Definition, Binding]]:
    """Yield each definition with what hides it later, of what stands in a body by itself."""
    last: dict[str, int] = {}
    for at, statement in enumerate(body):
        for name in _bound(statement):
            before = last.pop(name, None)
            if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                last[name] = at
            if before is None:
                continue
            first: Definition = body[before]  # type: ignore[assignment]  # only definitions are noted
            between = [*body[before + 1 : at], *_head(statement)]
            if all(map(_is_plain, first.decorator_list)) and not any(_uses(each, name) for each in between):
                yield first, statement  # type: ignore[misc]  # it binds a name


def _bound(statement: ast.stmt) -> list[str]:
    """Return the names that a statement gives a value, whatever it was before."""
    match statement:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return [statement.name]
        case ast.Import() | ast.ImportFrom():
            return [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
        case ast.Assign():
            return [target.id for target in statement.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)) if statement.value:
            return [name]
    return []


def _head(statement: ast.stmt) -> list[ast.expr]:
    """Return what of a statement is looked up before its name is given anew, apart from a class's body."""
    match statement:
        case ast.ClassDef():
            return [*statement.decorator_list, *statement.bases, *(each.value for each in statement.keywords)]
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [*statement.decorator_list, *statement.args.defaults]
        case ast.Assign() | ast.AnnAssign() if statement.value:
            return [statement.value]
    return []


def _properties(cls: ast.ClassDef, tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Yield the properties of a test class that have a test's name and that nothing in the module reads."""
    if _SHARED.search(cls.name) or not any(_is_test(each) for each in cls.body):
        return
    for each in cls.body:
        if isinstance(each, ast.FunctionDef) and each.name.startswith("test_") and _is_property(each):
            name = each.name
            if not any(isinstance(node, ast.Attribute) and node.attr == name for node in ast.walk(tree)):
                yield each


def _nested(cls: ast.ClassDef) -> Iterator[tuple[Function, Function]]:
    """Yield what looks like a test method of the class and is a function that another method makes and never uses."""
    for outer in cls.body:
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in _functions_in(outer):
                first = [each.arg for each in inner.args.args[:1]]
                if _is_test(inner) and first == ["self"] and not inner.decorator_list and not _uses(outer, inner.name):
                    yield outer, inner


def _functions_in(code: ast.AST) -> Iterator[Function]:
    """Yield the functions that code makes, and those that they make, but no methods."""
    for each in ast.iter_child_nodes(code):
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            yield each
        if not isinstance(each, ast.ClassDef):
            yield from _functions_in(each)


def _is_property(method: ast.FunctionDef) -> bool:
    names = [
        each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in method.decorator_list
    ]
    return names in (["property"], ["cached_property"])


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


def _sentence(name: str, first: Definition, second: Binding, module: ModuleType) -> str:
    other = "" if isinstance(second, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) else " value"
    return (
        f"nothing runs of {name} in line {first.lineno} of {module.__name__}: another{other} of the same name in line "
        f"{second.lineno} hides it; rename one of them"
    )
