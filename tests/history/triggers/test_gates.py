"""Which gates there are, and which of them this server can run."""

from __future__ import annotations

import pytest

from tests.history import recorded

GATES = """
from django_probe.history.triggers import gates

def known(*more):
    offer = gates.offer()
    names = gates.names(offer)
    return {"names": names, "problem": offer.problem, "can run": [each for each in (*names, *more) if offer.has(each)],
            "lack": {each: offer.lack(each) for each in names if offer.lack(each)}}
"""
RUNS = """
for gate in ("retired", "ready", "other"):
    store.begin(ProbeRun(gate, gate, datetime.now(UTC), datetime.now(UTC), 0, ()), trigger="", labels=[],
                narrowed=False)
"""


@pytest.fixture
def site(tmp_path):
    """A site with the gates `deploy` and `other`."""
    return recorded.new_site(tmp_path / "site")


def test_gates__are_those_of_the_policy_and_those_that_only_the_history_knows(site):
    """The policy's come first and can be run; a gate that was renamed or removed, `ready` and `default` cannot."""
    site.write("probe.yaml", f"{recorded.POLICY}  ready:\n    tags: [ready]\n")
    got = recorded.ask(site, GATES + RUNS + "told(**known('default', 'nothing'))")
    assert got == {
        "names": ["deploy", "other", "ready", "retired"],
        "problem": "",
        "can run": ["deploy", "other"],
        "lack": {"retired": "not in this server's policy", "ready": "every web process runs it by itself"},
    }


def test_gates__of_a_policy_that_cannot_be_read_are_those_of_the_history(site):
    """Nothing can be run then, not even `default`, and what is wrong is one line."""
    site.write("probe.yaml", "gates:\n  deploy:\n    timout: 3s\n")
    got = recorded.ask(site, GATES + RUNS + "told(**known('deploy', 'default'))")
    assert got["names"] == ["other", "ready", "retired"]
    assert (got["can run"], got["lack"]) == ([], {})
    assert 'did you mean "timeout"?' in got["problem"]
    assert "\n" not in got["problem"]


def test_gates__without_a_policy_are_the_gate_default(site):
    """Which runs every probe."""
    (site.path / "probe.yaml").write_text("gates: {}\n")
    assert recorded.ask(site, f"{GATES}\ntold(**known())") == {
        "names": ["default"], "problem": "", "can run": ["default"], "lack": {}
    }  # fmt: skip
