"""The probe of `gate.fault: hang`."""

import time
import unittest

from django_probe import probe


class TestRehearsal(unittest.TestCase):
    """What a release looks like whose gate does not come to an end."""

    @probe(timeout="24h")
    def test_hangs_on_purpose(self) -> None:
        """Sleep, as gate.fault asks, until the deadline of the run comes: before its own timeout."""
        time.sleep(24 * 60 * 60)
