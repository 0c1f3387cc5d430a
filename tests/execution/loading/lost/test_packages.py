"""A file of a probes package that nobody imports closes the gate, however deep it stands."""

from __future__ import annotations

import os
import py_compile
from types import SimpleNamespace

from django_probe.execution.loading.lost.packages import lost_files

FAILS = "import unittest\nclass TestLost(unittest.TestCase):\n    def test_lost(self): self.fail('never ran')\n"
PASSES = "import unittest\nclass TestGood(unittest.TestCase):\n    def test_good(self): pass\n"


def test_run__files_that_are_not_imported_are_errors(project):
    """Folders without __init__.py, below packages too, whatever they are called; dots in names; __main__.py."""
    project.app("shop", {"good.py": PASSES})
    for name in (
        "eu/de/cards.py",
        "eu-west/cards.py",
        "v1.2/cards.py",
        "cards.v2.py",
        "__main__.py",
        "twice.py",
        "sub/asia/cards.py",
        "sub/__main__.py",
        "mains/__main__.py",
        "half/deep/__init__.py",
        "half/deep/cards.py",
    ):
        project.write(f"shop/probes/{name}", FAILS)
    project.write("shop/probes/sub/__init__.py", "")
    project.write("shop/probes/twice/__init__.py", PASSES)
    (project.path / "shop/probes/gone").mkdir()
    (project.path / "shop/probes/gone/deep").mkdir()
    (project.path / "shop/probes/gone/deep/__init__.py").symlink_to("nowhere")

    done, record = project.record()

    assert done.code == 1
    problems = {result["label"]: result["message"] for result in record["results"] if result["outcome"] == "error"}
    probes = project.path / "shop/probes"
    nothing = "has no __init__.py, so that nothing in it is loaded"
    dotted = "is never imported, because it has a dot in its name; rename it"
    main = "is never imported; move what is in it into a module of another name"
    assert problems == {
        "shop.eu": f"{probes}/eu {nothing} (de/cards.py); add an empty one, and to the folders below it",
        "shop.gone": f"{probes}/gone {nothing} (deep/__init__.py); add an empty one, and to the folders below it",
        "shop.eu-west": f"{probes}/eu-west {nothing} (cards.py); add an empty one",
        "shop.v1.2": f"{probes}/v1.2 {dotted}",
        "shop.cards.v2": f"{probes}/cards.v2.py {dotted}",
        "shop.__main__": f"{probes}/__main__.py {main}",
        "shop.twice": f"{probes}/twice.py is a file beside a folder of the same name, of which Python imports the "
        "folder alone; keep one",
        "shop.sub.asia": f"{probes}/sub/asia {nothing} (cards.py); add an empty one",
        "shop.sub.__main__": f"{probes}/sub/__main__.py {main}",
        "shop.mains": f"{probes}/mains {nothing} (__main__.py); add an empty one",
        "shop.half": f"{probes}/half {nothing} (deep/__init__.py, deep/cards.py); add "
        "an empty one, and to the folders below it",
    }
    passed = {result["label"] for result in record["results"] if result["outcome"] == "passed"}
    assert passed == {"shop.good.TestGood.test_good", "shop.twice.TestGood.test_good"}


def test_run__what_is_left_out_on_purpose_is_no_error(project):
    """What begins with _ or a dot, or stands below such a folder; folders without files of Python's; packages."""
    project.app("shop", {"good.py": PASSES, "_helpers.py": PASSES, ".hidden.py": FAILS})
    for name in ("_old/eu/cards.py", "_old/__main__.py", ".git/hook.py", "__pycache__/cards.py", "data/_old/cards.py"):
        project.write(f"shop/probes/{name}", FAILS)
    project.write("shop/probes/data/prices.csv", "1\n")
    project.write("shop/probes/eu-west/__init__.py", "")
    project.write("shop/probes/eu-west/cards.py", PASSES)

    done, record = project.record()

    assert done.code == 0, done.err
    assert {result["label"] for result in record["results"]} == {
        "shop.good.TestGood.test_good",
        "shop._helpers.TestGood.test_good",
        "shop.eu-west.cards.TestGood.test_good",
    }


def test_run__a_folder_beside_a_file_of_the_same_name_is_an_error(project):
    """Without __init__.py it is no package, so that Python takes the file; nothing of Python's in it is no matter."""
    for name in ("shop", "data"):
        project.app(name, PASSES)
    project.write("shop/probes/cards.py", FAILS)
    project.write("data/probes/prices.csv", "1\n")
    project.write("data/probes/_old.py", FAILS)

    done, record = project.record()

    assert done.code == 1
    assert {result["label"]: result["message"] for result in record["results"] if result["outcome"] == "error"} == {
        "shop": f"{project.path}/shop/probes is a folder beside probes.py, of which Python imports the file alone, "
        "because the folder has no __init__.py (cards.py); keep one"
    }


def test_run__only_what_python_imports_makes_a_package(project):
    """A stub or a left-over of a merge does not; a compiled __init__ does."""
    project.app("shop", {"good.py": PASSES})
    for name in ("stubs/__init__.pyi", "merged/__init__.py.orig", "beside/__init__.pyi"):
        project.write(f"shop/probes/{name}", "")
    for name in ("stubs/cards.py", "merged/cards.py", "beside.py", "compiled/cards.py"):
        project.write(f"shop/probes/{name}", FAILS if "cards" in name else PASSES)
    py_compile.compile(
        str(project.write("empty.py", "")), cfile=str(project.path / "shop/probes/compiled/__init__.pyc")
    )

    done, record = project.record()

    assert done.code == 1
    outcomes = {result["label"]: result["outcome"] for result in record["results"]}
    assert outcomes == {
        "shop.stubs": "error",
        "shop.merged": "error",
        "shop.good.TestGood.test_good": "passed",
        "shop.beside.TestGood.test_good": "passed",
        "shop.compiled.cards.TestLost.test_lost": "failed",
    }


def test_run__files_behind_links_are_errors(project):
    """The folder may be a link, or have links in it; a link in a circle ends nowhere and is looked at once."""
    project.app("shop", {"good.py": PASSES})
    project.write("elsewhere/cards.py", FAILS)
    (project.path / "shop/probes/linked").symlink_to(project.path / "elsewhere")
    (project.path / "shop/probes/deep").mkdir()
    (project.path / "shop/probes/deep/er").symlink_to(project.path / "elsewhere")
    (project.path / "shop/probes/deep/round").symlink_to(project.path / "shop/probes/deep")
    (project.path / "shop/probes/empty").mkdir()
    (project.path / "shop/probes/empty/round").symlink_to(project.path / "shop/probes/empty")

    done, record = project.record()

    assert done.code == 1
    problems = {result["label"]: result["message"] for result in record["results"] if result["outcome"] == "error"}
    assert problems.keys() == {"shop.linked", "shop.deep"}
    assert "(er/cards.py)" in problems["shop.deep"]


def test_run__a_probes_file_that_python_does_not_see_is_an_error(project):
    """A link to nothing, the folder that a mount of a missing file leaves, and another case of the name."""
    project.app("good", PASSES)
    for name in ("linked", "mounted", "upper", "none"):
        project.app(name)
    (project.path / "linked/probes.py").symlink_to("gone.py")
    (project.path / "mounted/probes.py").mkdir()
    project.write("upper/Probes.py", FAILS)

    done, record = project.record("linked", "mounted", "upper", "none", "good")

    assert done.code == 1
    told = {result["label"]: result["message"] for result in record["results"] if result["outcome"] == "error"}
    assert told == {
        "linked": f"{project.path}/linked/probes.py is a link to gone.py, which is not there; mend the link, or "
        "remove it",
        "mounted": f"{project.path}/mounted/probes.py is a folder, of which nothing is imported; put the file there "
        "(a mount of a missing file?)",
        "upper": f"{project.path}/upper/Probes.py is never imported, because of its name; rename it to probes.py",
    }
    assert [line for line in done.err.splitlines() if line.startswith("warning: ")] == [
        "warning: the run names the app none, which gives no probe"
    ]


def test_lost_files__tell_of_a_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    """Python would see no package there, although its `__init__.py` can be read."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/__init__.py").touch()
    listdir = os.listdir

    def refused(path="."):
        if str(path) == str(tmp_path / "sub"):
            raise PermissionError(path)
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refused)

    assert [*lost_files(SimpleNamespace(__path__=[str(tmp_path)]))] == [
        ("sub", f"{tmp_path}/sub cannot be read, so that nothing in it is loaded; let the user of the probes list it")
    ]
