"""What a probes module changes in the process when it is imported is its error, and reaches nobody else's probes."""

from __future__ import annotations

import pytest

HEAD = """
import builtins, decimal, http.client, importlib, locale, logging, os, signal, socket, sys, time, types, unittest
import urllib.request, warnings
from unittest import mock
from django.conf import settings
from django.db import connection
from django.test.utils import override_settings, setup_test_environment
from django.urls import set_script_prefix, set_urlconf
from django.utils import timezone, translation
from freezegun import freeze_time
from shop import gateway
"""
PROBE = """

class TestIt(unittest.TestCase):
    def test_it(self):
        pass
"""
# What a module does, and the beginning of what is said to have changed.
CHANGES = {
    "environment_for_tests": ("setup_test_environment()", "setup_test_environment()"),
    "setting": ("settings.SHOP_OPEN = True", "settings.SHOP_OPEN"),
    "setting_added": ("settings.SHOP_FAKE = True", "settings.SHOP_FAKE"),
    "setting_in_place": ("settings.SHOP['tills'][0]['open'] = True", "settings.SHOP"),
    "setting_deleted": ("del settings.SHOP_OPEN", "settings.SHOP_OPEN"),
    "override": ("override_settings(SHOP_OPEN=True).enable()", "settings.SHOP_OPEN"),
    "mock_started": ("mock.patch('shop.gateway.charge', lambda: 'faked').start()", "patches of unittest.mock"),
    "function": ("gateway.charge = lambda: 'faked'", "shop.gateway.charge"),
    "function_of_python": ("socket.getaddrinfo = lambda *args, **kwargs: []", "socket.getaddrinfo"),
    "certificates": ("import ssl; ssl._create_default_https_context = ssl._create_unverified_context", "ssl._create_"),
    "builtin": ("builtins.print = lambda *args: None", "builtins.print"),
    "clock": ("freeze_time('2012-01-14').start()", ""),
    "method": ("http.client.HTTPConnection.request = lambda *args: None", "the method HTTPConnection.request"),
    "assertion": ("unittest.TestCase.assertEqual = lambda *args: None", "the method TestCase.assertEqual"),
    "module": ("sys.modules['shop.gateway'] = types.ModuleType('shop.gateway')", 'sys.modules["shop.gateway"]'),
    "module_fake": ("sys.modules['payments'] = mock.Mock()", 'sys.modules["payments"]'),
    "execute_wrapper": ("connection.execute_wrappers.append(print)", 'execute_wrappers of the connection "default"'),
    "variable": ("os.environ['SHOP_FAKE'] = '1'", 'os.environ["SHOP_FAKE"]'),
    "folder": ("os.chdir('/')", "the working folder"),
    "umask": ("os.umask(0o077)", "the umask"),
    "mask": ("signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])", "the signal mask"),
    "socket_timeout": ("socket.setdefaulttimeout(3)", "socket.setdefaulttimeout()"),
    "opener": ("urllib.request.install_opener(urllib.request.build_opener())", "urllib.request.install_opener()"),
    "language": ("translation.activate('de')", "the active language"),
    "zone": ("timezone.activate('Asia/Tokyo')", "the active time zone"),
    "urlconf": ("set_urlconf('shop.gateway')", "the URLconf of the thread"),
    "decimals": ("decimal.getcontext().prec = 3", "the decimal context"),
    "class_body": ("class Fake:\n    gateway.charge = None", "shop.gateway.charge"),
    "load_tests": ("def load_tests(loader, tests, pattern):\n    os.umask(0o077)\n    return tests", "the umask"),
    "suite": ("def suite():\n    os.umask(0o077)\n    return unittest.TestSuite()", "the umask"),
    "helper": ("from shop import fakes", "shop.gateway.charge"),
    "skips": ("os.umask(0o077)\nraise unittest.SkipTest('not today')", "the umask"),
    "constructor": (
        """
class TestMade(unittest.TestCase):
    def __init__(self, name):
        super().__init__(name)
        gateway.charge = self

    def test_it(self):
        pass
""",
        "shop.gateway.charge",
    ),
}
# What legitimate modules do as they are imported.
HARMLESS = {
    "configures_logging": "logging.basicConfig(level=10); logging.disable(logging.CRITICAL)",
    "filters_warnings": "warnings.simplefilter('ignore')",
    "sets_the_locale": "locale.setlocale(locale.LC_NUMERIC, 'C.UTF-8')",
    "recurses_deeper": "sys.setrecursionlimit(5000)",
    "finds_modules": "sys.path.append('/nowhere')",
    "shows_long_diffs": "unittest.TestCase.maxDiff = None",
    "handles_a_signal": "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "has_a_hook": "sys.excepthook = lambda *info: None",
    "configures_a_library": "gateway.key = 'a key of its own'; gateway.brand_new = True",
    "undoes_it": """
with mock.patch('shop.gateway.charge'), freeze_time('2012-01-14'), override_settings(SHOP_OPEN=True):
    import colorsys
""",
    "sets_it_as_it_was": "settings.SHOP_OPEN = False; gateway.charge = gateway.charge; os.umask(os.umask(0o077))",
    "imports_much": "import shop.lazily, colorsys, freezegun, django.test, asyncio.subprocess, xmlrpc.client",
    "imports_what_others_do": "import installed_library",
    "decorates": """
class TestThat(unittest.TestCase):
    @mock.patch('shop.gateway.charge')
    @override_settings(SHOP_OPEN=True)
    @freeze_time('2012-01-14')
    def test_it(self, _charge):
        pass
""",
}
INSTALLED = """
import os, signal, socket, sys, types
from django.conf import settings
from shop import gateway

os.environ["LIBRARY"] = "1"
os.umask(0o077)
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
socket.setdefaulttimeout(10)
settings.LIBRARY = True
gateway.wrapped = lambda: "by the library"
sys.modules["library_vendored"] = types.ModuleType("library_vendored")
"""


@pytest.fixture
def shop(project):
    """A project with an app `shop` whose probes say whether the process is as it should be."""
    project.configure("SHOP_OPEN = False\nSHOP = {'open': False, 'tills': [{'open': False}]}\n")
    project.write("shop/gateway.py", "key = None\ndef charge(): return 'charged'\ndef wrapped(): return 'mine'\n")
    project.write("shop/fakes.py", "from shop import gateway\ngateway.charge = lambda: 'faked'\n")
    project.write("shop/lazily.py", "import socket, os\nsocket.setdefaulttimeout(9)\nos.environ['LAZILY'] = '1'\n")
    return project


def test_what_an_import_leaves_is_the_error_of_its_module(shop):
    """The record says under the module's label what was left; probes of other apps run in a process without it."""
    for name, (statement, _) in CHANGES.items():
        shop.app(name, f"{HEAD}{statement}\n{PROBE}")
    shop.app(
        "shop",
        """
        import os, socket, unittest
        from django.conf import settings
        from django.utils import translation
        from shop import gateway

        class TestShop(unittest.TestCase):
            def test_is_as_it_was(self):
                self.assertEqual(gateway.charge(), "charged")
                self.assertFalse(settings.SHOP_OPEN or hasattr(settings, "SHOP_FAKE"))
                self.assertNotIn("SHOP_FAKE", os.environ)
                self.assertIsNone(socket.getdefaulttimeout())
                self.assertEqual(translation.get_language(), "en-us")
        """,
    )
    done, record = shop.record()
    assert done.code == 1
    results = {result["label"]: result for result in record["results"]}
    assert results.pop("shop.TestShop.test_is_as_it_was")["outcome"] == "passed", record
    assert {*results} == {*CHANGES}, done.err
    for name, (_, said) in CHANGES.items():
        assert results[name]["outcome"] == "error"
        assert f"importing {name}.probes changed the process" in results[name]["message"]
        assert f"none of its own ran: {said}" in results[name]["message"], results[name]["message"]


def test_what_is_no_change_runs(shop):
    """Configuration that hides nothing, what was undone again, and whatever installed packages do to themselves."""
    shop.write("venv/site-packages/installed_library.py", INSTALLED)
    shop.configure(f"import sys; sys.path.append({str(shop.path / 'venv/site-packages')!r})\n")
    for name, statement in HARMLESS.items():
        shop.app(name, f"{HEAD}{statement}\n{PROBE}")
    done, record = shop.record()
    assert done.code == 0, [result for result in record["results"] if result["outcome"] != "passed"]
    assert len(record["results"]) == len(HARMLESS) + 1  # one has two


def test_the_cause_of_a_failed_import_stays_in_front(shop):
    """A module that changed the process and could not be imported says both; its package answers for what is below."""
    shop.app("shop", {"cards.py": f"import os, unittest\n{PROBE}", "stock.py": f"{HEAD}os.umask(0o077)\n1 / 0"})
    shop.write("shop/probes/__init__.py", "")
    shop.app("other", f"{HEAD}from shop.probes import cards\n{PROBE}")
    done, record = shop.record()
    results = {result["label"]: result for result in record["results"]}
    assert done.code == 1
    assert {label: result["outcome"] for label, result in results.items()} == {
        "other.TestIt.test_it": "passed",
        "shop.cards.TestIt.test_it": "passed",
        "shop.stock": "error",
    }
    assert results["shop.stock"]["message"].startswith("shop.probes.stock could not be imported: ZeroDivisionError")
    assert "the umask" in results["shop.stock"]["message"]
    assert "importlib" not in results["shop.stock"]["details"]
    assert "1 / 0" in results["shop.stock"]["details"]
    done = shop.probe("--parallel", "0", "shop.stock")
    assert (done.code, "the umask" in done.err) == (1, True)
