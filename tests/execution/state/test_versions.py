"""What tells that a dict did not change: it must never say so of one that did."""

import sys

import pytest

from django_probe.execution.state.versions import version_of

pytestmark = pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python keeps no such number")


@pytest.mark.parametrize(
    "change",
    [
        lambda modules: modules.update(fake=1),
        lambda modules: modules.__setitem__("json", object()),
        lambda modules: modules.pop("json"),
        lambda modules: modules.__delitem__("json"),
        lambda modules: modules.popitem(),
        lambda modules: modules.setdefault("fake", 1),
        lambda modules: modules.__ior__({"json": 1}),
        lambda modules: modules.clear(),
    ],
)
def test_version_of__each_change_is_another_one(change):
    """Whatever a probe does to `sys.modules` shows."""
    modules = dict(sys.modules)
    version = version_of(modules)
    before = version.value

    change(modules)

    assert version.value != before


def test_version_of__reading_changes_nothing():
    """What only looks is no change, or the look would pay for every probe that imports what is there."""
    version = version_of(sys.modules)
    before = version.value

    assert sys.modules.get("json") is sys.modules["json"]
    assert "json" in sys.modules
    assert [*sys.modules.values()]
    assert sys.modules.copy()

    assert version.value == before
