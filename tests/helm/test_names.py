"""Names: short enough for what Kubernetes adds, in any namespace, and two releases side by side."""

from __future__ import annotations

import re

import pytest

from tests.helm.charts import render

ON = {"cronJob": {"enabled": True}, "web": {"enabled": True}, "probes": {"a.py": ""}, "gate": {"fault": "fail"}}
LONGEST_RELEASE = "a-release-whose-name-is-as-long-as-helm-lets-it-be-ok"
DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
RELEASES = ["shop", "django-probe", LONGEST_RELEASE, "shop.v2", "7-of-9", "x"]


@pytest.mark.parametrize("release", RELEASES)
def test_names__leave_room_for_what_kubernetes_adds(release):
    """63 characters with what the Job controller adds (revision, index, five letters), 52 for a CronJob."""
    rendered = render(ON, release=release)
    for each in rendered.objects:
        assert DNS_LABEL.fullmatch(each["metadata"]["name"]), each["metadata"]["name"]
        assert len(each["metadata"]["name"]) <= 63
    assert len(rendered.kind("CronJob")["metadata"]["name"]) <= 52
    assert len(rendered.kind("Job")["metadata"]["name"] + "-r9999" + "-999" + "-abcde") <= 63


@pytest.mark.parametrize("release", RELEASES)
def test_labels__are_short_enough(release):
    """No value of a label is longer than 63 characters, or begins or ends with something else than it may."""
    for each in render(ON, release=release).objects:
        for value in each["metadata"].get("labels", {}).values():
            assert re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", value), value


def test_two_releases__share_no_name_and_no_pod():
    """Two releases in a namespace, even with names that are alike for 50 characters, have nothing in common."""
    cut = LONGEST_RELEASE[:-1].rstrip("-")
    pairs = [("shop", "bank"), (cut, f"{cut}x"), ("a.b", "a-b"), ("django-probe", "django-probe-django-probe")]
    for pair in pairs:
        names = [{(each["kind"], each["metadata"]["name"]) for each in render(ON, release=one).objects} for one in pair]
        assert not names[0] & names[1], pair
        selectors = [str(render(ON, release=one).kind("Service")["spec"]["selector"]) for one in pair]
        assert selectors[0] != selectors[1]


def test_name_override__is_in_every_name():
    """The value nameOverride replaces the chart's name in names and labels."""
    rendered = render({**ON, "nameOverride": "gatekeeper"})
    assert {each["metadata"]["name"].startswith("shop-gatekeeper-") for each in rendered.objects} == {True}
    assert rendered.kind("Service")["spec"]["selector"]["app.kubernetes.io/name"] == "gatekeeper"


def test_release_of_the_chart_s_name__is_not_doubled():
    """A release `django-probe` has objects `django-probe-gate`, not `django-probe-django-probe-gate`."""
    assert render({}, release="django-probe").kind("Job")["metadata"]["name"] == "django-probe-gate"
