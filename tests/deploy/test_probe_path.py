"""PROBE_PATH: a folder's files and packages are apps with probes, and nothing of Python's is shadowed."""

import os

import pytest

PROBES = """
import unittest

class TestCart(unittest.TestCase):
    def test_total(self):
        self.assertEqual(1 + 1, 2)
"""

APPS = "from django.apps import apps"
FOUND = "[[app.label, app.name] for app in apps.get_app_configs() if app.name.startswith('probe_path.')]"


def test_unset__adds_no_app(deployment):
    """Without PROBE_PATH, or with nothing in it, there are only the ready-made probes."""
    assert deployment.evaluate(APPS, FOUND) == []
    assert deployment.evaluate(APPS, FOUND, PROBE_PATH=os.pathsep) == []


def test_file__is_an_app(deployment):
    """NAME.py is an app NAME whose probes are that file, and settings do not import it."""
    deployment.write("own/cart.py", PROBES)
    code = """
    import importlib, importlib.util, sys
    from django.apps import apps
    name = apps.get_app_config("cart").name + ".probes"
    before = name in sys.modules
    spec = importlib.util.find_spec(name)
    after = name in sys.modules
    module = importlib.import_module(name)
    """
    found = deployment.evaluate(
        code, "[before, after, spec.origin, module.__file__, hasattr(module, 'TestCart')]", PROBE_PATH="own"
    )
    path = str(deployment.path / "own" / "cart.py")
    assert found == [False, False, path, path, True]


def test_package__is_an_app(deployment):
    """NAME/probes.py and NAME/probes/ are the probes of an app NAME, with or without NAME/__init__.py."""
    deployment.write("own/shop/__init__.py")
    deployment.write("own/shop/probes.py", PROBES)
    deployment.write("own/bank/probes/__init__.py", PROBES)
    deployment.write("own/bank/probes/cards.py", PROBES)
    deployment.write("own/data/readme.txt", "no probes here")
    code = APPS + "\nimport probe_path.shop.probes, probe_path.bank.probes.cards as cards"
    assert deployment.evaluate(code, FOUND, PROBE_PATH="own") == [
        ["bank", "probe_path.bank"],
        ["shop", "probe_path.shop"],
    ]
    assert deployment.evaluate(code, "cards.__name__", PROBE_PATH="own") == "probe_path.bank.probes.cards"


def test_package__imports_its_own_modules_relatively(deployment):
    """A package's probes have its helpers and what its __init__.py defines, by relative imports."""
    deployment.write("own/shop/__init__.py", "from pathlib import Path\nLIMIT = Path(__file__).name\n")
    deployment.write("own/shop/prices.py", "PRICE = 3\n")
    deployment.write(
        "own/shop/probes/__init__.py",
        "from .. import LIMIT, prices\nfrom ..prices import PRICE\nfrom . import cards\n",
    )
    deployment.write("own/shop/probes/cards.py", "CARD = 'visa'\n")
    found = deployment.evaluate(
        "import probe_path.shop.probes as probes",
        "[probes.LIMIT, probes.PRICE, probes.prices.PRICE, probes.cards.CARD]",
        PROBE_PATH="own",
    )
    assert found == ["__init__.py", 3, 3, "visa"]


def test_package__code_is_run_with_its_probes_only(deployment):
    """A package's __init__.py that ends the process does not end a command that runs no probes."""
    deployment.write("own/shop/__init__.py", "import os\nos._exit(0)\n")
    deployment.write("own/shop/probes.py", PROBES)
    done = deployment.run("shell", "--no-imports", "-c", "print('still here')", PROBE_PATH="own")
    assert (done.returncode, done.stdout) == (0, "still here\n")


def test_names__shadow_nothing(deployment):
    """Files named as modules of Python, of packages and of this project leave those as they are."""
    for name in ("json", "yaml", "deploy", "settings", "probe_path", "sqlite3"):
        deployment.write(f"own/{name}.py", "raise AssertionError('imported in place of the real one')")
    code = """
    import sys
    from django.apps import apps
    for name in ("json", "sqlite3"):
        sys.modules.pop(name)
    import json, sqlite3, yaml, deploy.settings
    files = [module.__file__ for module in (json, sqlite3, yaml, deploy)]
    """
    found = deployment.evaluate(code, f"[files, {FOUND}, sys.path]", PROBE_PATH="own")
    files, apps, path = found
    own = str(deployment.path)
    assert [label for label, _ in apps] == ["deploy", "json", "probe_path", "settings", "sqlite3", "yaml"]
    assert not any(file.startswith(own) for file in files)
    assert not any(entry.startswith(own) for entry in path)


def test_traceback__shows_the_file_and_its_line(deployment):
    """What goes wrong in a probe points at the team's file, with the source line."""
    path = deployment.write("own/cart.py", PROBES.replace("2)", "3)"))
    code = """
    import traceback
    import probe_path.cart.probes as probes
    try:
        probes.TestCart("test_total").test_total()
    except AssertionError as error:
        shown = "".join(traceback.format_exception(error))
    """
    shown = deployment.evaluate(code, "shown", PROBE_PATH="own")
    assert f'File "{path}", line 6, in test_total\n    self.assertEqual(1 + 1, 3)' in shown


def test_folders__are_separated_as_in_path(deployment):
    """Several folders are read in their order, relative ones from the working folder."""
    deployment.write("one/b.py", PROBES)
    deployment.write("two/a.py", PROBES)
    both = os.pathsep.join(["one", str(deployment.path / "two")])
    assert deployment.evaluate(APPS, f"[label for label, name in {FOUND}]", PROBE_PATH=both) == ["b", "a"]


def test_configmap__is_read_through_its_links(deployment):
    """A mounted ConfigMap's hidden folders are no apps, the links to the files in them are."""
    deployment.write("own/..2026_11_23_10_00_00.1/cart.py", PROBES)
    (deployment.path / "own/..data").symlink_to("..2026_11_23_10_00_00.1")
    (deployment.path / "own/cart.py").symlink_to("..data/cart.py")
    code = APPS + "\nimport probe_path.cart.probes as probes"
    found = deployment.evaluate(code, f"[{FOUND}, probes.__file__]", PROBE_PATH="own")
    assert found == [[["cart", "probe_path.cart"]], str(deployment.path / "own/cart.py")]


def test_names__that_are_passed_over(deployment):
    """Names that begin with . or _, and files of another kind, are no apps, and no error."""
    for name in (
        ".hidden.py",
        "_helpers.py",
        "__init__.py",
        "probe.yaml",
        "__pycache__/cart.cpython-311.pyc",
    ):
        deployment.write(f"own/{name}", "nothing")
    assert deployment.evaluate(APPS, FOUND, PROBE_PATH="own") == []


@pytest.mark.parametrize("name", ["my-probe.py", "2fast.py", "a.b.py", "my-shop/probes.py"])
def test_names__that_no_app_can_have_are_refused(deployment, name):
    """A file that would never run is not passed over in silence."""
    deployment.write(f"own/{name}", PROBES)
    entry = deployment.path / "own" / name.split("/")[0]
    assert deployment.refusal(PROBE_PATH="own").startswith(f"PROBE_PATH: {entry}: ")


@pytest.mark.parametrize("second", ["two/cart.py", "one/cart/probes.py"])
def test_names__that_stand_twice_are_refused(deployment, second):
    """Two apps of one name are one line that names both places."""
    deployment.write("one/cart.py", PROBES)
    deployment.write(second, PROBES)
    deployment.write("two/other.py", PROBES)
    refusal = deployment.refusal(PROBE_PATH=os.pathsep.join(["one", "two"]))
    assert str(deployment.path / "one/cart.py") in refusal
    assert str(deployment.path / second).removesuffix("/probes.py") in refusal


@pytest.mark.parametrize(
    ("label", "installed"),
    [("auth", "django.contrib.auth"), ("probe_platform", "django_probe.contrib.platform")],
)
def test_names__of_installed_apps_are_refused(deployment, label, installed):
    """A file that has an installed app's label is one line that names both."""
    path = deployment.write(f"own/{label}.py", PROBES)
    refusal = deployment.refusal(PROBE_PATH="own")
    assert refusal.startswith(f"PROBE_PATH: {path}: ")
    assert installed in refusal


@pytest.mark.parametrize("own", ["models.py", "apps.py", "models/__init__.py"])
def test_package__with_models_is_refused(deployment, own):
    """What Django would import at its start cannot be in a package of probes."""
    deployment.write("own/shop/probes.py", PROBES)
    deployment.write(f"own/shop/{own}")
    place = deployment.path / "own/shop" / own.removesuffix("/__init__.py")
    assert deployment.refusal(PROBE_PATH="own").startswith(f"PROBE_PATH: {place}: ")


def test_package__without_init_in_its_probes_is_refused(deployment):
    """A folder probes/ that Python would not take for a package is not passed over in silence."""
    deployment.write("own/shop/probes/cards.py", PROBES)
    place = deployment.path / "own/shop/probes"
    assert deployment.refusal(PROBE_PATH="own") == f"PROBE_PATH: {place}: it has no __init__.py; add an empty one"


def test_folder__that_is_not_there_is_refused(deployment):
    """A folder that does not exist is one line with its full path."""
    expected = f"PROBE_PATH: {deployment.path / 'nowhere'}: cannot be read: No such file or directory"
    assert deployment.refusal(PROBE_PATH="nowhere") == expected


def test_folder__that_is_a_file_is_refused(deployment):
    """A file in place of a folder is one line too."""
    deployment.write("cart.py", PROBES)
    assert "Not a directory" in deployment.refusal(PROBE_PATH="cart.py")
