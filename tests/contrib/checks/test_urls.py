"""Values in URLs: none of them leads elsewhere."""

from __future__ import annotations

import pytest

from django_probe.contrib.checks.errors import CheckError
from django_probe.contrib.checks.filling import Filling

VALUES = {
    "URL": "https://shop.example:8000/en",
    "HOST": "shop.example:8443",
    "PASSWORD": "a@evil.example/?#:b",
    "PATH_OF_IT": "shop/tea pots",
    "AWAY": "x/../admin",
    "QUERY": "tea&page=2#top",
}
SAVED = {"id": "7/../../admin?all=1#x", "url": "https://shop.example/next?page=2", "dots": "..", "dot": ".", "n": "5"}


@pytest.fixture
def filling(monkeypatch):
    """The values of the environment, and of earlier steps."""
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    return Filling(dict(SAVED))


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("${URL}/orders/{{ n }}", "https://shop.example:8000/en/orders/5"),
        ("{{ url }}", "https://shop.example/next?page=2"),
        ("http://${HOST}/", "http://shop.example:8443/"),
        ("https://u:${PASSWORD}@${HOST}/", "https://u:a%40evil.example%2F%3F%23%3Ab@shop.example:8443/"),
        ("https://a/orders/{{ id }}/lines", "https://a/orders/7%2F..%2F..%2Fadmin%3Fall%3D1%23x/lines"),
        ("/${PATH_OF_IT}", "/shop/tea%20pots"),
        ("/find?q=${QUERY}&id={{ id }}", "/find?q=tea%26page%3D2%23top&id=7%2F..%2F..%2Fadmin%3Fall%3D1%23x"),
        ("/go?to=http://${PASSWORD}", "/go?to=http://a%40evil.example%2F%3F%23%3Ab"),
        ("https://a/../b/{{ n }}", "https://a/../b/5"),
    ],
)
def test_url__value_stays_in_its_part(filling, written, asked):
    """A value is percent-encoded where it stands; the beginning of a URL is taken as it is."""
    assert filling.fill_url(written, "checks.a.http") == asked


@pytest.mark.parametrize(
    "written",
    ["https://${PASSWORD}/", "https://a.${AWAY}/", "/${AWAY}", "/orders/{{ dots }}/", "/.{{ dot }}/a", "/%2e{{ dot }}"],
)
def test_url__value_that_leads_elsewhere(filling, written):
    """A value that is no host where one has to be, or that leads out of the path, is an error that does not show it."""
    with pytest.raises(CheckError, match=r"^checks\.a\.http: ") as raised:
        filling.fill_url(written, "checks.a.http")

    assert "evil" not in str(raised.value)
