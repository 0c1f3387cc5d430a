"""What tells that a dict did not change: it must never say so of one that did."""

import gc
import sys
from types import SimpleNamespace

import pytest

from django_probe.execution.state.versions import BESIDE, numbers_of

pytestmark = pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python keeps no such numbers")


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
def test_numbers_of__each_change_is_another_one(change):
    """Whatever a probe does to `sys.modules` shows."""
    modules = dict(sys.modules)
    number = numbers_of(modules)
    before = number()

    change(modules)

    assert number() != before


def test_numbers_of__reading_changes_nothing():
    """What only looks is no change, or the look would pay for every probe that imports what is there."""
    number = numbers_of(sys.modules)
    before = number()

    assert sys.modules.get("json") is sys.modules["json"]
    assert "json" in sys.modules
    assert [*sys.modules.values()]
    assert sys.modules.copy()

    assert number() == before


@pytest.mark.parametrize(
    "kind", [SimpleNamespace, type("Kind", (), {}), type("Slotted", (), {"__slots__": "__dict__"})]
)
@pytest.mark.parametrize("set_x", [lambda one, value: setattr(one, "x10", value), None])
def test_numbers_of__setting_an_attribute_is_another_one_even_where_python_hurries(kind, set_x):
    """Code that ran often sets attributes by a shorter way; settings have many more than an instance keeps aside."""

    def set_plainly(one, value):
        one.x10 = value

    one = kind()
    for index in range(BESIDE + 1):
        setattr(one, f"x{index}", index)
    number = numbers_of(vars(one))
    seen = {number()}

    for _ in range(1000):
        (set_x or set_plainly)(one, object())
        seen.add(number())

    assert len(seen) == 1 + 1000


def test_numbers_of__replacing_a_method_of_a_class_is_another_one():
    """What stands in a class is seen through the dict behind it."""
    cls = type("Kind", (), {"method": len})
    number = numbers_of(gc.get_referents(vars(cls))[0])
    seen = {number()}

    for _ in range(100):
        cls.method = object()
        seen.add(number())
    del cls.method
    seen.add(number())

    assert len(seen) == 1 + 100 + 1


def test_numbers_of__of_several_dicts_each_one_counts():
    """One look is for all of them: a change of any is another number."""
    dicts = [{"a": 1}, {}, {"b": {}}]
    number = numbers_of(*dicts)
    seen = {number()}

    for index, changed in enumerate(dicts):
        changed["new"] = index
        seen.add(number())

    assert len(seen) == 1 + len(dicts)
    assert number() in seen
