"""The probe: asks the storage of static files, and skips with a reason where there is nothing to ask."""

from __future__ import annotations

import unittest

from django.test import tag

from django_probe.contrib.staticfiles import storage


@tag("staticfiles")
class TestStaticFiles(unittest.TestCase):
    """The storage `staticfiles` of STORAGES."""

    def test_collected_files_are_there(self) -> None:
        """What `collectstatic` was to make is there, and is what its name says; nothing is written."""
        if reason := storage.is_whole():
            self.skipTest(reason)
