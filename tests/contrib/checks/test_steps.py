"""Flows of several requests, against a real server."""

from __future__ import annotations

import pytest

FLOWS = """
buys:
  base: "${SHOP_URL}"
  steps:
    - {http: /login, form: {password: "${SHOP_PASSWORD}"}, follow: false, status: 302}
    - {http: /account, contains: Welcome}
    - {http: /stock, save: {token: token}}
    - {http: /orders, send: {Authorization: "Bearer {{ token }}"}, contains: orders}
breaks:
  base: "${SHOP_URL}"
  steps:
    - {http: /stock, save: {token: token}}
    - {http: "/broken?id={{ token }}", send: {Authorization: "Bearer {{ token }}"}}
    - {http: /never}
echoed:
  base: "${SHOP_URL}"
  steps:
    - {http: /login, form: {password: "${SHOP_PASSWORD}"}, follow: false, status: 302}
    - {http: /stock, save: {a: token}}
    - {http: "/echo?a={{ a }}", send: {X-Auth: "${SHOP_SHORT}"}}
lacks:
  base: "${SHOP_URL}"
  steps: [{http: /stock, save: {price: "items[0].price"}}]
late:
  base: "${SHOP_URL}"
  steps: [{http: /slow}]
  within: 100ms
"""


@pytest.fixture(scope="module")
def results(checked, shop):
    """One run of all flows."""
    return checked.run(FLOWS, SHOP_URL=shop.url, SHOP_PASSWORD="open-sesame-4711", SHOP_SHORT="hunter2")[1]


def test_flow__one_visitor(results, shop):
    """Cookies, and what an answer says, go along to the later steps, over one connection."""
    assert results["steps.buys"]["outcome"] == "passed"
    ((_, _, headers, _),) = shop.asked("/orders")
    assert (headers["Cookie"], headers["Authorization"]) == ("session=open", "Bearer tok-4711")
    assert shop.connections <= len(results)


def test_flow__failing_step_is_named(results, shop):
    """The step that failed is named, those after it are not asked, and what was saved as a token is not shown."""
    broken = results["steps.breaks"]

    assert broken["outcome"] == "failed"
    assert broken["message"] == f"step 2 of 3, GET {shop.url}/broken?id={{{{ token }}}}: status 500, not below 400"
    assert '{"echo": "********"}' in broken["details"]
    assert "tok-4711" not in str(broken)
    assert shop.asked("/never") == []


def test_flow__secrets_of_earlier_steps_are_not_shown(results):
    """A cookie that came, what was saved from a secret's JMESPath, and a short secret that was sent: all are masked."""
    details = results["steps.echoed"]["details"]

    assert "['/echo?a=********', 'session=********', '********']" in details
    assert not any(secret in details for secret in ("tok-4711", "hunter2"))


@pytest.mark.parametrize(
    ("name", "outcome", "said"),
    [
        ("lacks", "failed", "/stock: there is no text or number at items[0].price to save as price"),
        ("late", "failed", "each step passed, but it took "),
    ],
)
def test_flow__what_else_is_wrong(results, name, outcome, said):
    """What cannot be saved, what nobody saved, and a flow that is too slow as a whole, each say so."""
    assert results[f"steps.{name}"]["outcome"] == outcome
    assert said in results[f"steps.{name}"]["message"]
