"""Bare asserts of probes fail whatever PYTHONOPTIMIZE says."""

from __future__ import annotations

import zipfile

import pytest

from tests.execution.running import outcomes

PROBES = '''
import unittest
from shop.probes.helpers import check
from shop.prices import price

class TestAsserts(unittest.TestCase):
    def test_in_the_probe(self):
        """A docstring."""
        assert 1 == 2, "as written"
    def test_in_a_helper(self): check(False)
    def test_debug(self): self.assertTrue(__debug__)
    def test_of_the_project(self): self.assertEqual(price(-1), -1)
'''
ZIPPED = """
import unittest
class TestZipped(unittest.TestCase):
    def test_in_a_zip_file(self): assert 1 == 2
"""


@pytest.mark.parametrize(("level", "options"), [("", []), ("1", []), ("2", []), ("2", ["--parallel", "0"])])
def test_run__probes_keep_their_asserts(project, level, options):
    """In every module of the package, one in a ZIP file too; what the project is made of is compiled as it is told."""
    project.app("shop", {"a.py": PROBES, "helpers.py": "def check(value):\n    assert value, 'in a helper'\n"})
    project.write("shop/prices.py", "def price(value):\n    assert value > 0\n    return value\n")
    with zipfile.ZipFile(project.path / "zipped.zip", "w") as file:
        file.writestr("zipped/__init__.py", "")
        file.writestr("zipped/probes.py", ZIPPED)
    project.apps.append("zipped")
    project.configure(f"import sys\nsys.path.insert(0, {str(project.path / 'zipped.zip')!r})\n")

    done, record = project.record(*options, env={"PYTHONOPTIMIZE": level})

    assert done.code == 1
    assert outcomes(record) == {
        "test_in_the_probe": "failed",
        "test_in_a_helper": "failed",
        "test_in_a_zip_file": "failed",
        "test_debug": "passed",
        "test_of_the_project": "passed" if level else "failed",
    }
    (details,) = [result["details"] for result in record["results"] if result["label"].endswith("in_the_probe")]
    assert 'assert 1 == 2, "as written"' in details


def test_run__bytecode_of_one_level_is_not_taken_for_another(project):
    """Where bytecode is kept, an optimised Python neither writes probes into its files nor reads them from there."""
    project.app("shop", "import unittest\nclass TestA(unittest.TestCase):\n    def test_a(self): assert 1 == 2\n")
    keep = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONOPTIMIZE": "1"}
    stripped = project.run("shell", "-c", "import shop.probes", env=keep)
    assert stripped.code == 0, stripped.err
    cached = list(project.path.glob("shop/__pycache__/probes.*.opt-1.pyc"))
    before = [file.read_bytes() for file in cached]

    done, _ = project.record(env=keep)

    assert done.code == 1
    assert len(before) == 1
    assert [file.read_bytes() for file in cached] == before


def test_run__asserts_that_an_early_import_lost_are_an_error(project):
    """An app imported its probes before the command did: what has no assert, and Python without -O, lost nothing."""
    for name, body in (("shop", "assert 1 == 2"), ("plain", "self.assertTrue('assert')")):
        project.app(name, f"import unittest\nclass TestA(unittest.TestCase):\n    def test_{name}(self): {body}\n")
        project.write(f"{name}/models.py", f"import {name}.probes\n")

    _, optimised = project.record(env={"PYTHONOPTIMIZE": "1"})
    _, as_written = project.record()

    assert outcomes(optimised) == {"shop": "error", "test_shop": "passed", "test_plain": "passed"}
    (message,) = [result["message"] for result in optimised["results"] if result["message"]]
    assert message.startswith("Python's -O or PYTHONOPTIMIZE took the asserts out of shop.probes, which the project")
    assert outcomes(as_written) == {"test_shop": "failed", "test_plain": "passed"}
