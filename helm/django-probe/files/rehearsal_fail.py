"""The probe of `gate.fault: fail`."""

import unittest


class TestRehearsal(unittest.TestCase):
    """What a release looks like whose gate closes."""

    def test_fails_on_purpose(self) -> None:
        """Fail, as gate.fault asks."""
        self.fail("gate.fault is fail: this is a rehearsal; set it to none")
