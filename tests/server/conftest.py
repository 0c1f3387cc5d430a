"""Each server here starts from nothing, as it does for a user."""

from __future__ import annotations

import pytest


@pytest.fixture
def project(project):
    """An empty project whose commands and servers start cold; see tests/warm.py."""
    project.cold = True
    return project
