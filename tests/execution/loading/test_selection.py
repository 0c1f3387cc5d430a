"""Tags, patterns and shards choose among the probes; each runs on the terms that say most about it."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from tests.projects import new_project, python

TAGGED = """\
import unittest
from django.test import tag

@tag("smoke")
class TestCheckout(unittest.TestCase):
    @tag("slow", "payments")
    def test_pay(self): pass
    def test_total(self): pass

class TestStock(unittest.TestCase):
    @tag("slow")
    def test_Level(self): pass
    def test_orders(self): pass
"""

POLICY = """\
gates:
  tagged: {tags: [payments, slow], exclude_tags: [smoke]}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A project with tags on classes and methods, and a policy that chooses by them."""
    made = new_project(tmp_path_factory.mktemp("tags"))
    made.app("shop", TAGGED)
    made.write("probe.yaml", POLICY)
    made.configure('PROBE_POLICY = BASE_DIR / "probe.yaml"\n')
    return made


PAY, TOTAL = "shop.TestCheckout.test_pay", "shop.TestCheckout.test_total"
LEVEL, ORDERS = "shop.TestStock.test_Level", "shop.TestStock.test_orders"


@pytest.mark.parametrize(
    ("options", "selected"),
    [
        (["--tag", "smoke"], [PAY, TOTAL]),
        (["--tag", "payments", "--tag", "slow"], [PAY, LEVEL]),
        (["--exclude-tag", "slow"], [TOTAL, ORDERS]),
        # What is excluded is out, whatever other tags it has.
        (["--tag", "smoke", "--exclude-tag", "payments"], [TOTAL]),
        (["shop.TestStock", "--tag", "slow"], [LEVEL]),
        # A gate's tags, and the operator's in their place.
        (["--gate", "tagged"], [LEVEL]),
        (["--gate", "tagged", "--exclude-tag", "payments"], [LEVEL]),
        (["--gate", "tagged", "--tag", "smoke", "--exclude-tag", "payments"], [TOTAL]),
        # Patterns: in the label or the full name, several are alternatives, case counts.
        (["-k", "pay"], [PAY]),
        (["-k", "Check"], [PAY, TOTAL]),
        (["-k", "pay", "-k", "Level"], [PAY, LEVEL]),
        (["-k", "shop.*.test_t*"], [TOTAL]),
        (["-k", "?heckout.test_t"], [TOTAL]),
        (["-k", "probes.TestStock"], [LEVEL, ORDERS]),
        (["-k", "order", "--tag", "smoke"], []),
    ],
)
def test_select__by_tags_and_patterns(shop, options, selected):
    """The list is what would run, and nothing else; where nothing is selected the exit code says so."""
    done = shop.probe("--list", *options)

    assert (done.code, done.out.splitlines()) == (0 if selected else 5, selected)
    assert ("left out by" in done.err) if not selected else (done.err == "")


def test_select__nothing_is_no_pass(shop):
    """Words that each choose something, and nothing together, prove nothing: exit 5, and the summary says why."""
    done = shop.probe("-k", "order", "--tag", "smoke")

    assert done.code == 5
    assert "no probe was selected: nothing was proved" in done.err


def test_record__carries_the_tags(shop):
    """Those of the class and of the method, in order."""
    _, record = shop.record()

    assert {result["label"]: result["tags"] for result in record["results"]} == {
        PAY: ["payments", "slow", "smoke"],
        TOTAL: ["smoke"],
        LEVEL: ["slow"],
        ORDERS: [],
    }


SPREAD = """\
import unittest
from pathlib import Path

class Test{n}(unittest.TestCase):
    def test_a(self): pass
    def test_b(self): pass
    def test_c(self): pass

class TestFixed{n}(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open("fixtures", "a") as file:
            print(cls.__name__, file=file)
    def test_a(self): pass
    def test_b(self): pass
    def test_c(self): pass
"""

MODULE = """\
import unittest

def setUpModule():
    with open("fixtures", "a") as file:
        print("module", file=file)

class TestX(unittest.TestCase):
    def test_a(self): pass
    def test_b(self): pass

class TestY(unittest.TestCase):
    def test_a(self): pass
    def test_b(self): pass
"""


@pytest.fixture(scope="module")
def spread(tmp_path_factory):
    """A project of many probes, some of which share fixtures."""
    made = new_project(tmp_path_factory.mktemp("shards"))
    made.app("spread", "".join(SPREAD.format(n=n) for n in range(5)))
    made.app("module", MODULE)
    made.app("lonely", "import unittest\nclass TestA(unittest.TestCase):\n    def test_a(self): pass\n")
    return made


def test_shards__are_parts_of_the_selection_with_fixtures_whole(spread):
    """For every N each probe is in exactly one of the N shards, beside all that share its fixtures."""
    done = python(
        spread,
        """\
        import io, json
        from django.core.management import call_command
        def listed(*options):
            out = io.StringIO()
            call_command("probe", "--list", *options, stdout=out)
            return out.getvalue().splitlines()
        print(json.dumps({n: [listed("--shard", f"{i}/{n}") for i in range(n)] for n in range(1, 6)}))
        """,
    )
    shards_of = json.loads(done.out)
    everything = shards_of["1"][0]

    assert len(everything) == len(set(everything)) == 35
    for shards in shards_of.values():
        assert Counter(label for shard in shards for label in shard) == Counter(everything)
        for shard in shards:
            assert shard == [label for label in everything if label in shard]  # in the same order
            kept_together = Counter(label.rsplit(".", 1)[0] for label in shard if "Fixed" in label)
            assert set(kept_together.values()) <= {3}
            assert sum(label.startswith("module.") for label in shard) in (0, 4)
    # Probes without fixtures are spread freely: no class of theirs keeps them from being balanced.
    assert all(6 <= len(shard) <= 29 for shard in shards_of["2"])


def test_shards__say_which_part_of_how_much_they_ran(spread):
    """Together two shards run everything once, and every fixture once."""
    runs = [spread.record("--shard", f"{index}/2") for index in (0, 1)]

    assert [done.code for done, _ in runs] == [0, 0]
    assert [record["shard"] for _, record in runs] == ["0/2", "1/2"]
    assert [record["selected"] for _, record in runs] == [35, 35]
    assert sum(len(record["results"]) for _, record in runs) == 35
    fixtures = (spread.path / "fixtures").read_text().splitlines()
    assert sorted(fixtures) == [*(f"TestFixed{n}" for n in range(5)), "module"]


def test_shards__an_empty_one_of_a_selection_passes(spread):
    """The other shard has the only probe; neither of them is a reason to stop a rollout."""
    runs = [spread.record("lonely", "--shard", f"{index}/2") for index in (0, 1)]

    assert sorted(len(record["results"]) for _, record in runs) == [0, 1]
    assert [done.code for done, _ in runs] == [0, 0]
    assert [record["exit_code"] for _, record in runs] == [0, 0]
    assert [spread.probe("lonely", "--list", "--shard", f"{index}/2").code for index in (0, 1)] == [0, 0]


ORDER = """\
import os, unittest

class TestHost(unittest.TestCase):
    def __init__(self, name, host="a"):
        super().__init__(name)
        self.host = host
    def test_known(self): print(f"HOST {self.host}"); self.fail()
    def test_other(self): self.fail()

def load_tests(loader, tests, pattern):
    hosts = [TestHost("test_known", host) for host in "abcdef"] + [TestHost("test_other", host) for host in "ab"]
    return unittest.TestSuite(reversed(hosts) if "TURNED" in os.environ else hosts)
"""


def test_shards__cut_alike_whatever_the_order_of_the_suite(project):
    """All numbers of a label stay together, and the record says which selection it was cut from."""
    project.app("shop", ORDER)
    _, straight = project.record("--shard", "0/2")
    _, turned = project.record("--shard", "1/2", env={"TURNED": "1"})
    labels = sorted(result["label"] for record in (straight, turned) for result in record["results"])
    known = {result["output"] for record in (straight, turned) for result in record["results"] if result["output"]}

    assert straight["selection"] == turned["selection"] != ""
    assert len(labels) == len(set(labels)) == 8
    assert known == {f"HOST {host}\n" for host in "abcdef"}
    assert project.record("shop.TestHost.test_known")[1]["selection"] != straight["selection"]


def test_shards__of_nothing_are_nothing(spread):
    """Where no shard has anything, each of them says so."""
    assert spread.probe("auth", "--shard", "1/2").code == 5


TERMS = """\
import time, unittest
from django.db import connection
from django_probe import probe

class TestTimeout(unittest.TestCase):
    @probe(timeout="200ms")
    def test_own(self): time.sleep(30)
    def test_plain(self): time.sleep(SECONDS)

@probe(retries=2)
class TestRetries(unittest.TestCase):
    def test_class(self): self.fail("again")
    @probe(retries=1)
    def test_own(self): self.fail("again")

class TestHeir(TestRetries):
    pass

class TestPlain(unittest.TestCase):
    def test_plain(self): self.fail("no")

@probe(warn_only=True)
class TestWarn(unittest.TestCase):
    def test_class(self): self.fail("no")
    @probe(warn_only=False)
    def test_own(self): self.fail("no")

class TestListed(unittest.TestCase):
    def test_plain(self): self.fail("no")
    @probe(warn_only=False)
    def test_own(self): self.fail("no")

class TestAccess(unittest.TestCase):
    def insert(self):
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO thing VALUES (%s)", [self._testMethodName])
    def test_plain(self): self.insert()
    @probe(database_access="rollback")
    def test_rollback(self): self.insert()
    @probe(database_access="read-write")
    def test_write(self): self.insert()

class TestMixed(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise AssertionError("it ran")
    @probe(database_access="rollback")
    def test_rollback(self): pass
    def test_plain(self): pass
"""

TERMS_POLICY = """\
gates:
  deploy:
    timeout: 300ms
    retries: 3
    retry_delay: 0
    warn_only: [terms.TestListed]
    database_access: rollback
"""


@pytest.fixture(scope="module")
def terms(tmp_path_factory):
    """What becomes of the same probes by default, in a gate and on an operator's orders: results by label, and rows."""
    site = new_project(tmp_path_factory.mktemp("terms"))
    site.app("terms", TERMS.replace("SECONDS", "0.01"))
    site.write("probe.yaml", TERMS_POLICY)
    database = site.path / "db.sqlite3"

    def ran(*options):
        database.unlink(missing_ok=True)
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("CREATE TABLE thing (name TEXT)")
        _, record = site.record("--policy", "probe.yaml", "--parallel", "4", *options)
        with closing(sqlite3.connect(database)) as connection, connection:
            rows = {name for (name,) in connection.execute("SELECT name FROM thing")}
        results = {result["label"].removeprefix("terms."): result for result in record["results"]}
        return results, rows

    by_default = ran()
    site.app("terms", TERMS.replace("SECONDS", "30"))
    operator = ("--timeout", "400ms", "--retries", "0", "--database-access", "read-write")
    return {"default": by_default, "gate": ran("--gate", "deploy"), "operator": ran("--gate", "deploy", *operator)}


@pytest.mark.parametrize(
    ("run", "own", "plain"),
    [
        ("default", "timed out after 0.2 s", ""),
        ("gate", "timed out after 0.2 s", "timed out after 0.3 s"),
        ("operator", "timed out after 0.4 s", "timed out after 0.4 s"),
    ],
)
def test_terms__timeout(terms, run, own, plain):
    """Command line, then the probe's own, then the gate's."""
    results, _ = terms[run]

    assert results["TestTimeout.test_own"]["message"].partition(" in ")[0] == own
    assert results["TestTimeout.test_plain"]["message"].partition(" in ")[0] == plain


@pytest.mark.parametrize(
    ("run", "of_class", "own", "plain"), [("default", 3, 2, 1), ("gate", 3, 2, 4), ("operator", 1, 1, 1)]
)
def test_terms__retries(terms, run, of_class, own, plain):
    """A method's own beats its class's, which a subclass inherits; the record says how often each was tried."""
    attempts = {label: result["attempts"] for label, result in terms[run][0].items()}

    assert attempts["TestRetries.test_class"] == attempts["TestHeir.test_class"] == of_class
    assert attempts["TestRetries.test_own"] == attempts["TestHeir.test_own"] == own
    assert attempts["TestPlain.test_plain"] == plain


@pytest.mark.parametrize(
    ("label", "by_default", "in_gate"),
    [
        ("TestWarn.test_class", False, False),
        ("TestWarn.test_own", True, True),
        ("TestListed.test_plain", True, False),
        ("TestListed.test_own", True, True),
        ("TestPlain.test_plain", True, True),
    ],
)
def test_terms__warn_only(terms, label, by_default, in_gate):
    """The probe's own word counts more than the gate's list."""
    assert terms["default"][0][label]["blocking"] is by_default
    assert terms["gate"][0][label]["blocking"] is in_gate


@pytest.mark.parametrize(
    ("run", "outcomes", "rows"),
    [
        ("default", {"plain": "error", "rollback": "passed", "write": "passed"}, {"test_write"}),
        ("gate", {"plain": "passed", "rollback": "passed", "write": "error"}, set()),
        (
            "operator",
            {"plain": "passed", "rollback": "passed", "write": "passed"},
            {"test_plain", "test_rollback", "test_write"},
        ),
    ],
)
def test_terms__database_access(terms, run, outcomes, rows):
    """What the database holds afterwards says on which terms each probe ran."""
    results, left = terms[run]

    assert {name: results[f"TestAccess.test_{name}"]["outcome"] for name in outcomes} == outcomes
    assert left == rows


def test_terms__a_wish_above_the_gates_ceiling_is_an_error_that_says_so(terms):
    """It names the wish, the gate, its ceiling and the ways out."""
    result = terms["gate"][0]["TestAccess.test_write"]

    assert result["message"] == (
        "terms.TestAccess.test_write was not run: it wishes database_access read-write, and the gate deploy allows "
        "rollback at most; lower the probe's wish, or raise the gate's database_access in the policy"
    )
    assert result["blocking"] is True


def test_terms__probes_that_share_a_fixture_share_their_access(terms):
    """The fixture would run on terms that one of them denies: both are errors, and it does not run."""
    for name, result in terms["default"][0].items():
        if name.startswith("TestMixed."):
            assert result["outcome"] == "error"
            assert "it shares the fixtures of terms.probes.TestMixed with probes of another" in result["message"]
            assert "(read-only and rollback)" in result["message"]
    # Where the operator gives all of them one access there is nothing in the way but the fixture itself.
    assert "it ran" in terms["operator"][0]["TestMixed.test_plain"]["message"]


def test_fixtures__two_classes_of_one_name_have_one_each(project):
    """Classes that a function makes are classes of their own, though they share a name."""
    project.app(
        "made",
        """\
        import unittest
        def made(value):
            class TestMade(unittest.TestCase):
                @classmethod
                def setUpClass(cls): cls.seen = value
                def test_a(self): self.assertEqual(self.seen, value)
                def test_b(self): self.assertEqual(self.seen, value)
            return TestMade
        First, Second = made(1), made(2)
        """,
    )

    done, record = project.record()

    assert done.code == 0, done.err
    assert [result["label"] for result in record["results"]] == [
        "made.TestMade.test_a",
        "made.TestMade.test_b",
        "made.TestMade.test_a[2]",
        "made.TestMade.test_b[2]",
    ]


def test_run__an_attribute_tags_that_is_no_collection_is_no_tag(project):
    """The name is an ordinary one: a probe of a blog may have it for its own purpose."""
    project.app(
        "shop",
        """
        import unittest

        class TestBlog(unittest.TestCase):
            tags = None

            def test_posts(self):
                self.assertIsNone(self.tags)
        """,
    )

    done, record = project.record()

    assert done.code == 0
    assert record["results"][0]["tags"] == []
