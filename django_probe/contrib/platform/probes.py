"""The probes: each asks one part of the platform, and skips with a reason where it is not configured."""

from __future__ import annotations

import unittest

from django.core import checks
from django.core.checks.registry import registry
from django.db import connections
from django.test import tag

from django_probe import probe
from django_probe.contrib.parts import ask_each
from django_probe.contrib.platform import caches, databases, mail, migrations, storages

# The tag of django_probe's own checks, which would load the probes that are being run.
_OWN_CHECKS = "probes"


@tag("platform", "database")
class TestDatabases(unittest.TestCase):
    """The databases of DATABASES."""

    def test_each_answers(self) -> None:
        """Each database answers a query."""
        ask_each(self, "database", connections, databases.answer, "DATABASES is empty")


@tag("platform", "migrations")
class TestMigrations(unittest.TestCase):
    """The migrations of the installed apps."""

    def test_none_is_unapplied(self) -> None:
        """Each database has all migrations of the code that runs here, and no others."""
        ask_each(self, "database", connections, migrations.is_migrated, "DATABASES is empty")

    @probe(warn_only=True)
    def test_models_have_no_changes(self) -> None:
        """`manage.py makemigrations` would write nothing."""
        if reason := migrations.have_models():
            self.skipTest(reason)


@tag("platform", "cache")
class TestCaches(unittest.TestCase):
    """The caches of CACHES."""

    def test_each_keeps_a_value(self) -> None:
        """Each cache keeps a value and gives it back."""
        ask_each(self, "cache", caches.aliases(), caches.keep_a_value, "CACHES is not set")


@tag("platform", "storage")
class TestStorage(unittest.TestCase):
    """The default storage of STORAGES."""

    def test_default_answers(self) -> None:
        """The default storage answers whether it has a file."""
        if reason := storages.answer():
            self.skipTest(reason)


@tag("platform", "mail")
class TestMail(unittest.TestCase):
    """The mail servers of MAILERS, or of EMAIL_HOST."""

    def test_each_server_accepts_a_connection(self) -> None:
        """Each mail server accepts a connection; nothing is sent."""
        mailers = mail.mailers()
        ask_each(
            self,
            "mailer",
            mailers,
            lambda alias: mail.accept(alias, mailers[alias]),
            "no mail server is configured: neither MAILERS nor EMAIL_HOST or EMAIL_BACKEND is set",
        )


@tag("platform", "checks")
class TestChecks(unittest.TestCase):
    """Django's system checks, and those of the installed apps."""

    @probe(warn_only=True)
    def test_deploy_finds_no_error(self) -> None:
        """`manage.py check --deploy` finds no error."""
        found = [
            message
            for check in registry.get_checks(include_deployment_checks=True)
            if _OWN_CHECKS not in check.tags
            for message in check(app_configs=None, databases=None)
            if message.is_serious(checks.ERROR) and not message.is_silenced()
        ]
        if found:
            listed = "\n".join(str(message) for message in found)
            self.fail(f'"manage.py check --deploy" finds {len(found)} of level ERROR: {listed}')
