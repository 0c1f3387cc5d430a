"""Several listeners as one: they are made once there is something to hear, and hear in their order."""

from __future__ import annotations

from django_probe.execution.listener import Listeners


class Listening:
    """Notes what it hears."""

    def __init__(self, name, heard, *, live=False):
        self.name = name
        self.heard = heard
        self.live = live

    def __getattr__(self, what):
        return lambda *said: self.heard.append((self.name, what, *said))


def test_listeners_are_made_once_and_not_before_there_is_something_to_hear():
    """What they import does not keep the loader from its start."""
    made, heard = [], []

    def make():
        made.append(True)
        return [Listening("a", heard), Listening("b", heard, live=True)]

    listeners = Listeners(make)
    assert made == []
    listeners.warned("odd")
    assert listeners.live
    listeners.tick(1, 2, [])
    listeners.flush()
    assert made == [True]
    assert heard == [
        ("a", "warned", "odd"),
        ("b", "warned", "odd"),
        ("b", "tick", 1, 2, []),
        ("a", "flush"),
        ("b", "flush"),
    ]
