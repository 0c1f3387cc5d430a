"""What the documents show is what happens."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys

import pytest

from django_probe.management.arguments import add_arguments
from django_probe.policy import file as policy_file
from django_probe.policy import gates as policy
from django_probe.policy.declared import kinds as kinds_of_checks
from django_probe.results import ExitCode, Outcome
from django_probe.terms import parse_duration
from tests import documents, reader, warm
from tests.conftest import ROOT

DOCS = ROOT / "docs"
README = ROOT / "README.md"
# These show settings and statements rather than a path to walk; their examples are tested below, the SQL of
# database-safety.md in tests/execution, image.md in tests/container, gitops.md and helm.md in tests/helm,
# metrics.md and tokens.md in tests/history.
REFERENCE = {
    "gitops.md",
    "benchmarks.md",
    "container-settings.md",
    "database-safety.md",
    "helm.md",
    "image.md",
    "metrics.md",
    "ready-made-probes.md",
    "tokens.md",
}
PAGES = [README, *sorted(page for page in DOCS.glob("*.md") if page.name not in REFERENCE)]
LABEL = re.compile(r"`([^`]+)`")


# Puts what the settings had before in the place of `...`.
MERGED = """
for name in ("INSTALLED_APPS", "MIDDLEWARE"):
    shown = [each for item in globals()[name] for each in (BEFORE[name] if item is ... else [item])]
    globals()[name] = list(dict.fromkeys(shown))
"""


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    """The reader's project, which every page gets a copy of."""
    return reader.new_shop(tmp_path_factory.mktemp("shop") / "site")


@pytest.fixture
def bench(tmp_path, shop):
    """Where the blocks of a page are tried."""
    return reader.new_bench(tmp_path, shop)


def table(page, heading):
    """Return the rows of the table under a heading, as lists of cells."""
    lines = iter((DOCS / page).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].splitlines())
    rows = []
    for line in lines:
        if line.startswith("| "):
            rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
        elif rows and not line.startswith("|"):
            break
    return rows[1:]


def examples(name, language):
    """Return the texts of the blocks of a page that are in one language; there is one at the least."""
    found = [block.text for block in documents.blocks(DOCS / name) if block.language == language]
    assert found
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page__does_what_it_shows(page, bench):
    """Each block of a page does what it says: files are written, commands run, and their output is what is shown.

    What installs is not run: it names the checkout, or the wheel as hatchling names it.
    """
    documents.try_page(page, bench)


ECHO = "<!-- run -->\n```console\n$ echo 12 in 0.5s\n{}\n```\n"
PROBES = "<!-- file: shop/probes.py -->\n```python\nimport unittest\n```\n"
RECIPE = (DOCS / "ci.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (ECHO.format("13 in 0.5s"), "prints another"),
        (ECHO.format("12 in 0.5s\nand more"), "prints another"),
        (ECHO.format("...\n12"), "prints another"),
        (ECHO.format("1…3 in 0.5s"), "prints another"),
        ("<!-- run -->\n```console\n$ false\n```\n", "exit code 1, not 0"),
        ("<!-- run: exit 1 -->\n```console\n$ false\n$ false\n```\n", "exit code 1, not 0"),
        ("```console\n$ true\n```\n", "nothing says what this block is"),
        ("<!-- run -->\n\n```console\n$ true\n```\n", "a comment is astray"),
        ("- <!-- run -->\n  ```console\n  $ true\n  ```\n", "a fence begins its line"),
        ("<!-- run -->\n```python\n$ true\n```\n", "not written in python"),
        (PROBES, "nothing that follows runs this"),
        (f'{PROBES}<!-- json: manage.json -->\n```json\n{{"a": 1}}\n```\n', "manage.json"),
        ("<!-- install -->\n```console\n$ python -m pip install another-project\n```\n", "another-project"),
        ("<!-- target -->\n```console\n$ make nothing-of-this-name\n```\n", "nothing-of-this-name"),
    ],
)
def test_page__that_is_wrong_is_found_out(text, why, bench, tmp_path):
    """A page that shows what does not happen, or that nothing would try, fails its test, and says at which line."""
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises((AssertionError, FileNotFoundError), match=re.escape(why)):
        documents.try_page(page, bench)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('--summary "$GITHUB_STEP_SUMMARY"', '--summary "$GITHUB_STEP_SUMMARY" || true'),
        ("            gate.xml\n", "            report.xml\n"),
        ("            gate.html\n", "            page.html\n"),
        ("checkout@v6", "checkout@v5"),
        ("    when: always\n", ""),
        ("--html gate.html\n  artifacts", "--html gate.html | cat || true\n  artifacts"),
        ("junit 'gate.xml'", "junit 'report.xml'"),
        ("--html gate.html'\n            }", "--html gate.html'\n"),
    ],
)
def test_recipe__that_is_wrong_is_found_out(right, wrong, bench, tmp_path):
    """A job that swallows the exit code, looks for the report elsewhere, or is no job fails the test of its page."""
    before, *recipes = re.split(r"(?=^<!-- recipe)", RECIPE, flags=re.MULTILINE)
    (recipe,) = [each for each in recipes if right in each]
    page = tmp_path / "ci.md"
    page.write_text(before + recipe.replace(right, wrong), encoding="utf-8")
    with pytest.raises((AssertionError, OSError, KeyError)):  # lxml, where it is there, says OSError of a missing file
        documents.try_page(page, bench)


def test_differences__are_found_anywhere_in_a_record():
    """A record that is shown differs by a key, a value, a length or a type; what every run has of its own does not."""
    shown = {"id": "a", "duration": 0.1, "results": [{"label": "x", "details": "Trace…Error"}]}
    same = {"id": "b", "duration": 0.2, "results": [{"label": "x", "details": "Trace\nback\nError"}]}
    assert documents.differences(shown, same) == []
    assert documents.differences(shown, {**same, "more": 1}) == [""]
    assert documents.differences(shown, {**same, "results": []}) == [".results"]
    assert documents.differences(shown, {**same, "id": 7}) == [".id"]
    other = {"label": "y", "details": "TraceErrors"}
    assert documents.differences(shown, {**same, "results": [other]}) == [".results[0].label", ".results[0].details"]


def test_gates__has_every_key_of_the_policy_with_its_default():
    """The table of docs/gates.md names each key of the policy, and the default that the code has."""
    rows = {LABEL.fullmatch(row[0])[1]: row[2] for row in table("gates.md", "Keys")}
    assert list(rows) == list(policy_file.KEYS)
    gate = policy.Gate()
    for key, default in rows.items():
        value = getattr(gate, key)
        if isinstance(value, bool | str):
            assert default == str(value).lower()
        elif isinstance(value, int | float):
            assert parse_duration(default) == value, key
        else:
            assert not value
            assert default in {"none", "every probe", "read-only"}


def test_checks__has_every_key():
    """The tables of docs/checks.md name each kind of check, the keys that it has of its own, and each key."""
    kinds = {*kinds_of_checks.KINDS, kinds_of_checks.STEPS}
    common = set.intersection(*map(set, kinds_of_checks.KINDS.values()))
    shown = {LABEL.fullmatch(row[0])[1]: set(LABEL.findall(row[2])) for row in table("checks.md", "Kinds")}
    assert set(shown) == kinds
    for kind, keys in kinds_of_checks.KINDS.items():
        assert shown[kind] == set(keys) - common - {kind}, kind
    told = {key for row in table("checks.md", "Keys of a check") for key in LABEL.findall(row[0])}
    assert told == common | set().union(*kinds_of_checks.KINDS.values()) - kinds


def test_gates__has_every_option_of_the_command():
    """The table of docs/gates.md names each option of `manage.py probe`, and no other."""
    parser = argparse.ArgumentParser(add_help=False)
    add_arguments(parser)
    shown = set(re.findall(r"`(-[\w-]+)", " ".join(row[0] for row in table("gates.md", "Options"))))
    known = [set(action.option_strings) for action in parser._actions if action.option_strings]
    assert shown <= set().union(*known)
    assert [options for options in known if not options & shown] == []


@pytest.mark.parametrize("page", ["exit-codes.md", "../README.md"])
def test_exit_codes__are_all_there(page):
    """Both tables of exit codes have each of them once."""
    codes = [int(code) for row in table(page, "Exit codes") for code in row[0].split(", ")]
    assert sorted(codes) == sorted(map(int, ExitCode))


def test_exit_codes__has_every_outcome():
    """The table of the record has each outcome of a probe, in the order of the code."""
    outcomes = [LABEL.fullmatch(row[0])[1] for row in table("exit-codes.md", "The record")]
    assert outcomes == list(Outcome)


def test_readme__leads_to_every_page():
    """Each page of docs/ is linked from the README."""
    text = README.read_text(encoding="utf-8")
    assert [page.name for page in DOCS.glob("*.md") if f"(docs/{page.name}" not in text] == []


def test_ready_made_probes__shows_settings_that_a_project_can_have(bench):
    """With the settings of docs/ready-made-probes.md, a project has what the policy there selects."""
    for text in examples("ready-made-probes.md", "python"):
        bench.project.configure(f"BEFORE = {{**globals()}}\n{text}{MERGED}")
    (gates,) = examples("ready-made-probes.md", "yaml")
    bench.project.write("gates.yaml", gates)
    done = bench.project.probe("--policy", "gates.yaml", "--gate", "deploy", "--list")
    assert done.code == 0, done.err
    apps = {label.partition(".")[0] for label in done.out.split()}
    names = ("platform", "http", "staticfiles", "disk", "celery", "redis", "channels", "search")
    assert apps == {f"probe_{name}" for name in names}
    assert "TestMail" not in done.out


def test_container_settings__shows_urls_that_the_container_takes(bench):
    """Each URL of docs/container-settings.md is one with which the container's project starts."""
    (text,) = examples("container-settings.md", "sh")
    command = [sys.executable, bench.checkout / "deploy" / "manage.py", "check"]
    for line in text.splitlines():
        variables = dict(part.split("=", 1) for part in shlex.split(line))
        done = warm.run(command, cwd=bench.checkout, env=bench.environment(**variables))
        assert done.returncode == 0, f"{line}: {done.stderr.decode()}"


def test_database_safety__shows_a_probe_that_loads(bench):
    """The probe of docs/database-safety.md is one."""
    (text,) = examples("database-safety.md", "python")
    bench.project.app("shop", f"import unittest\n{text}")
    done = bench.project.probe("shop", "--list")
    assert (done.code, done.out) == (0, "shop.TestCheckout.test_order_can_be_saved\n"), done.err


def test_benchmarks__shows_a_command_that_is_there(bench):
    """`make bench` is a target of the Makefile."""
    (text,) = examples("benchmarks.md", "console")
    assert text == "$ make bench\n"
    assert subprocess.run(["make", "--dry-run", "bench"], cwd=bench.checkout, check=False).returncode == 0
