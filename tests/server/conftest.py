"""Each server here starts from nothing, as it does for a user, on the newer end of the version range."""

from __future__ import annotations

import pytest

from tests import warm


@pytest.fixture
def project(project):
    """An empty project whose commands and servers start cold there; see tests/warm.py."""
    project.cold = warm.NEWER_END
    return project
