"""What is known of a probe before it runs: title, place, owner, runbook."""

from __future__ import annotations

import json

import pytest

from tests.projects import new_project

PROBES = """\
import functools, unittest
from django_probe import probe
from shop.helpers import Base, wrapped

@probe(owner="storefront")
class TestShop(Base):
    def test_plain(self):
        \"\"\"
        Something is for sale: the password is hunter2hunter2.

        More of it.
        \"\"\"

    @probe(owner="payments", runbook="https://runbooks.example/pay")
    def test_own(self): self.fail("402 != 200")

    @wrapped
    def test_wrapped(self): self.fail("wrapped")

    test_partial = functools.partialmethod(Base.helper)

class TestStock(unittest.TestCase):
    def test_cups(self): pass

class TestOdd(unittest.TestCase):
    class Odd:
        __name__ = "odd"
        def __call__(self): pass
        def __getattr__(self, name): raise ValueError(name)
    test_odd = Odd()
"""
HELPERS = """\
import functools, unittest

def wrapped(function):
    @functools.wraps(function)
    def run(self): return function(self)
    return run

class Base(unittest.TestCase):
    def test_inherited(self):
        "Of a base class"

    def helper(self): pass
"""
POLICY = """\
gates:
  deploy:
    probes: [shop]
    owners: {"*": anybody, "shop.TestStock.*": stock, shop.TestShop: nobody}
    runbooks: {shop: "https://runbooks.example/shop"}
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A run of probes of many kinds: the command's end and the results by their methods' names."""
    made = new_project(tmp_path_factory.mktemp("descriptions"))
    made.app("shop", PROBES)
    made.write("shop/helpers.py", HELPERS)
    made.write("probe.yaml", POLICY)
    made.configure('PROBE_POLICY = BASE_DIR / "probe.yaml"\nEMAIL_HOST_PASSWORD = "hunter2hunter2"\n')
    done = made.probe("--gate", "deploy", "--json", "-")
    return done, {result["label"].rpartition(".")[2]: result for result in json.loads(done.out)["results"]}


@pytest.mark.parametrize(
    ("name", "place", "title"),
    [
        ("test_plain", ("shop/probes.py", 7), "Something is for sale: the password is ********************."),
        ("test_own", ("shop/probes.py", 14), None),
        ("test_wrapped", ("shop/probes.py", 17), None),
        ("test_inherited", ("shop/helpers.py", 9), "Of a base class"),
        ("test_cups", ("shop/probes.py", 23), None),
        ("test_odd", (None, None), None),
    ],
)
def test_of__a_title_and_the_place_of_the_method(ran, name, place, title):
    """The first line of the docstring, redacted; the method itself, whatever class or decorator it came through."""
    result = ran[1][name]

    assert ((result["file"], result["line"]), result["title"]) == (place, title)


@pytest.mark.parametrize(
    ("name", "owner", "runbook"),
    [
        ("test_own", "payments", "https://runbooks.example/pay"),
        ("test_plain", "storefront", "https://runbooks.example/shop"),
        ("test_cups", "stock", "https://runbooks.example/shop"),
        ("test_odd", "anybody", "https://runbooks.example/shop"),
    ],
)
def test_of__its_own_word_counts_more_than_the_gates(ran, name, owner, runbook):
    """A method's before its class's before the gate's; of the gate's entries the last that names the probe."""
    result = ran[1][name]

    assert (result["owner"], result["runbook"]) == (owner, runbook)


def test_console__shows_whom_to_call_with_a_problem(ran):
    """Right under the message, before the traceback."""
    assert "402 != 200\nowner: payments\nrunbook: https://runbooks.example/pay\n\nTraceback" in ran[0].err
    assert "owner: stock" not in ran[0].err, "what passed needs nobody"
