"""The gates of deploy/probe.yaml, run as the container runs them: the ready-made probes and the team's."""

import json

import pytest

from tests.deploy.conftest import Deployment

PROBES = """
import unittest
from django.test import tag

class TestCart(unittest.TestCase):
    def test_total(self):
        self.assertEqual(1 + 1, 2)

    @tag("ready")
    def test_open(self):
        self.assertTrue(True)
"""


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """The embedded SQLite with its tables."""
    made = Deployment(tmp_path_factory.mktemp("tables"))
    assert made.run("migrate", "--verbosity", "0").returncode == 0
    return (made.path / "db.sqlite3").read_bytes()


@pytest.fixture
def migrated(deployment, tables):
    """The container's project with its tables in the embedded SQLite."""
    (deployment.path / "db.sqlite3").write_bytes(tables)
    return deployment


def gate(deployment, name, **variables):
    """Run a gate; give the exit code, what was written on standard error, and the results by label."""
    report = deployment.path / "record.json"
    done = deployment.run("probe", "--gate", name, "--json", str(report), **variables)
    assert report.exists(), done.stderr
    results = json.loads(report.read_text(encoding="utf-8"))["results"]
    return done.returncode, done.stderr, {result["label"]: result for result in results}


@pytest.mark.parametrize("name", ["deploy", "periodic"])
@pytest.mark.usefixtures("migrated")
def test_gate__passes_on_embedded_sqlite(deployment, name):
    """On a migrated SQLite the gate is open, and it is the ready-made probes that say so."""
    code, shown, results = gate(deployment, name)
    assert code == 0, shown
    outcomes = {label: result["outcome"] for label, result in results.items()}
    assert outcomes["probe_platform.TestDatabases.test_each_answers"] == "passed"
    assert outcomes["probe_platform.TestMigrations.test_none_is_unapplied"] == "passed"
    assert outcomes["probe_http.TestTargets.test_each_answers_as_the_release"] == "skipped"
    assert set(outcomes.values()) == {"passed", "skipped"}


def test_gate__is_closed_where_nothing_was_migrated(deployment):
    """Without the tables of the code the gate is closed, and says what to do."""
    code, shown, _ = gate(deployment, "deploy")
    assert code == 1
    assert "probe_platform.TestMigrations.test_none_is_unapplied" in shown
    assert "migrate" in shown


@pytest.mark.usefixtures("migrated")
def test_gate__has_the_probes_of_a_folder(deployment):
    """A file of PROBE_PATH is part of the gate, even one that is named as a module of Python."""
    deployment.write("own/json.py", PROBES)
    deployment.write("own/shop/probes/__init__.py")
    deployment.write("own/shop/probes/pay.py", PROBES)
    code, shown, results = gate(deployment, "deploy", PROBE_PATH="own")
    assert code == 0, shown
    own = {label for label in results if not label.startswith("probe_")}
    assert own == {
        "json.TestCart.test_total",
        "json.TestCart.test_open",
        "shop.pay.TestCart.test_total",
        "shop.pay.TestCart.test_open",
    }


@pytest.mark.usefixtures("migrated")
def test_gate__is_closed_by_a_probe_of_a_folder(deployment):
    """A probe of PROBE_PATH that fails closes the gate, and its traceback names the team's file and line."""
    path = deployment.write("own/cart.py", PROBES.replace("2)", "3)"))
    code, shown, results = gate(deployment, "deploy", PROBE_PATH="own")
    assert code == 1
    assert results["cart.TestCart.test_total"]["outcome"] == "failed"
    assert f'File "{path}", line 7, in test_total' in shown


@pytest.mark.parametrize(
    "broken", ["import nothing_of_this_name", "def test(:", "import os\nos._exit(0)", "raise SystemExit(0)"]
)
@pytest.mark.parametrize("name", ["broken.py", "broken/__init__.py"])
@pytest.mark.usefixtures("migrated")
def test_gate__is_closed_by_a_file_that_does_not_import(deployment, name, broken):
    """A broken file or package of PROBE_PATH closes the gate by exit code 1, whatever ends its import."""
    deployment.write("own/broken/probes.py" if "/" in name else "own/cart.py", PROBES)
    deployment.write(f"own/{name}", broken)
    code, shown, results = gate(deployment, "deploy", PROBE_PATH="own")
    assert code == 1, shown
    erred = [label for label, result in results.items() if result["outcome"] == "error"]
    assert any(label.startswith("broken") for label in erred)


@pytest.mark.usefixtures("migrated")
def test_gate__runs_the_others_beside_a_broken_file(deployment):
    """A file that does not import takes no other file's probes with it."""
    deployment.write("own/broken.py", "import nothing_of_this_name")
    deployment.write("own/cart.py", PROBES)
    _, shown, results = gate(deployment, "deploy", PROBE_PATH="own")
    assert results["cart.TestCart.test_total"]["outcome"] == "passed"
    assert "No module named 'nothing_of_this_name'" in shown


def test_gate__ready_has_what_is_tagged(deployment):
    """The gate `ready` has the probes that carry its tag, and no others."""
    deployment.write("own/cart.py", PROBES)
    done = deployment.run("probe", "--gate", "ready", "--list", PROBE_PATH="own")
    assert (done.returncode, done.stdout) == (0, "cart.TestCart.test_open\n"), done.stderr


def test_label__names_an_app_of_a_folder(deployment):
    """The name of a file is an app's label for the command."""
    deployment.write("own/cart.py", PROBES)
    done = deployment.run("probe", "cart.TestCart.test_total", "--list", PROBE_PATH="own")
    assert (done.returncode, done.stdout) == (0, "cart.TestCart.test_total\n"), done.stderr
