"""Declared checks as probes: their labels, their terms, what they import, and where nothing runs them."""

from __future__ import annotations

import pytest

HERE = "{tcp: 'localhost:1'"


def test_checks__are_probes_like_any_other(checked, closed_port):
    """Labels, tags, patterns, `require`, `warn_only`, terms, owners and shards apply to them."""
    port = f"{{tcp: 'localhost:{closed_port}'"
    checked.write(
        f"""
run-me: {port}, tags: [smoke], retries: 1, owner: web, runbook: https://runbooks.example/port}}
other: {port}}}
warned: {port}, warn_only: true}}
truth: {{command: ["true"]}}
""",
        gate="warn_only: [checks.tcp.other]\nrequire: [checks.command.truth]\nretry_delay: 0",
    )
    policy = ("--policy", str(checked.site.path / "probe.yaml"), "--gate", "deploy")

    done, record = checked.site.record(*policy)
    listed = [
        checked.site.probe(*policy, "--list", *options).out.split()
        for options in (["--tag", "smoke"], ["checks.tcp"], ["-k", "truth"], ["--shard", "0/2"], ["--shard", "1/2"])
    ]

    found = {each["label"]: each for each in record["results"]}
    assert done.code == 1
    assert [*found] == ["checks.tcp.run-me", "checks.tcp.other", "checks.tcp.warned", "checks.command.truth"]
    mine = found["checks.tcp.run-me"]
    assert (mine["attempts"], mine["tags"], mine["owner"]) == (2, ["smoke"], "web")
    assert (mine["runbook"], mine["title"]) == ("https://runbooks.example/port", f"localhost:{closed_port}")
    assert (mine["file"], mine["line"]) == ("probe.yaml", 2)
    assert [each["blocking"] for each in record["results"]] == [True, False, False, True]
    assert listed[:3] == [["checks.tcp.run-me"], [*found][:3], ["checks.command.truth"]]
    assert sorted(listed[3] + listed[4]) == sorted(found)


def test_libraries__imported_for_what_is_selected_alone(checked, shop):
    """A run that selects no check of a kind imports nothing that this kind needs, in no process of the run."""
    checked.site.app(
        "eyes",
        """
        import sys
        import unittest


        class TestEyes(unittest.TestCase):
            def test_imported(self):
                print(sorted({"urllib3", "jmespath", "dns"} & set(sys.modules)))
                self.fail()
        """,
    )
    checks = f'home: {{http: "{shop.url}/"}}\nname: {{dns: shop.example}}\ntruth: {{command: ["true"]}}\n'

    _, without = checked.run(checks, "eyes", "checks.command")
    _, asking = checked.run(checks, "eyes", "checks.http")

    assert without["eyes.TestEyes.test_imported"]["output"].strip() == "[]"
    assert asking["eyes.TestEyes.test_imported"]["output"].strip() == "['jmespath', 'urllib3']"


def test_libraries__missing(checked):
    """Where a library is not installed, the checks that need it say how to get it, and the others run."""
    gone = checked.site.write("dns/__init__.py", 'raise ModuleNotFoundError("No module named dns", name="dns")\n')

    _, results = checked.run('name: {dns: shop.example}\ntruth: {command: ["true"]}\n', "checks")
    gone.unlink()

    assert results["dns.name"]["outcome"] == "error"
    assert "checks of the kind dns need dns; install django-probe-gate[checks]" in results["dns.name"]["message"]
    assert results["command.truth"]["outcome"] == "passed"


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ('{http: "http://a/", json: {"items[": 1}}', "checks.a.json: 'items[' is no JMESPath: "),
        (
            '{http: "http://a/", json: {"size(a)": 1}}',
            "checks.a.json: 'size(a)' is no JMESPath: it has no function size()",
        ),
        ('{steps: [{http: "http://a/", save: {b: "a."}}]}', "checks.a.steps[1].save.b: 'a.' is no JMESPath: "),
        ("{view: nowhere}", "checks.a.view: Reverse for 'nowhere' not found."),
        (
            "{sql: SELECT 1, database: defualt}",
            "checks.a.database: DATABASES has no 'defualt', but default; did you mean",
        ),
    ],
)
def test_check__that_cannot_be_asked(checked, check, message):
    """What can be seen to be wrong before anything runs is one line with the path of its key, and exit 2."""
    checked.write(f"first: {{command: [touch, ran]}}\na: {check}")

    # For a debugger all runs in one process, for everybody else the one that loads has to say so.
    options = ["--parallel", "0"] if "view" in check else []
    done = checked.site.probe("--policy", "probe.yaml", "--gate", "deploy", *options)

    assert done.code == 2
    assert f"CommandError: probe.yaml: {message}" in done.err
    assert not (checked.site.path / "ran").exists()


@pytest.mark.parametrize(
    ("apps", "message"),
    [
        ([], "checks: nothing runs them; add django_probe.contrib.checks to INSTALLED_APPS"),
        (["checks"], 'checks: the app checks has the label "checks", with which the labels of declared checks begin;'),
    ],
)
def test_app__missing(project, apps, message):
    """Where checks are declared and nothing, or another app, would run them, nothing runs, and exit 2 has the cure."""
    for app in apps:
        project.app(app, "")
    project.write("probe.yaml", f"checks: {{port: {HERE}}}}}\ngates: {{deploy: {{}}}}\n")
    project.configure('PROBE_POLICY = BASE_DIR / "probe.yaml"\n')

    done = project.probe("--gate", "deploy")
    check = project.run("check", "--deploy", "--tag", "probes")

    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert f"(django_probe.E002) {project.path}/probe.yaml: {message}" in check.err
