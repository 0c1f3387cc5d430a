"""What a second definition of the same name hides is found, and what only looks so is left alone."""

from __future__ import annotations

import importlib.util

import pytest

from django_probe.execution.loading.lost.hidden import hidden

HEAD = """\
import functools, sys, typing, unittest
from django.test import tag
class Mine(unittest.TestCase): pass
def mine(value): return value
"""
METHOD = "def test_a(self): pass\n"
INNER = "    class TestA(Mine): pass\n"
CLASS = "class TestA(Mine):\n    def test_a(self): pass\n"
HIDING = {
    "classes": (CLASS + CLASS, "TestA in line 5"),
    "class_with_a_tag": ("@tag('smoke')\n" + CLASS + CLASS, "TestA in line 6"),
    "class_that_names_itself": (CLASS + CLASS + "    def setUp(self): super(TestA, self).setUp()\n", "TestA in line 5"),
    "class_far_below": (CLASS + "def other(): pass\nVALUE = 3\n" + CLASS, "TestA in line 5"),
    "methods": (CLASS + "    def test_a(self): pass\n", "TestA.test_a in line 6"),
    "async_methods": (CLASS + "    async def test_a(self): pass\n", "TestA.test_a in line 6"),
    "skipped_method": (
        CLASS + "    @unittest.skip('x')\n    def test_b(self): pass\n    def test_b(self): pass\n",
        "TestA.test_b in line 8",
    ),
    "fixtures": (CLASS + "    def setUp(self): pass\n    def setUp(self): pass\n", "TestA.setUp in line 7"),
    "imported": (CLASS + "from shutil import (\n    copy,\n    move as TestA,\n)\n", "TestA in line 5"),
    "assigned_class": (CLASS + "TestA: object = None\n", "TestA in line 5"),
    "assigned_method": (CLASS + "    test_a = None\n", "TestA.test_a in line 6"),
    "assigned_fixture": (CLASS + "    def setUp(self): pass\n    setUp = None\n", "TestA.setUp in line 7"),
    "made_up_for": (
        CLASS + "    def test_a(self): pass\n    for number in '12':\n"
        "        exec(compile(f'def test_n{number}(self): pass', __file__, 'exec'))\n",
        "TestA.test_a in line 6",
    ),
    "in_a_condition": (
        "if sys:\n    class TestB(Mine):\n        def test_b(self): pass\n        def test_b(self): pass\n",
        "TestB.test_b",
    ),
}
PLAIN = {
    "decorated_later": CLASS + "    test_a = mine(test_a)\nTestA = mine(TestA)\n",
    "disabled_of_a_base": CLASS + "class TestB(TestA):\n    test_a = None\n",
    "imported_first": "from unittest import TestCase as TestA\n" + CLASS,
    "imported_in_a_function": CLASS + "def load():\n    from unittest import TestCase as TestA\n",
    "base_taken_away": CLASS + "class TestB(TestA): pass\nTestA = None\n",
    "annotated": CLASS + "    test_a: object\n",
    "property_that_is_read": CLASS + "    @property\n    def test_url(self): pass\n    def url(self): self.test_url\n",
    "property_of_a_mixin": CLASS.replace("TestA", "TestMixin") + "    @property\n    def test_url(self): pass\n",
    "two_classes": CLASS + "class TestB(Mine):\n    def test_a(self): pass\n",
    "extended": CLASS + "class TestA(TestA):\n    def test_b(self): pass\n",
    "kept": CLASS + "KEPT = TestA\n" + CLASS,
    "registered": "@mine\n" + CLASS + CLASS,
    "conditional": f"if sys:\n{INNER}        {METHOD}".replace(": pass\n        ", ":\n        ") + f"else:\n{INNER}",
    "default": CLASS + "if not sys:\n    class TestA(Mine):\n        def test_a(self): pass\n",
    "attempt": f"try:\n    import nothing_of_the_kind\nexcept ImportError:\n{INNER}else:\n{INNER}",
    "conditional_methods": f"class TestA(Mine):\n    if sys:\n        {METHOD}    else:\n        {METHOD}",
    "property": CLASS
    + "    @property\n    def test(self): return 1\n    @test.setter\n    def test(self, value): pass\n",
    "overload": CLASS
    + "    @typing.overload\n    def test(self, a: int) -> int: ...\n    def test(self, a): return a\n",
    "dispatch": CLASS
    + "    @functools.singledispatchmethod\n    def test(self, a): pass\n"
    + "    @test.register\n    def test(self, a: int): pass\n",
    "underscores": CLASS + "def _(a): pass\ndef _(a): pass\n",
    "helpers": CLASS + "def build(): pass\ndef build(): pass\nclass Page: pass\nclass Page: pass\n",
    "nested_functions": CLASS + "    def test_b(self):\n        def test(): pass\n        def test(): pass\n",
    "nested_and_called": CLASS + "    def test_b(self):\n        def test_c(self): pass\n        test_c(self)\n",
    "methods_of_an_inner_class": CLASS
    + "    def test_b(self):\n        class TestC:\n            def test_c(self): pass\n",
    "text": CLASS + 'TEXT = """\nclass TestA(Mine):\n    def test_a(self): pass\n"""\n',
}


def sentences(folder, text, *, chooses=False):
    """Return what is said of a module of this text."""
    path = folder / "probes.py"
    path.write_text(HEAD + text)
    spec = importlib.util.spec_from_file_location("probes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [*hidden(module, chooses=chooses)]


@pytest.mark.parametrize("name", HIDING)
def test_hidden__says_what_never_runs(tmp_path, name):
    """Nothing of the first is left, so nothing of it would run; both lines are named."""
    text, said = HIDING[name]

    (sentence,) = sentences(tmp_path, text)

    assert sentence.startswith(f"nothing runs of {said}")
    assert "of the same name in line" in sentence


@pytest.mark.parametrize("decorator", ["property", "functools.cached_property"])
def test_hidden__says_that_a_property_is_no_test(tmp_path, decorator):
    """It cannot be called, so that unittest leaves it out; one that the module reads is a helper."""
    (sentence,) = sentences(tmp_path, f"{CLASS}    @{decorator}\n    def test_b(self): return 1\n")

    assert sentence.startswith("nothing runs of TestA.test_b in line 8 of probes: it is a property")


def test_hidden__says_what_stands_inside_another_method(tmp_path):
    """One indentation too much makes a test a function that the method before it makes, and nobody calls."""
    (sentence,) = sentences(tmp_path, f"{CLASS}        def test_b(self): return 1\n".replace(": pass", ":\n        0"))

    assert sentence == (
        "nothing runs of test_b in line 8 of probes: it stands inside TestA.test_a; indent it as much as that, or "
        "call it there"
    )


@pytest.mark.parametrize("name", PLAIN)
def test_hidden__leaves_alone_what_may_run(tmp_path, name):
    """Conditions, overloads, properties, what the second builds on, and what a decorator may have kept."""
    assert sentences(tmp_path, PLAIN[name]) == []


def test_hidden__leaves_classes_to_a_module_that_chooses(tmp_path):
    """Its `suite()` may have taken the first; a method it cannot have."""
    text = CLASS + CLASS + "    def test_a(self): pass\n"

    assert [sentence.split()[3] for sentence in sentences(tmp_path, text, chooses=True)] == ["TestA.test_a"]


def test_hidden__is_quiet_where_there_is_no_source(tmp_path):
    """A module may be bytecode alone, or written anew since it was imported."""
    path = tmp_path / "probes.py"
    path.write_text(CLASS)
    spec = importlib.util.spec_from_file_location("probes", path)
    module = importlib.util.module_from_spec(spec)
    path.write_text(CLASS + CLASS + "def broken(:\n")
    assert [*hidden(module, chooses=False)] == []
    path.unlink()
    assert [*hidden(module, chooses=False)] == []
