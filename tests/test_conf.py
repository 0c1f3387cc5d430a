"""Where the policy file and the runner are named: the command line, the settings, the environment."""

from __future__ import annotations

import pytest

from tests.projects import new_project


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    """Two projects with policies: one names its file in the settings, the other does not."""

    def made(settings):
        site = new_project(tmp_path_factory.mktemp("conf"))
        site.app("shop", "import unittest\nclass TestA(unittest.TestCase):\n    def test_a(self): pass\n")
        for name in ("option", "settings", "environment"):
            site.write(f"{name}.yaml", f"gates: {{of_{name}: {{}}}}")
        site.configure(settings)
        return site

    return {"named": made('PROBE_POLICY = BASE_DIR / "settings.yaml"\n'), "bare": made("")}


@pytest.mark.parametrize(
    ("site", "options", "env", "gate"),
    [
        ("bare", [], {"PROBE_POLICY": "environment.yaml"}, "of_environment"),
        ("named", [], {"PROBE_POLICY": "environment.yaml"}, "of_settings"),
        ("named", ["--policy", "option.yaml"], {"PROBE_POLICY": "environment.yaml"}, "of_option"),
        ("bare", ["--policy", "option.yaml"], {}, "of_option"),
    ],
)
def test_policy__is_named_by_the_option_else_the_settings_else_the_environment(sites, site, options, env, gate):
    """The first that names a file is read, and no other."""
    done = sites[site].probe("--gate", gate, *options, env=env)

    assert done.code == 0, done.err
    assert f"gate {gate}: " in done.err


def test_policy__an_empty_environment_variable_names_none(sites):
    """As Kubernetes sets one that has no value: the gate is the default one."""
    done = sites["bare"].probe(env={"PROBE_POLICY": ""})

    assert done.code == 0
    assert "gate default: " in done.err


def test_policy__none_at_all_has_the_gate_default_alone(sites):
    """Another gate says what is missing."""
    done = sites["bare"].probe("--gate", "deploy")

    assert (done.code, done.out) == (2, "")
    assert done.err == (
        'CommandError: gate "deploy": there is no policy file; give --policy FILE, or set PROBE_POLICY in the '
        "settings or the environment\n"
    )


@pytest.mark.parametrize("option", ["--policy", "--gate", "--junit", "--json", "--summary"])
def test_options__an_empty_value_is_a_mistake_and_not_a_default(sites, option):
    """What a shell makes of a variable that is not set must not quietly be another gate, or no report."""
    done = sites["bare"].probe(option, "")

    *usage, error = done.err.splitlines()
    assert done.code == 2
    assert option.strip("-") in error
    assert usage in ([], ["usage: manage.py probe [option ...] [label ...]"])
