"""A word of the choice that chooses nothing is refused, or told of: what it was meant for would never run."""

from __future__ import annotations

import pytest

from tests.projects import new_project

PROBES = """\
import os, unittest
from django.test import tag

class TestShop(unittest.TestCase):
    @tag("smoke")
    def test_second(self): pass
    @tag("checkout", "slow")
    def test_checkout(self): self.fail("checkout is down")

class TestHost(unittest.TestCase):
    def __init__(self, name, host="a"):
        super().__init__(name)
        self.host = host
    def test_known(self): self.assertEqual(self.host, "none")
    def test_known2(self): self.fail("another probe")
    def test_skips(self): self.skipTest("PROBE_TARGETS is empty")

class TestFixture(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise unittest.SkipTest("no shop is set up")
    def test_of_a_fixture(self): pass

def load_tests(loader, tests, pattern):
    hosts = [TestHost("test_known", host) for host in "ab"] + [TestHost("test_known2"), TestHost("test_skips")]
    shop = [TestShop("test_second"), TestShop("test_checkout"), TestFixture("test_of_a_fixture")]
    return unittest.TestSuite(shop + hosts)
"""
POLICY = """\
gates:
  half_tag: {tags: [smoke, chekout]}
  half_tag_of_pay: {probes: [pay], tags: [smoke]}
  dead_warn: {tags: [smoke], warn_only: ["shop.TestGone.*", shop.TestShop, "pay.TestOne"],
    owners: {shop: ann, shop.TestShp: ben}, runbooks: {pay: "https://runbooks.example"}}
  dead_exclude: {tags: [smoke], exclude_tags: [slwo]}
  one_of_two: {probes: [shop.TestHost], warn_only: ["shop.TestHost.test_known[2]", "shop.TestHost.test_known2"]}
  all_numbers: {probes: [shop.TestHost.test_known], warn_only: [shop.TestHost.test_known]}
  by_pattern: {probes: [shop.TestHost.test_known], warn_only: ["shop.TestHost.test_know?"]}
  brackets: {probes: [shop.TestHost.test_known], warn_only: ["shop.TestHost.test_know[a-z]", "*[2]"]}
  short: {probes: [pay], warn_only: [pay.TestOne, pay.TestTwice]}
  required: {probes: [shop], tags: [smoke], require: [shop.TestShop.test_second]}
  skips: {probes: [shop.TestHost], require: ["shop.TestHost.test_sk*"], warn_only: [shop]}
  fixture: {probes: [shop.TestFixture], require: [shop.TestFixture]}
  gone: {probes: [pay.TestOne], require: [pay.TestGone, "pay.*.test_gone", pay.TestTwice]}
  ready: {tags: [ready]}
  not_slow: {tags: [smoke, checkout], exclude_tags: [slow]}
"""
ONE = "import unittest\nclass TestOne(unittest.TestCase):\n    def test_a(self): self.fail('one')\n"
TWICE = "import unittest\nclass TestTwice(unittest.TestCase):\n    def test_a(self): self.fail('twice')\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """An app whose probes have tags and numbers, and one whose probes are a package."""
    made = new_project(tmp_path_factory.mktemp("choices"))
    made.app("shop", PROBES)
    made.app("pay", {"__init__.py": "", "one.py": ONE + TWICE.partition("\n")[2], "two.py": TWICE})
    made.write("probe.yaml", POLICY)
    made.configure('PROBE_POLICY = BASE_DIR / "probe.yaml"\n')
    return made


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ["--gate", "half_tag"],
            'gates.half_tag.tags: no loaded probe has the tag "chekout"; did you mean "checkout"?',
        ),
        (["--tag", "smoke", "--tag", "smok"], '--tag: no loaded probe has the tag "smok"; did you mean "smoke"?'),
        (["-k", "second", "-k", "chekout"], '-k: no loaded probe has "chekout" in its label; did you mean "checkout"?'),
        (["-k", "test_se*"], '-k: no loaded probe has "test_se*" in its label'),
        (["-k", "SECOND"], '-k: no loaded probe has "SECOND" in its label'),
        # Of what labels chose: the tag is there, in another app.
        (["pay", "--tag", "smoke"], '--tag: no loaded probe has the tag "smoke"'),
        (["--gate", "half_tag_of_pay"], 'gates.half_tag_of_pay.tags: no loaded probe has the tag "smoke"'),
        (["--tag", "x", "-k", "nothing"], '--tag: no loaded probe has the tag "x"; -k: no loaded probe has "nothing"'),
        # Counted before sharding, and also where there is nothing to run in this process.
        (["--gate", "half_tag", "--shard", "0/3"], 'no loaded probe has the tag "chekout"'),
        (["--gate", "half_tag", "--parallel", "0"], 'no loaded probe has the tag "chekout"'),
        (["--gate", "half_tag", "--list"], 'no loaded probe has the tag "chekout"'),
    ],
)
def test_choice__that_chooses_nothing_is_exit_2(site, options, says):
    """Nothing ran, and one line says which word it was, and the nearest that there is."""
    done = site.probe(*options)

    assert (done.code, done.out) == (2, "")
    *_, last = done.err.splitlines()
    assert last.startswith("CommandError: ")
    assert says in last
    assert "Traceback" not in done.err


def test_choice__that_chooses_nothing_is_a_warning_where_that_is_allowed(site):
    """`--allow-empty` says that there may be nothing: one line on standard error, and the rest runs."""
    done = site.probe("--gate", "half_tag", "--allow-empty")

    assert done.code == 0
    first, *_ = done.err.splitlines()
    assert first == 'warning: gates.half_tag.tags: no loaded probe has the tag "chekout"; did you mean "checkout"?'


@pytest.mark.parametrize("options", [["shop"], ["-k", "test_second"]])
def test_choice__of_the_gate_need_not_be_in_a_run_that_was_narrowed(site, options):
    """Of a re-run, what was given is judged, and the gate's own words are not."""
    done = site.probe("--gate", "half_tag", *options)

    assert done.code == 0, done.err
    assert "warning" not in done.err


def test_choice__of_the_gate_ready_may_be_empty(site):
    """A web process is ready where no probe says otherwise; its gate, run once, says that nothing ran."""
    assert site.probe("--gate", "ready").code == 5
    assert site.probe("--gate", "ready", "--tag", "raedy").code == 2


def test_choice__may_be_borne_by_what_could_not_be_loaded(project):
    """The module's own error closes the gate and says more than that a tag is not there."""
    project.app("shop", "import nowhere")
    project.app("stock", "import unittest\nraise unittest.SkipTest('not today')")
    whole = project.probe("--tag", "smoke")

    assert whole.code == 1
    assert "No module named 'nowhere'" in whole.err
    assert 'warning: --tag: no loaded probe has the tag "smoke" (what could not be loaded may)' in whole.err


UNLOADED = {"skips": "import unittest\nraise unittest.SkipTest('no driver')", "legacy": "import nowhere"}
TAGGED = """\
import unittest
from django.test import tag
@tag("smoke")
class TestOk(unittest.TestCase):
    def test_ok(self): pass
"""
WARNS = """\
gates:
  half: {tags: [smoke, chekout], warn_only: [shop.legacy]}
  whole: {tags: [smoke], warn_only: [shop.legacy]}
"""


@pytest.mark.parametrize("name", UNLOADED)
def test_choice__is_refused_beside_a_module_that_closes_no_gate(project, name):
    """What skips itself, or does not import and is warn-only: else it would excuse every typing error beside it."""
    project.app("shop", {"ok.py": TAGGED, f"{name}.py": UNLOADED[name]})
    project.write("policy.yaml", WARNS)
    policy = ("--policy", "policy.yaml")
    half = project.probe(*policy, "--gate", "half")
    refused = [half, *(project.probe(*policy, "--gate", "whole", *o) for o in (["-k", "nonne"], ["--tag", "smok"]))]
    right = project.probe(*policy, "--gate", "whole", "-k", "shop.ok")

    assert [done.code for done in refused] == [2, 2, 2]
    assert 'tag "chekout" (a module that skips itself or is warn-only may, but closes no gate)' in half.err
    assert right.code == 0, right.err


def test_require__what_could_not_be_loaded_is_not_there(project):
    """A module that skips itself whole is a skip of what it has, where `require` names the module or the app."""
    project.app("stock", "import unittest\nraise unittest.SkipTest('not today')")
    project.app("shop", ONE)
    _, record = project.record("--require", "stock", "--require", "stock.TestStock")
    said = {result["label"]: (result["outcome"], result["message"]) for result in record["results"]}

    assert record["exit_code"] == 1
    assert said["stock"] == ("error", "required, but it skipped: not today")
    assert said["stock.TestStock"][0] == "error"
    assert said["stock.TestStock"][1].startswith("required, but no loaded probe has this label")


def test_warnings__name_entries_that_are_of_no_probe(site):
    """What nothing bears in warn_only, exclude_tags or owners opens nothing: a line each, and the run goes on."""
    warn, exclude = site.probe("--gate", "dead_warn"), site.probe("--gate", "dead_exclude")

    assert (warn.code, exclude.code) == (0, 0)
    assert [line for line in warn.err.splitlines() if line.startswith("warning: ")] == [
        'warning: gates.dead_warn.warn_only: "shop.TestGone.*" names no loaded probe; did you mean "shop.TestShop"?',
        'warning: gates.dead_warn.owners: "shop.TestShp" names no loaded probe; did you mean "shop.TestShop"?',
    ]
    assert [line for line in exclude.err.splitlines() if line.startswith("warning: ")] == [
        'warning: gates.dead_exclude.exclude_tags: no loaded probe has the tag "slwo"; did you mean "slow"?'
    ]
    assert "warning: --exclude-tag: no loaded probe has the tag" in site.probe("--exclude-tag", "x", "--list").err


def test_warnings__say_what_left_out_all_that_was_named(site):
    """Where nothing is selected, what was named is told with the tags that leave it out."""
    done = site.probe("--gate", "not_slow", "shop.TestShop.test_checkout", "shop.TestHost.test_known2")

    assert done.code == 5
    assert [line for line in done.err.splitlines() if line.startswith("warning: ")] == [
        "warning: shop.TestShop.test_checkout is left out by gates.not_slow.exclude_tags: slow",
        "warning: shop.TestHost.test_known2 is left out by gates.not_slow.tags: smoke, checkout",
    ]


@pytest.mark.parametrize(
    ("gate", "blocking"),
    [
        ("one_of_two", {"test_known": True, "test_known[2]": False, "test_known2": False, "test_skips": True}),
        ("all_numbers", {"test_known": False, "test_known[2]": False}),
        ("by_pattern", {"test_known": False, "test_known[2]": False}),
        ("brackets", {"test_known": True, "test_known[2]": False}),
    ],
)
def test_warn_only__takes_what_list_prints(site, gate, blocking):
    """A label with a number is that probe alone, one without is all of them; brackets are brackets."""
    _, record = site.record("--gate", gate)

    assert {result["label"].rpartition(".")[2]: result["blocking"] for result in record["results"]} == blocking


def test_warn_only__may_leave_the_module_out_where_it_is_unique(site):
    """As `probes` does; where it is not unique it names nothing, in a part of the gate too, and says what it may be."""
    done, record = site.record("--gate", "short")
    blocking = {result["label"]: result["blocking"] for result in record["results"]}

    assert blocking == {
        "pay.one.TestOne.test_a": False,
        "pay.one.TestTwice.test_a": True,
        "pay.two.TestTwice.test_a": True,
    }
    assert (
        'warning: gates.short.warn_only: "pay.TestTwice" names no loaded probe; it is not unique, and may mean '
        "pay.one.TestTwice, pay.two.TestTwice" in done.err
    )
    _, record = site.record("--gate", "short", "pay.two.TestTwice")
    assert [result["blocking"] for result in record["results"]] == [True]


def test_k__takes_what_list_prints(site):
    """The brackets of a number are no set of characters."""
    listed = site.probe("--list", "-k", "shop.TestHost.test_known[2]")

    assert (listed.code, listed.out.splitlines()) == (0, ["shop.TestHost.test_known[2]"])


def test_require__what_runs_and_passes_is_no_more_than_that(site):
    """What is required and there changes nothing."""
    done, record = site.record("--gate", "required")

    assert done.code == 0
    assert [result["outcome"] for result in record["results"]] == ["passed"]


def test_require__a_skip_is_an_error_that_closes_though_it_is_warn_only(site):
    """With the skip's own reason; `warn_only` does not open what is required."""
    done, record = site.record("--gate", "skips")
    last = record["results"][-1]

    assert (done.code, record["exit_code"]) == (1, 1)
    assert (last["label"], last["outcome"], last["blocking"]) == ("shop.TestHost.test_skips", "error", True)
    assert last["message"] == "required, but it skipped: PROBE_TARGETS is empty"
    assert [result["blocking"] for result in record["results"][:-1]] == [False, False, False]


def test_require__a_class_whose_fixture_skips_is_an_error(site):
    """Neighbours of a skip: the fixture's."""
    done, record = site.record("--gate", "fixture")
    (result,) = record["results"]

    assert (done.code, result["outcome"]) == (1, "error")
    assert result["message"] == "required, but it skipped: no shop is set up"


def test_require__what_is_not_there_is_an_error_under_its_own_text(site):
    """A label and a pattern that select nothing, and one that may mean two, close the gate."""
    done, record = site.record("--gate", "gone")
    said = {result["label"]: (result["outcome"], result["blocking"], result["message"]) for result in record["results"]}

    assert (done.code, record["selected"]) == (1, 4)
    assert said["pay.TestGone"][:2] == said["pay.*.test_gone"][:2] == ("error", True)
    assert said["pay.TestGone"][2].startswith("required, but no loaded probe has this label; did you mean ")
    assert said["pay.*.test_gone"][2].startswith("required, but no loaded probe looks like this pattern")
    assert said["pay.TestTwice"][2].endswith("; it is not unique, and may mean pay.one.TestTwice, pay.two.TestTwice")
    listed = site.probe("--gate", "gone", "--list")
    assert (listed.code, listed.out.splitlines()) == (1, ["pay.one.TestOne.test_a"])
    assert "pay.TestGone: required, but no loaded probe has this label" in listed.err


def test_require__counts_in_runs_of_the_whole_gate_and_where_it_is_given(site):
    """A part of the gate need not have it, but for what `--require` names; a tag may leave it out."""
    outside = ["--require", "shop.TestHost.test_known", "--require", "pay.one.TestOne"]
    narrowed = site.probe("shop.TestShop.test_second", *outside)
    part, given = site.probe("--gate", "gone", "shop.TestShop.test_second"), ["--require", "shop.TestHost"]
    tagged = site.probe("--tag", "smoke", *given)

    assert part.code == 0, part.err
    assert (tagged.code, narrowed.code) == (1, 1)
    assert "the labels of the run or the gate's probes leave it out: shop.TestHost.test_known" in narrowed.err
    assert "required, but no probe of the app pay is loaded: it has none, or labels" in narrowed.err
    assert "required, but tags or -k leave it out: shop.TestHost.test_known, shop.TestHost.test_known2" in tagged.err


def test_require__is_in_one_shard(site):
    """A required probe is selected if any shard has it, and one that is not there is the error of one of them."""
    codes = [site.probe("--gate", "required", "--shard", f"{index}/2").code for index in (0, 1)]
    gone = [site.record("--require", "shop.TestGone", "pay", "--shard", f"{index}/2")[1] for index in (0, 1)]

    assert codes == [0, 0]
    assert sum(result["label"] == "shop.TestGone" for record in gone for result in record["results"]) == 1
