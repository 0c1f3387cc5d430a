"""What a probe logs is beside its problem, whatever LOGGING says, and nobody gets a mail of it."""

from __future__ import annotations

from tests.execution.running import by_label

SETTINGS = """\
DEBUG = False
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ALLOWED_HOSTS = ["shop.example"]
SECRET_TOKEN = "a-very-secret-token"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": True,
    "handlers": {"mail": {"class": "mailing.Mailing"}, "out": {"class": "logging.StreamHandler"}},
    "loggers": {
        "django": {"level": "CRITICAL", "propagate": False},
        "quiet": {"handlers": ["out"], "level": "CRITICAL", "propagate": False},
        "loud": {"handlers": ["mail", "out"], "propagate": False},
    },
}
"""

MAILING = """\
from pathlib import Path

from django.utils.log import AdminEmailHandler


class Mailing(AdminEmailHandler):
    def send_mail(self, *arguments, **options):
        Path("mailed").touch()
"""

PROBES = """\
import logging
import logging.config
import logging.handlers
import queue
import threading
import unittest

from django.test import Client


class Broken:
    def __str__(self):
        raise RuntimeError("no text")


class TestLogs(unittest.TestCase):
    def test_wrong_host(self):
        self.assertEqual(Client(SERVER_NAME="new.example").get("/").status_code, 200)

    def test_levels(self):
        logging.getLogger("loud").error("loud, with a-very-secret-token")
        logging.getLogger("quiet").warning("quiet")
        logging.getLogger("quiet").info("not kept")
        logging.disable(logging.CRITICAL)
        logging.getLogger("other").warning("disabled")
        logging.disable(logging.NOTSET)
        thread = threading.Thread(target=logging.getLogger("thread").warning, args=["from a thread"])
        thread.start()
        thread.join()
        logging.getLogger("queue").addHandler(logging.handlers.QueueHandler(queue.Queue()))
        logging.getLogger("queue").warning("into a queue")
        logging.getLogger("broken").warning("%s", Broken())
        try:
            {}["prices"]
        except KeyError:
            logging.getLogger("swallowed").exception("no prices")
        self.fail("levels")

    def test_many(self):
        for number in range(1000):
            logging.getLogger("many").warning("number %d %s", number, "x" * 9000)
        self.fail("many")

    def test_passes(self):
        with self.assertNoLogs("quiet", "WARNING"):
            logging.getLogger("other").warning("of a probe that passed")
        with self.assertLogs("quiet", "WARNING") as kept:
            logging.getLogger("quiet").warning("heard")
        self.assertEqual(kept.records[0].funcName, "test_passes")
"""


def test_records_are_kept_from_warning_up_whatever_logging_makes_of_them(project):
    """Of levels, of disabled loggers, of those that do not propagate, of threads; redacted, and no endless text."""
    project.configure(SETTINGS)
    project.write("mailing.py", MAILING)
    project.app("shop", PROBES)
    done, record = project.record("--parallel", "2")
    ended = by_label(record)

    assert "Invalid HTTP_HOST header: 'new.example'" in ended["test_wrong_host"]["logs"]
    assert "Invalid HTTP_HOST header: 'new.example'" in done.err, "beside `400 != 200`"
    logs = ended["test_levels"]["logs"]
    for said in ("ERROR loud: loud, with", "WARNING quiet: quiet", "disabled", "from a thread", "into a queue"):
        assert said in logs, said
    assert "WARNING broken: (it could not be read: RuntimeError)" in logs
    assert "ERROR swallowed: no prices\nTraceback" in logs
    assert "KeyError: 'prices'" in logs
    assert "not kept" not in logs
    assert "a-very-secret-token" not in logs + done.err
    assert "quiet" not in ended["test_levels"]["output"], "what LOGGING would not let through goes nowhere else"
    assert "loud, with" in ended["test_levels"]["output"]
    assert len(ended["test_many"]["logs"]) < 70_000
    assert ended["test_many"]["logs"].endswith("[... 900 more were left out ...]")
    assert (ended["test_passes"]["outcome"], ended["test_passes"]["logs"]) == ("passed", "")
    assert not (project.path / "mailed").exists(), "an AdminEmailHandler is held back"


def test_level_from_which_records_are_kept_is_a_setting(project):
    """PROBE_LOG_LEVEL is the name or the number of a level; any other is refused before anything runs."""
    project.app(
        "shop",
        """
        import logging
        import unittest

        class TestLogs(unittest.TestCase):
            def test_levels(self):
                for level in ("debug", "info", "error"):
                    getattr(logging.getLogger("shop"), level)("said as %s", level)
                self.fail()
        """,
    )
    project.configure('PROBE_LOG_LEVEL = "info"\n')
    assert by_label(project.record()[1])["test_levels"]["logs"] == "INFO shop: said as info\nERROR shop: said as error"
    project.configure("PROBE_LOG_LEVEL = 50\n")
    assert by_label(project.record()[1])["test_levels"]["logs"] == ""
    project.configure('PROBE_LOG_LEVEL = "loud"\n')
    done = project.probe()
    said = 'CommandError: PROBE_LOG_LEVEL: expected a level such as "INFO" or "WARNING", got \'loud\'\n'
    assert (done.code, done.err) == (2, said)


WARNING = """\
import unittest
import warnings

class TestWarnings(unittest.TestCase):
    def test_deprecated(self):
        warnings.warn("prices() goes, see a-very-secret-token", DeprecationWarning, stacklevel=1)
        open(__file__)
        with warnings.catch_warnings(record=True):
            warnings.warn("heard")
        with self.assertWarns(UserWarning):
            warnings.warn("awaited")

    def test_skips(self):
        warnings.warn("of one that skips")
        self.skipTest("no shop")

    def test_filtered(self):
        with self.assertRaises(FutureWarning):
            warnings.warn("the project makes errors of these", FutureWarning)
"""


def test_warnings_of_a_probe_that_passes_are_kept_and_shown_at_verbosity_2(project):
    """Deprecations and what was left open too, which Python hides; not what the probe itself awaits or records."""
    project.configure('import warnings\nwarnings.simplefilter("error", FutureWarning)\n' + SETTINGS)
    project.write("mailing.py", MAILING)
    project.app("shop", WARNING)
    done, record = project.record("-v", "2")

    logs = {name: result["logs"] for name, result in by_label(record).items()}
    path = project.path / "shop" / "probes.py"
    deprecated, opened = logs["test_deprecated"].splitlines()
    assert deprecated == f"DeprecationWarning: prices() goes, see {'*' * 20} ({path}:6)"
    assert opened.startswith("ResourceWarning: unclosed file")
    assert logs["test_skips"] == f"UserWarning: of one that skips ({path}:14)"
    assert logs["test_filtered"] == ""
    assert f"warned of by shop.TestWarnings.test_deprecated:\n{deprecated}\n{opened}\n" in done.err
    assert record["passed"]
    assert "warned of" not in project.probe().err
