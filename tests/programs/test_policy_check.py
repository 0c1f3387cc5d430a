"""`django-probe policy check` tells whether a policy file is right, without the project that it is of."""

from __future__ import annotations

import os
import sys

import pytest

from tests import warm

GOOD = """\
checks:
  home: {http: https://shop.example/}
  mail: {tcp: mail.example:25}
gates:
  deploy:
    probes: [shop, checks]
    exclude_tags: [slow]
    require: [checks.http.home]
    warn_only: ["checks.*"]
    notify: [{url: "mailto://ops:hunter2@mail.example"}]
  nightly:
"""


@pytest.fixture
def check(tmp_path):
    """Run it on files of these texts, in a folder where no Django project is; give the code and both outputs."""

    def _check(*names, **texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        files = names or [f"{name}.yaml" for name in texts]
        env = {**os.environ, **warm.OWN, "DJANGO_SETTINGS_MODULE": "no_such_module", "COLUMNS": "100"}
        done = warm.run([sys.executable, "-m", "django_probe", "policy", "check", *files], cwd=tmp_path, env=env)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return _check


def test_check__shows_what_each_gate_chooses(check):
    """Gates with their choice in the keys of the file, and checks with their lines; no URL, which may be a secret."""
    assert check(probe=GOOD) == (
        0,
        (
            "probe.yaml: 2 gates, 2 checks\n"
            "  gate deploy: probes shop, checks; exclude_tags slow; require checks.http.home; warn_only checks.*\n"
            "  gate nightly: every probe\n"
            "  check checks.http.home (line 2)\n"
            "  check checks.tcp.mail (line 3)\n"
        ),
        "",
    )


def test_check__reads_every_file(check):
    """A file that is wrong hides no other one: each mistake is a line with its path, and the code is 2."""
    code, out, err = check("a.yaml", "gone.yaml", "b.yaml", a="gates:\n  deploy: {timout: 3s}\n", b="gates: {x: {}}\n")

    assert (code, out) == (2, "b.yaml: 1 gate, 0 checks\n  gate x: every probe\n")
    assert err.splitlines() == [
        'django-probe policy check: a.yaml: gates.deploy.timout: unknown key; did you mean "timeout"?',
        "django-probe policy check: policy file gone.yaml: cannot be read: No such file or directory",
    ]


def test_check__looks_at_jmespaths(check):
    """Those of flows too, as a run does."""
    steps = "checks: {buy: {steps: [{http: https://shop.example/, save: {a: 'b['}}]}}\ngates: {x: {}}"
    code, out, err = check(probe=steps)

    assert (code, out) == (2, "")
    assert err.startswith("django-probe policy check: probe.yaml: checks.buy.steps[1].save.a: 'b[' is no JMESPath: ")


@pytest.mark.parametrize(("label", "meant"), [("checks.http.hom", "checks.http.home"), ("checks.*", "checks")])
def test_check__refuses_probes_that_name_no_check(check, label, meant):
    """What begins with `checks` is known from the file alone, and a run of the gate is refused for it."""
    code, out, err = check(
        probe=f'checks: {{home: {{http: https://shop.example/}}}}\ngates: {{deploy: {{probes: ["{label}"]}}}}'
    )

    assert (code, out) == (2, "")
    assert err == (
        f"django-probe policy check: probe.yaml: gates.deploy.probes: {label}: no check of the file has this label; "
        f'did you mean "{meant}"?\n'
    )


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            "gates: {deploy: {probes: [checks]}}",
            (
                "gates.deploy.probes: checks: the file declares no checks, so this names nothing, unless an app of "
                "yours has that label"
            ),
        ),
        (
            "checks: {home: {http: https://shop.example/}}\ngates: {deploy: {require: [checks.http.hom]}}",
            (
                "gates.deploy.require: checks.http.hom: no check of the file has this label; did you mean "
                '"checks.http.home"?'
            ),
        ),
        (
            "checks: {home: {http: https://shop.example/}}\ngates: {deploy: {probes: [checkss, checkout]}}",
            (
                "gates.deploy.probes: checkss: it names no check, only probes of an app of yours with that label; did "
                'you mean "checks"?'
            ),
        ),
    ],
)
def test_check__warns_of_a_check_that_is_not_there(check, text, warning):
    """It may be a label of an app that the command cannot know, so the file is no wrong one."""
    code, _, err = check(probe=text)

    assert (code, err) == (0, f"django-probe policy check: warning: probe.yaml: {warning}\n")


@pytest.mark.parametrize("arguments", [[], ["chek", "a.yaml"]])
def test_policy__without_a_command_says_what_there_is(arguments, tmp_path):
    """Like every wrong option: exit code 2 and the usage."""
    command = [sys.executable, "-m", "django_probe", "policy", *arguments]
    done = warm.run(command, cwd=tmp_path, env={**os.environ, **warm.OWN})

    assert done.returncode == 2
    assert b"usage: django-probe policy [-h] check" in done.stderr
