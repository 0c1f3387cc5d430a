"""`django-probe suggest`: the policy alone on standard output, whatever settings print, and a word where they end."""

from __future__ import annotations

import sys

import pytest
import yaml

from tests import warm

SETTINGS = """\
import os, sys
print("gates: {printed: {}}", flush=True)
os.write(1, b"raw")
exec(os.environ.get("IN_SETTINGS", ""))
"""


def suggest(project, *arguments, **env):
    """Run it in the project's folder; give its exit code and what it printed."""
    project.write(
        "site_urls.py", "from django.urls import path\nurlpatterns = [path('a/', lambda r: None, name='a')]\n"
    )
    project.configure(SETTINGS)
    command = [sys.executable, "-m", "django_probe", "suggest", *arguments]
    done = warm.run(command, cwd=project.path, env=project.environment(env))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_suggest__prints_the_policy_alone(project):
    """What settings print without a buffer goes to standard error."""
    code, out, err = suggest(project)
    assert code == 0, err
    assert out.startswith("# A policy for this project, ")
    assert yaml.safe_load(out) == {"gates": {"deploy": {}}}
    assert err == "gates: {printed: {}}\nraw"


@pytest.mark.parametrize(
    ("end", "why"),
    [
        ("os._exit(0)", "the application ended before the command began: look for what ends Python"),
        ("os.kill(os.getpid(), 9)", "the application was killed by SIGKILL"),
    ],
)
def test_suggest__of_settings_that_end_python(project, end, why):
    """One line and exit code 1, and nothing on standard output."""
    code, out, err = suggest(project, IN_SETTINGS=end)
    assert (code, out) == (1, "")
    assert err.endswith(f"django-probe suggest: {why}\n")


def test_suggest__without_a_project_is_a_mistake(tmp_path, project):
    """Where there is neither manage.py nor settings, as `django-probe probe` says it; options are the command's."""
    command = [sys.executable, "-m", "django_probe", "suggest"]
    done = warm.run(command, cwd=tmp_path, env=project.environment())
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"django-probe suggest: there is no manage.py in ")
    assert suggest(project, "--timeout", "soon")[0] == 2
