"""The probe of static files: what collectstatic made is all there, and is what its name says."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.projects import new_project

LABEL = "probe_staticfiles.TestStaticFiles.test_collected_files_are_there"
DJANGO = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
WHITENOISE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
REMOTE = """\
import os
from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.core.files.base import ContentFile
from django.core.files.storage import Storage

class Plain(Storage):
    def exists(self, name):
        if os.environ.get("DOWN"):
            raise ConnectionError("cannot reach https://key:open-sesame-4711@files.example/b")
        return "7" not in name or not os.environ.get("LOST")
    def listdir(self, path):
        return [], ["a.css"]

class Remote(ManifestFilesMixin, Plain):
    def read_manifest(self):
        files = ", ".join(f'"{number}.css": "{number}.abc.css"' for number in range(1000))
        return f'{{"version": "1.1", "paths": {{{files}}}}}'
"""


def configured(backend, more=""):
    """Return the settings of a storage."""
    return f"""
STATIC_URL, STATIC_ROOT = "/static/", BASE_DIR / "public"
STATICFILES_DIRS = [BASE_DIR / "assets"]
STORAGES = {{
    "default": {{"BACKEND": "django.core.files.storage.FileSystemStorage"}},
    "staticfiles": {{"BACKEND": "{backend}"}},
}}
{more}"""


def with_files(site, backend):
    """Give a project static files that name each other, and the probe of them."""
    site.apps = ["django.contrib.staticfiles", "django_probe.contrib.staticfiles"]
    site.write("assets/css/site.css", "body { background: url(../img/pot.svg) }\n")
    site.write("assets/img/pot.svg", "<svg/>\n")
    site.write("assets/img/cup.svg", "<svg></svg>\n")
    site.configure(configured(backend))
    return site


@pytest.fixture(scope="module", params=[DJANGO, WHITENOISE], ids=["django", "whitenoise"])
def collected(request, tmp_path_factory):
    """A project of which `collectstatic` was run."""
    site = with_files(new_project(tmp_path_factory.mktemp("static")), request.param)
    done = site.run("collectstatic", "--noinput", "--verbosity", "0")
    assert done.code == 0, done.err
    return site


@pytest.fixture
def files(collected, project):
    """A copy of its files in a project of the test's own, by the names that they were given."""
    with_files(project, DJANGO if DJANGO in collected.settings else WHITENOISE)
    shutil.copytree(collected.path / "public", project.path / "public")
    paths = json.loads((project.path / "public" / "staticfiles.json").read_text(encoding="utf-8"))["paths"]
    return {name: project.path / "public" / hashed for name, hashed in paths.items()}


def test_manifest__whose_files_are_there_passes(files, outcome):
    """Each entry of the manifest is read, and has the hash that is in its name; those that name others, too."""
    assert len(files) == 3
    result = outcome("probe_staticfiles")
    assert (result["label"], result["tags"], result["outcome"]) == (LABEL, ["staticfiles"], "passed"), result["details"]


def test_manifest__whose_files_are_not_there_or_are_others_fails(files, outcome):
    """Each is named with what is wrong."""
    files["img/pot.svg"].unlink()
    files["img/cup.svg"].write_text("half", encoding="utf-8")
    files["css/site.css"].unlink()
    files["css/site.css"].mkdir()

    told = outcome(LABEL)["details"]

    assert "1 of 3 entries of staticfiles.json are not there: img/pot." in told
    assert "1 of 3 entries of staticfiles.json have another content than when they were named: img/cup." in told
    assert "1 of 3 entries of staticfiles.json cannot be read: css/site." in told
    assert "IsADirectoryError" in told


def test_manifest__that_is_not_there_fails(project, outcome):
    """An image in which nobody ran collectstatic."""
    with_files(project, DJANGO)
    result = outcome(LABEL)
    assert result["outcome"] == "failed"
    place = f"static files (ManifestStaticFilesStorage in {project.path / 'public'})"
    assert f"{place}: there is no staticfiles.json: run collectstatic where the image is made" in result["message"]


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({}, ""),
        (
            {"LOST": "1"},
            "53 of 200 entries that were asked for of staticfiles.json are not there: 107.abc.css, 157.abc.css",
        ),
        ({"DOWN": "1"}, "static files (Remote): ConnectionError: cannot reach https://files.example/b"),
    ],
)
def test_remote_storage__is_asked_for_a_part_of_its_files(project, outcome, env, says):
    """A request each: so 200 of 1000, spread evenly. One that does not answer fails without its password."""
    with_files(project, "remote.Remote")
    project.write("remote.py", REMOTE)
    result = outcome(LABEL, **env)
    assert result["outcome"] == ("failed" if says else "passed")
    assert says in result["details"]


PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"
SERVED = 'MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware"]\n'


@pytest.mark.parametrize(
    ("backend", "more", "expected"),
    [
        (PLAIN, SERVED, ("failed", "there is nothing: run collectstatic")),
        (PLAIN, "", ("skipped", "another server gives out the static files")),
        (PLAIN, f"{SERVED}STATIC_ROOT = None\n", ("skipped", "STATIC_ROOT is not set")),
        (DJANGO, "DEBUG = True\n", ("skipped", "DEBUG is on")),
        (DJANGO, 'INSTALLED_APPS.remove("django.contrib.staticfiles")\n', ("skipped", "is not in INSTALLED_APPS")),
        (DJANGO, 'del STORAGES["staticfiles"]\n', ("skipped", 'STORAGES has no "staticfiles"')),
        ("remote.Plain", "", ("passed", "")),
        ("no.such.Storage", "", ("failed", "static files (Storage): InvalidStorageError")),
    ],
)
def test_storage__without_a_manifest_or_without_a_use(project, outcome, backend, more, expected):
    """A folder that the project serves itself has something in it; what is nobody's to ask skips with its reason."""
    with_files(project, backend)
    project.write("remote.py", REMOTE)
    project.configure(more)
    result = outcome(LABEL)
    assert result["outcome"] == expected[0], result["details"]
    assert expected[1] in result["message"]
