"""Projects of a whole module, to which each run gives settings of its own; see the fixture `results`."""

from __future__ import annotations

from tests.projects import new_project

GIVEN = "SITE_SETTINGS"
"""The environment variable with the settings of one run, in JSON."""


def new_site(folder, app, settings=""):
    """Make a project with one ready-made app, whose settings end with those of the run."""
    made = new_project(folder)
    made.apps = [app]
    made.configure(settings)
    made.configure(f'import json, os\nglobals().update(json.loads(os.environ.get("{GIVEN}", "{{}}")))\n')
    return made


def outcomes_of(results):
    """Return how each probe ended, by its label."""
    return {label: result["outcome"] for label, result in results.items()}
