"""Which labels a POST may run: any that names probes of the gate, and nothing else."""

from __future__ import annotations

import json

import pytest

from tests.history.serving import new_site, outcomes, with_token
from tests.patience import LOADED, PATIENCE
from tests.projects import migrated, python
from tests.webservers import gunicorn

PACKAGE = {
    "orders.py": """\
import unittest

from django.test import tag


class TestPay(unittest.TestCase):
    @tag("smoke")
    def test_quick(self):
        pass

    def test_long(self):
        pass


class TestÄ(unittest.TestCase):
    @tag("smoke")
    def test_ö(self):
        pass
""",
    "other.py": "import unittest\n\n\nclass TestOther(unittest.TestCase):\n    def test_it(self):\n        pass\n",
}
BROKEN = {"bad.py": "raise ImportError('no such library')\n", "good.py": PACKAGE["other.py"]}
POLICY = """\
gates:
  all: {}
  orders: {probes: [shop.orders]}
  hanging: {probes: [shop.orders]}
  smoke: {tags: [smoke]}
  stock: {probes: [stock]}
  wrong: {probes: [payments]}
"""
# gate, labels, and what is to be said of them, or nothing
LABELS = [
    ("all", "shop stock.good", ""),
    ("orders", "shop.orders.TestPay.test_long shop.TestPay shop.TestPay.test_quick shop.orders.TestÄ.test_ö", ""),
    ("orders", "shop", "labels: shop is more than the gate orders: it has shop.orders"),
    ("orders", "shop.orders shop.TestOther", "labels: shop.TestOther selects nothing in the gate orders"),
    (
        "orders",
        "shop.TestPay.test_qui",
        'labels: shop.TestPay.test_qui selects nothing in the gate orders; did you mean "shop.orders',
    ),
    ("smoke", "shop.TestPay", ""),
    (
        "smoke",
        "shop.TestPay.test_long",
        "test_long selects nothing in the gate smoke, whose tags may leave it out",
    ),
    ("stock", "stock", ""),
    ("stock", "stock.bad", ""),  # it does not load now, and that is what is to be seen again
    ("wrong", "shop", "probe.yaml: gates.wrong.probes: "),
    ("all", "auth", "labels: auth selects nothing in the gate all"),
    ("all", "django_probe", "labels: "),
    ("all", "shop.", "labels: 'shop.' is not a label"),
    ("all", "shop..TestPay", "labels: 'shop..TestPay' is not a label"),
    ("all", "-v", "labels: '-v' is not a label"),
    ("all", "@file", "labels: '@file' is not a label"),
    ("all", "shop[1]", "labels: 'shop[1]' is not a label"),
    ("all", " ".join(f"a{number}" for number in range(2001)), "2001 labels are too many; run the whole gate"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site with packages of probes, a module that does not load, and gates of some of it."""
    made = new_site(tmp_path_factory.mktemp("within"), policy=POLICY, probes=None)
    made.app("shop", PACKAGE)
    made.app("stock", BROKEN)
    return made


def test_labels__are_the_gates_own_or_refused(site):
    """In full or short, of a package, in any alphabet; what the gate's labels or tags leave out is left out."""
    code = f"""
    import json
    from concurrent.futures import ThreadPoolExecutor
    from django_probe import conf
    from django_probe.history.triggers import narrowing
    from django_probe.history.triggers.launcher import LaunchError
    def say(asked):
        try:
            return str(narrowing.choose(conf.policy().gate(asked[0]), asked[1].split()).labels)
        except (narrowing.LabelsError, LaunchError) as error:
            return str(error)
    with ThreadPoolExecutor(4) as pool:
        print(json.dumps(list(pool.map(say, {LABELS!r}))))
    """
    done = python(site, code)
    assert done.code == 0, done.err
    for (gate, labels, expected), said in zip(LABELS, json.loads(done.out), strict=True):
        assert (expected in said) if expected else said.startswith("('"), (gate, labels[:80], said)
        assert "\n" not in said


def test_loading__that_takes_too_long_is_ended(site):
    """The request has an answer before its server gives it up, and the processes that were asked are gone."""
    slow = site.write("shop/probes/slow.py", "import time\n\ntime.sleep(60)\n")
    code = f"""
    import os, time
    from contextlib import suppress
    from pathlib import Path
    from django_probe import conf
    from django_probe.history.triggers import narrowing
    from django_probe.history.triggers.launcher import LaunchError
    def others():
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended, or only waits to be reaped
                if (process / "cwd").readlink() == Path.cwd() and int(process.name) != os.getpid():
                    yield process.name
    narrowing._SECONDS = 2.0
    began = time.monotonic()
    try:
        narrowing.choose(conf.policy().gate("hanging"), ["shop.orders"])
    except LaunchError as error:
        print(error)
    print(time.monotonic() - began < 2.0 + {LOADED})
    until = time.monotonic() + {PATIENCE}
    while any(others()) and time.monotonic() < until:
        time.sleep(0.1)
    print(any(others()))
    """
    done = python(site, code)
    slow.unlink()
    assert done.out.splitlines() == ["the probes were not loaded within 2s", "True", "False"], done.out + done.err


def test_module__that_does_not_load_can_be_asked_for_again(site):
    """A POST of it runs it, and says what is wrong: its fault is not that the label is unknown."""
    migrated(site)
    with gunicorn(site) as server:
        caller = with_token(server)
        record = caller.ended(caller.post("gates/stock/", labels="stock.bad"))
        assert outcomes(record) == {"stock.bad": "error"}
        assert (record["passed"], record["narrowed"]) == (False, True)
