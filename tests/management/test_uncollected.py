"""What keeps the garbage collector still: it has to leave it as it was, for a command may be called in a server."""

import contextlib
import gc

import pytest

from django_probe.management.uncollected import uncollected


@pytest.mark.parametrize("was_enabled", [True, False])
def test_uncollected__leaves_the_collector_as_it_was(was_enabled):
    """After the block, and after one that raised, garbage is collected where it was before."""
    before = gc.isenabled()
    try:
        (gc.enable if was_enabled else gc.disable)()
        with contextlib.suppress(ValueError), uncollected():
            within = gc.isenabled()
            raise ValueError
        assert not within
        assert gc.isenabled() is was_enabled
    finally:
        (gc.enable if before else gc.disable)()
