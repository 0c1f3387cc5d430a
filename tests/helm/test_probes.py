"""The inline probes of the revision before stay, where Helm can look them up: in the cluster of `api.py`."""

from __future__ import annotations

import pytest

from tests.helm import api
from tests.helm.charts import Rendered, render

OLD = {
    "shop-django-probe-probes": {"name": "shop-django-probe-probes-0ld"},
    "shop-django-probe-probes-0ld": {"a.py": "é\n"},
}


@pytest.fixture(scope="module")
def cluster():
    """A cluster in which the revision before had inline probes."""
    with api.cluster() as served:
        served.data = OLD
        yield served


def maps(rendered: Rendered) -> dict[str, dict]:
    """Return the data of the ConfigMaps of probes, by what follows the beginning of their names."""
    begin = "shop-django-probe-probes"
    found = [each for each in rendered.objects if each["metadata"]["name"].startswith(begin)]
    assert all(each["kind"] == "ConfigMap" for each in found)
    return {each["metadata"]["name"].removeprefix(begin): each["data"] for each in found}


def test_probes_of_the_revision_before__stay(cluster, version):
    """Beside the new ones, as they were; and the pointer has the name of the new ones for the next revision."""
    rendered = render({"probes": {"b.py": "x"}}, *cluster.flags, version=version)
    found = maps(rendered)
    (new,) = [name for name, data in found.items() if data == {"b.py": "x"}]
    assert found == {"": {"name": f"shop-django-probe-probes{new}"}, "-0ld": {"a.py": "é\n"}, new: {"b.py": "x"}}
    assert rendered.kind("ConfigMap", "-0ld")["immutable"] is True


def test_probes_that_are_taken_out__stay_for_one_revision(cluster):
    """The pointer then names nothing, so that the revision after this one keeps nothing."""
    assert maps(render({}, *cluster.flags)) == {"": {"name": ""}, "-0ld": {"a.py": "é\n"}}
    with api.cluster() as served:
        served.data = {"shop-django-probe-probes": {"name": ""}}
        assert maps(render({}, *served.flags)) == {}


def test_probes_that_are_the_same__are_there_once():
    """What the pointer names is what is mounted now. What it names, and is not there, is not kept."""
    first = maps(render({"probes": {"b.py": "x"}}))
    assert len(first) == 2, "without a cluster, as under Argo CD, there are the probes and the pointer"
    with api.cluster() as served:
        served.data = {f"shop-django-probe-probes{name}": data for name, data in first.items()}
        assert maps(render({"probes": {"b.py": "x"}}, *served.flags)) == first
        del served.data[next(name for name in served.data if name != "shop-django-probe-probes")]
        assert len(maps(render({"probes": {"c.py": "x"}}, *served.flags))) == 2


def test_probes__are_not_kept_where_the_values_say_so(cluster):
    """Then nothing is looked up, and there is no pointer."""
    asked = list(cluster.asked)
    assert list(
        maps(render({"probes": {"b.py": "x"}, "keepProbes": False}, *cluster.flags, version="3.17.2")).values()
    ) == [{"b.py": "x"}]
    assert cluster.asked == asked
