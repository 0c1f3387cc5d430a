"""A fixture by another name than unittest's is found, and what only sounds like one is left alone."""

from __future__ import annotations

import importlib.util

import pytest

from django_probe.execution.loading.lost.misnamed import misnamed

HEAD = "import unittest\nfrom wsgiref.headers import Headers\n"
CLASS = "class TestA(unittest.TestCase):\n    def test_a(self): pass\n"
WRONG = {
    "lower": (CLASS + "    def setup(self): pass\n", "TestA.setup (unittest's is setUp)"),
    "of_a_class": (
        CLASS + "    @classmethod\n    def setupClass(cls): pass\n",
        "TestA.setupClass (unittest's is setUpClass)",
    ),
    "of_pytest": (CLASS + "    def teardown_method(self): pass\n", "TestA.teardown_method (unittest's is tearDown)"),
    "async": (CLASS + "    async def asyncSetup(self): pass\n", "TestA.asyncSetup (unittest's is asyncSetUp)"),
    "of_a_module": (CLASS + "def setup_module(): pass\n", "setup_module (unittest's is setUpModule)"),
}
RIGHT = {
    "unittest's": CLASS + "    def setUp(self): pass\ndef setUpModule(): pass\n",
    "called": CLASS + "    def setup(self): pass\n    def setUp(self): self.setup()\n",
    "a value": CLASS + "    setup = None\nsetup_module = 3\n",
    "a base": CLASS.replace("TestA", "BaseTest") + "    def setup(self): pass\n",
    "no test case": CLASS + "class Page:\n    def setup(self): pass\n",
    "a base from elsewhere": CLASS.replace("TestCase)", "TestCase, Headers)") + "    def setup(self): pass\n",
    "no test": CLASS + "    __test__ = False\n    def setup(self): pass\n",
}


def found_in(folder, text):
    """Return what is said of a module of this text."""
    path = folder / "probes.py"
    path.write_text(HEAD + text)
    spec = importlib.util.spec_from_file_location("probes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [*misnamed(module)]


@pytest.mark.parametrize("name", WRONG)
def test_misnamed__says_what_the_right_name_is(tmp_path, name):
    """Nothing calls it, so that the probes would run without what it prepares or asserts."""
    text, said = WRONG[name]

    assert found_in(tmp_path, text) == [said]


@pytest.mark.parametrize("name", RIGHT)
def test_misnamed__leaves_alone_what_somebody_may_call(tmp_path, name):
    """A helper that the module calls, what is for heirs, and what a base of another package may know."""
    assert found_in(tmp_path, RIGHT[name]) == []
