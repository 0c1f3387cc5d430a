"""What a probe leaves changed in its process does not make another pass, whichever worker that one runs in."""

from __future__ import annotations

import pytest

from tests.execution.running import outcomes

LEFT = {
    "setup_test_environment": "from django.test.utils import setup_test_environment; setup_test_environment()",
    "setting": "settings.SHOP_OPEN = True",
    "setting_in_place": "settings.SHOP['open'] = True",
    "setting_deep": "settings.SHOP['tills'][0]['open'] = True",
    "setting_ordered": "settings.SHOP['prices']['tea'] = 0",
    "setting_deleted": "del settings.SHOP_NAME",
    "override": "override_settings(SHOP_OPEN=True).enable()",
    "mock": "mock.patch('shop.gateway.charge', lambda: 'faked').start()",
    "mock_dict": "mock.patch.dict(os.environ, {'X': '1'}).start()",
    "function": "gateway.charge = lambda: 'faked'",
    "function_of_python": "socket.getaddrinfo = lambda *args, **kwargs: []",
    "function_deleted": "del gateway.charge",
    "builtin": "builtins.print = lambda *args: None",
    "clock": "freeze_time('2012-01-14').start()",
    "clock_by_hand": "time.time = lambda: 0.0",
    "method": "http.client.HTTPConnection.request = lambda *args: None",
    "method_of_our_client": "Client.get = lambda *args: None",
    "assertion": "unittest.TestCase.assertEqual = lambda *args: None",
    "module": "sys.modules['shop.gateway'] = types.ModuleType('shop.gateway')",
    "module_of_python": "sys.modules['smtplib'] = mock.Mock()",
    "module_fake": "sys.modules['requests'] = mock.Mock()",
    "module_fake_by_hand": "sys.modules['requests'] = types.ModuleType('requests')",
    "module_none": "sys.modules['sqlite3.dump'] = None",
    "execute_wrapper": "connection.execute_wrappers.append(print)",
    "debug_cursor": "connection.force_debug_cursor = True",
    "receiver": "pre_init.connect(print, weak=False)",
    "receivers_replaced": "pre_init.receivers = [*pre_init.receivers, None]",
    "module_removed": "del sys.modules['shop.gateway']",
    "reload": "importlib.reload(gateway)",
    "environment": "os.environ['X'] = '1'",
    "folder": "os.chdir('/')",
    "umask": "os.umask(0o077)",
    "mask": "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])",
    "handler": "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "socket_timeout": "socket.setdefaulttimeout(3)",
    "warnings": "warnings.simplefilter('ignore')",
    "path": "sys.path.insert(0, '/nowhere')",
    "hook": "sys.excepthook = print",
    "interpreter": "sys.platform = 'win32'",
    "filter": "logging.root.addFilter(print)",
    "handlers_replaced": "logging.root.handlers = [*logging.root.handlers, logging.NullHandler()]",
    "logging": "logging.disable(logging.CRITICAL)",
    "locale": "locale.setlocale(locale.LC_NUMERIC, 'C.UTF-8')",
    "recursion": "sys.setrecursionlimit(5000)",
    "filters_of_an_own_module": "import shop.warning",
    "thread_that_changes": "threading.Timer(0.0015, os.environ.update, kwargs={'X': '1'}).start()",
    "thread": "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
}
PUT_BACK = {
    "translation": "translation.activate('de')",
    "zone": "timezone.activate('Asia/Tokyo')",
    "urlconf": "set_urlconf('shop.gateway')",
    "script_prefix": "set_script_prefix('/elsewhere/')",
    "process_zone": "os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()",
    "opener": "urllib.request.install_opener(urllib.request.build_opener())",
    "url_opened": "urllib.request.urlopen('data:,x').close()",
    "context": "SEEN.set(True)",
    "decimals": "decimal.getcontext().prec = 3",
    "patched_and_undone": "with_patches()",
    "override_undone": "override_and_undo()",
    "imported": "import shop.lazily, colorsys",
    "imported_filters": "assert 'urllib3' not in sys.modules; import urllib3",
    "imported_cython": "import shop.cython",
    "queried": "connection.cursor().execute('SELECT 1')",
    "warned": "warnings.warn('a'); self.assertWarns(UserWarning, warnings.warn, 'b')",
    "thread_that_ends": "start_what_ends_in_the_moment_that_it_gets()",
    "setting_read": "settings.SHOP_OPEN, settings.LANGUAGES",
}
HEAD = """
import builtins, contextvars, decimal, http.client, importlib, locale, logging, os, signal, socket, sys, threading
import time, types, unittest, urllib.request, warnings
from unittest import mock
from django.conf import settings
from django.db import connection
from django.db.models.signals import pre_init
from django.test.utils import override_settings
from django.urls import set_script_prefix, set_urlconf, get_script_prefix, get_urlconf
from django.utils import timezone, translation
from django_probe.client import Client
from django_probe.process.originals import Original
from freezegun import freeze_time
from shop import gateway

SEEN = contextvars.ContextVar("seen", default=False)
PIDS = []

def with_patches():
    with mock.patch("shop.gateway.charge"), mock.patch("time.time"), freeze_time("2012-01-14"), \\
            mock.patch.object(settings, "SHOP_OPEN", True), \\
            mock.patch.dict(sys.modules, {"shop.gateway": None}), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gateway.fee = 2
        gateway.fee = gateway.FEE

def start_what_ends_in_the_moment_that_it_gets():
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()

    def sleep(seconds):
        ended.set()
        thread.join()

    Original.sleep = sleep

def override_and_undo():
    with override_settings(SHOP_OPEN=True, TIME_ZONE="Asia/Tokyo", LANGUAGE_CODE="de"):
        settings.SHOP_OPEN
"""


def project_with(project, actions):
    """Write, for each action, a probe that does it and one that runs next."""
    project.configure("DATABASES['default']['NAME'] = ':memory:'\n")
    project.configure("SHOP_OPEN = False\nSHOP_NAME = 'shop'\nSHOP = {'open': False, 'tills': [{'open': False}]}\n")
    project.configure("import collections\nSHOP['prices'] = collections.OrderedDict(tea=3)\n")
    methods = "".join(
        f"""
class Test_{name}(unittest.TestCase):
    def test_{number:02}_{name}(self):
        print(os.getpid())
        {action}

    def test_{number:02}_{name}_next(self):
        print(os.getpid())
        PIDS.append(os.getpid())
"""
        for number, (name, action) in enumerate(actions.items())
    )
    project.app("shop", HEAD + methods)
    project.write("shop/gateway.py", GATEWAY)
    project.write("shop/lazily.py", "")
    project.write("shop/warning.py", WARNING)
    project.write("shop/cython.py", CYTHON)


GATEWAY = """
from django.db.backends.signals import connection_created

FEE = fee = 1

def charge():
    return "charged"

def tag(execute, *rest):
    return execute(*rest)

def tags(connection, **_):
    if tag not in connection.execute_wrappers:
        connection.execute_wrappers.append(tag)

connection_created.connect(tags)
"""
WARNING = """
import warnings
class Deprecated(Warning): ...
warnings.simplefilter("ignore", Deprecated)
warnings.simplefilter("always", Deprecated, append=True)
"""
CYTHON = """
import sys, types
sys.modules["_cython_3_1_0"] = types.ModuleType("_cython_3_1_0")
"""
WHERE = """
import atexit, os, unittest
from pathlib import Path

def _wrap(name, method):
    def test(self):
        with Path("pids").open("a") as file:
            file.write(f"{name} {os.getpid()}\\n")
        method(self)
    return test

for _class in [value for value in list(globals().values()) if isinstance(value, type)]:
    if issubclass(_class, unittest.TestCase):
        for _name in [name for name in vars(_class) if name.startswith("test_")]:
            setattr(_class, _name, _wrap(_name, getattr(_class, _name)))
"""


def ran(project):
    """Return the name of each probe's method and the process in which it ran, in the order in which they began."""
    return [tuple(line.split()) for line in (project.path / "pids").read_text().splitlines()]


def run(project, actions):
    """Return of each action whether another probe ran in the same process after it.

    What a worker that leaves gives back may run after what stood behind it, so the order is not that of the names.
    """
    project_with(project, actions)
    probes = project.path / "shop" / "probes.py"
    probes.write_text(probes.read_text() + WHERE)
    done, record = project.record()
    assert done.code == 0, [result for result in record["results"] if result["outcome"] != "passed"]
    began = ran(project)
    processes = [process for _, process in began]
    after = {name: process in processes[place + 1 :] for place, (name, process) in enumerate(began)}
    return {name: after[f"test_{number:02}_{name}"] for number, name in enumerate(actions)}


def test_a_worker_whose_process_was_changed_leaves(project):
    """Whatever it was: settings, patches of every kind, modules, and the process's own state."""
    stayed = run(project, LEFT)
    assert [name for name, same in stayed.items() if same] == [], ran(project)


def test_what_is_undone_or_put_back_costs_no_worker(project):
    """Language, time zone and URLconf of the thread, what was undone again, and modules that were only added."""
    stayed = run(project, PUT_BACK)
    assert [name for name, same in stayed.items() if not same] == []


def test_what_is_put_back_is_not_there_for_the_next_probe(project):
    """In one worker: the context of a probe ends with it."""
    project.app(
        "shop",
        HEAD.replace("from shop import gateway", "")
        + """
HOME = timezone.get_current_timezone_name(), time.tzname

class TestContext(unittest.TestCase):
    def test_a(self):
        translation.activate("de")
        timezone.activate("Asia/Tokyo")
        set_urlconf("nowhere")
        set_script_prefix("/elsewhere/")
        os.environ["TZ"] = "Asia/Tokyo"
        time.tzset()
        SEEN.set(True)
        decimal.getcontext().prec = 3
        urllib.request.install_opener(urllib.request.build_opener())

    def test_b(self):
        self.assertEqual(translation.get_language(), "en-us")
        self.assertEqual((timezone.get_current_timezone_name(), time.tzname), HOME)
        self.assertEqual(get_urlconf(), None)
        self.assertEqual(get_script_prefix(), "/")
        self.assertFalse(SEEN.get())
        self.assertEqual(decimal.getcontext().prec, 28)
        self.assertIsNone(urllib.request._opener)
""",
    )
    done, record = project.record()
    assert done.code == 0, record


def test_a_module_that_came_late_and_was_replaced(project):
    """It counts as one that was there from the start."""
    project.app(
        "shop",
        HEAD.replace("from shop import gateway", "")
        + """
class TestLate(unittest.TestCase):
    def test_a(self):
        import shop.lazily

    def test_b(self):
        import shop.lazily
        sys.modules["shop.lazily"] = types.ModuleType("shop.lazily")
        self.assertIs(sys.modules["shop.lazily"].__spec__, None)

    def test_c(self):
        from importlib import import_module
        self.assertIsNot(import_module("shop.lazily").__spec__, None)
""",
    )
    project.write("shop/lazily.py", "")
    done, record = project.record()
    assert done.code == 0, record


EQUAL = {
    "path": ("sys.path = [*sys.path]", "sys.path.insert(0, '/nowhere')"),
    "setting": ("settings.SHOP = {**settings.SHOP}", "settings.SHOP['open'] = True"),
    "deep": ("settings.SHOP['tills'] = [*settings.SHOP['tills']]", "settings.SHOP['tills'].clear()"),
    "beside_an_import": ("import colorsys; sys.meta_path = [*sys.meta_path]", "sys.meta_path.reverse()"),
    "deeper": ("settings.SHOP['tills'][0] = {'open': False}", "settings.SHOP['tills'][0]['open'] = True"),
}


def test_what_is_changed_in_place_counts_also_in_what_took_the_place_of_an_equal_value(project):
    """An equal value is no change, and from then on the one that is looked at."""
    project.configure("SHOP = {'open': False, 'tills': [{'open': False}]}\n")
    classes = [
        f"class Test_{name}(unittest.TestCase):\n"
        f"    def test_{name}_1(self): {replace}\n"
        f"    def test_{name}_2(self): {change}\n"
        f"    def test_{name}_3(self): pass\n"
        for name, (replace, change) in EQUAL.items()
    ]
    project.app("shop", HEAD.replace("from shop import gateway", "") + "\n".join(classes) + WHERE)
    done, record = project.record()
    assert done.code == 0, record
    process = dict(ran(project))
    assert [name for name in EQUAL if process[f"test_{name}_1"] != process[f"test_{name}_2"]] == []
    assert [name for name in EQUAL if process[f"test_{name}_2"] == process[f"test_{name}_3"]] == []


def test_a_class_that_came_late_and_was_patched(project):
    """Its methods count like those of one that was there from the start."""
    project.app(
        "shop",
        """
import unittest

class TestLate(unittest.TestCase):
    def test_a(self):
        import smtplib

    def test_b(self):
        import smtplib
        smtplib.SMTP.sendmail = print

    def test_c(self):
        import smtplib
        self.assertIsNot(smtplib.SMTP.sendmail, print)
""",
    )
    done, record = project.record()
    assert done.code == 0, record


CASE = """
import unittest
from django.test import Client
from django.test.utils import setup_test_environment

class TestA(unittest.TestCase):
    def test_a(self):
        setup_test_environment()

class TestB(unittest.TestCase):
    def test_home(self):
        self.assertEqual(Client().get("/").status_code, 404)
"""


@pytest.mark.parametrize("arguments", [(), ("--parallel", "2"), ("shop.TestB",), ("--isolation", "process")])
def test_a_probe_says_the_same_alone_beside_others_and_after_others(project, arguments):
    """Without the test environment the host is refused: with what another probe set up it would not be."""
    project.app("shop", CASE)
    project.configure("ALLOWED_HOSTS = ['shop.example']\nMIDDLEWARE = ['django.middleware.common.CommonMiddleware']\n")
    done, record = project.record(*arguments)
    assert done.code == 1
    assert outcomes(record)["test_home"] == "failed"


SHARED = """
import os, unittest
from pathlib import Path
from unittest import mock
from django.conf import settings

def note(name):
    with Path("pids").open("a") as file:
        file.write(f"{name} {os.getpid()}\\n")

class TestPatched(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        note("setup")
        cls.patch = mock.patch("os.getlogin", return_value="probe")
        cls.patch.start()
        os.environ["SHARED"] = "1"

    @classmethod
    def tearDownClass(cls):
        del os.environ["SHARED"]
        cls.patch.stop()

    def test_a(self):
        note("a")
        self.assertEqual(os.getlogin(), "probe")

    def test_b(self):
        note("b")
        settings.SHOP_OPEN = True

    def test_c(self):
        note("c")
        self.assertFalse(hasattr(settings, "SHOP_OPEN"))
        self.assertEqual(os.getlogin(), "probe")

class TestZ(unittest.TestCase):
    def test_z(self):
        note("z")
"""


def test_what_class_fixtures_make_is_for_their_probes_and_what_a_probe_leaves_is_not(project):
    """A class keeps its worker while its own patches are on; the probe after one that changed a setting has another."""
    project.app("shop", SHARED)
    done, record = project.record()
    assert done.code == 0, record
    processes = dict(ran(project))
    assert processes["a"] == processes["b"]
    assert processes["c"] != processes["b"], "where it runs, setUpClass ran again"
    assert processes["z"] == processes["c"], "what setUpClass made is undone"
