"""A cluster for each test."""

from __future__ import annotations

import pytest

from tests.rollout.world import World, made


@pytest.fixture
def world(tmp_path) -> World:
    """A cluster in which the release `shop` is at revision 11."""
    return made(tmp_path)
