"""A cluster for each test. The whole program runs once, on the newer end of the version range: Helm is no Python's."""

from __future__ import annotations

import sys

import pytest

from tests.rollout.world import World, made

collect_ignore = ["test_ci.py", "test_main.py"] if sys.version_info < (3, 13) else []


@pytest.fixture
def world(tmp_path) -> World:
    """A cluster in which the release `shop` is at revision 11."""
    return made(tmp_path)
