"""The probe: asks each channel layer, and skips with a reason where there is none."""

from __future__ import annotations

import unittest

from django.test import tag

from django_probe.contrib.channels import layers
from django_probe.contrib.parts import ask_each


@tag("channels")
class TestLayers(unittest.TestCase):
    """The layers of CHANNEL_LAYERS."""

    def test_each_passes_a_message_on(self) -> None:
        """Each layer passes a message on in time, over a channel of the probe's own; nothing of it stays."""
        seconds = layers.timeout()
        ask_each(
            self,
            "channel layer",
            layers.layers(),
            lambda layer: layers.passes_on(layer, seconds),
            "CHANNEL_LAYERS is not set",
        )
