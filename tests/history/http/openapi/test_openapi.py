"""What openapi.json says of `/probe/` is what is there."""

from __future__ import annotations

import json
import time

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from tests.history.recorded import ask, new_site, probe
from tests.patience import PATIENCE
from tests.webservers import gunicorn

START, VIEW = "start-0123456789-abcdefg", "view-0123456789-abcdefgh"
SETTINGS = f"""
INSTALLED_APPS += ["django.contrib.sessions"]
SESSION_COOKIE_NAME = "shop_session"
PROBE_TOKENS = ["start:{START}", "view:{VIEW}"]
PROBE_PUBLIC_BADGES = ["other"]
"""
URLS = """\
from django.urls import include, path

urlpatterns = [path("ops/probe/", include("django_probe.urls"))]
"""
ROOT = "/ops/probe"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A site with a run that passed, one that closed and one that goes on; its server and what it says of itself."""
    site = new_site(tmp_path_factory.mktemp("openapi") / "site", SETTINGS)
    site.write("site_urls.py", URLS)
    probe(site, 0, PROBE_RUN_ID="passed", PROBE_RELEASE="v42")
    probe(site, 0, "--gate", "other")
    probe(site, 1, PROBE_RUN_ID="closed", BROKEN="1")
    # It is heard of until tomorrow.
    ask(site, 'store.prepare("deploy", "going", ["shop"], narrowed=True); back(-86400, run_id="going"); told()')
    with gunicorn(site) as server:
        yield site, server, json.loads(server.ask(f"{ROOT}/openapi.json", Authorization=f"Bearer {VIEW}").body)


def described(document: dict, method: str, template: str, status: int) -> dict:
    """Return what the description says of an answer: its media types and their schemas."""
    answers = document["paths"][template][method.lower()]["responses"]
    assert str(status) in answers, f"{method} {template}: {status} is not described"
    answer = answers[str(status)]
    if "$ref" in answer:
        answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return answer.get("content", {})


def test_description__is_openapi_3_1(served):
    """A validator finds nothing wrong in it; it names where it is served, and the cookie of this project."""
    _, _, document = served
    validate(document)
    assert document["openapi"].startswith("3.1.")
    assert document["servers"] == [{"url": ROOT}]
    assert document["components"]["securitySchemes"]["cookie"]["name"] == "shop_session"


def test_description__has_every_url(served):
    """Each URL of `django_probe.urls` is in it, and no other."""
    site, _, document = served
    code = """
    from django_probe import urls
    names = {each.name: str(each.pattern) for each in urls.urlpatterns if each.name}
    assert {each.callback for each in urls.urlpatterns if not each.name} <= {
        each.callback for each in urls.urlpatterns if each.name}
    told(paths=sorted("/" + each.replace("<str:name>", "{name}").replace("<path:run_id>", "{id}")
                      for each in names.values()))
    """
    assert ask(site, code)["paths"] == sorted(document["paths"])


@pytest.mark.parametrize(
    ("asked", "status", "token", "accept"),
    [
        (("GET", "/live/", "/live/"), 200, "", "*/*"),
        (("GET", "/ready/", "/ready/"), 200, "", "*/*"),
        (("GET", "/", "/"), 200, "", "*/*"),
        (("GET", "/", "/"), 200, VIEW, "text/html"),
        (("GET", "/gates/{name}/", "/gates/other/"), 200, VIEW, "application/json"),
        (("GET", "/gates/{name}/", "/gates/deploy/"), 503, VIEW, "application/json"),
        (("GET", "/gates/{name}/", "/gates/deploy/"), 503, VIEW, "text/html"),
        (("GET", "/gates/{name}/", "/gates/deploy/?format=junit"), 503, VIEW, "*/*"),
        (("GET", "/gates/{name}/", "/gates/deploy/?fail_status=424"), 424, VIEW, "*/*"),
        (("GET", "/gates/{name}/", "/gates/deploy/?fail_status=200"), 200, VIEW, "*/*"),
        (("GET", "/gates/{name}/", "/gates/deploy/?fail_status=999"), 400, VIEW, "*/*"),
        (("GET", "/gates/{name}/", "/gates/deploy/?format=markdown"), 400, VIEW, "*/*"),
        (("GET", "/gates/{name}/", "/gates/deploy/"), 406, VIEW, "image/png"),
        (("GET", "/gates/{name}/", "/gates/nowhere/"), 404, VIEW, "*/*"),
        (("GET", "/gates/{name}/", "/gates/deploy/"), 401, "", "*/*"),
        (("POST", "/gates/{name}/", "/gates/deploy/"), 403, VIEW, "*/*"),
        (("POST", "/gates/{name}/", "/gates/deploy/"), 409, START, "*/*"),
        (("POST", "/gates/{name}/", "/gates/deploy/?wait=abc"), 400, START, "*/*"),
        (("GET", "/runs/{id}/", "/runs/passed/"), 200, VIEW, "application/json"),
        (("GET", "/runs/{id}/", "/runs/closed/"), 200, VIEW, "application/json"),
        (("GET", "/runs/{id}/", "/runs/closed/?format=markdown"), 200, VIEW, "*/*"),
        (("GET", "/runs/{id}/", "/runs/closed/"), 200, VIEW, "text/html"),
        (("GET", "/runs/{id}/", "/runs/going/"), 200, VIEW, "application/json"),
        (("GET", "/runs/{id}/", "/runs/going/?format=junit"), 409, VIEW, "*/*"),
        (("GET", "/runs/{id}/", "/runs/nowhere/"), 404, VIEW, "*/*"),
        (("GET", "/gates/", "/gates/"), 200, VIEW, "*/*"),
        (("GET", "/gates/", "/gates/?limit=1&after=deploy"), 200, VIEW, "application/json"),
        (("GET", "/gates/", "/gates/?limit=0"), 400, VIEW, "*/*"),
        (("GET", "/gates/", "/gates/"), 401, "", "*/*"),
        (("GET", "/gates/{name}/badge.svg", "/gates/deploy/badge.svg"), 200, VIEW, "*/*"),
        (("GET", "/gates/{name}/badge.svg", "/gates/other/badge.svg"), 200, "", "text/html"),
        (("GET", "/gates/{name}/badge.svg", "/gates/deploy/badge.svg"), 401, "", "*/*"),
        (("GET", "/gates/{name}/badge.svg", "/gates/nowhere/badge.svg"), 404, VIEW, "*/*"),
        (("GET", "/gates/{name}/silence/", "/gates/deploy/silence/"), 200, VIEW, "*/*"),
        (("GET", "/gates/{name}/silence/", "/gates/deploy/silence/"), 200, VIEW, "text/html"),
        (("GET", "/gates/{name}/silence/", "/gates/nowhere/silence/"), 404, VIEW, "*/*"),
        (("POST", "/gates/{name}/silence/", "/gates/deploy/silence/"), 400, START, "*/*"),
        (("POST", "/gates/{name}/silence/", "/gates/deploy/silence/"), 403, VIEW, "*/*"),
        (("GET", "/runs/", "/runs/"), 200, VIEW, "*/*"),
        (("GET", "/runs/", "/runs/?gate=deploy&state=running&since=2026-01-01&limit=3"), 200, VIEW, "*/*"),
        (("GET", "/runs/", "/runs/?since=yesterday"), 400, VIEW, "*/*"),
        (("GET", "/runs/", "/runs/"), 406, VIEW, "image/png"),
        (("GET", "/compare/", "/compare/?from=passed&to=closed"), 200, VIEW, "*/*"),
        (("GET", "/compare/", "/compare/?from=passed&to=closed"), 200, VIEW, "text/html"),
        (("GET", "/compare/", "/compare/?from=passed&to=nowhere"), 400, VIEW, "*/*"),
        (("GET", "/metrics/", "/metrics/"), 200, VIEW, "*/*"),
        (("GET", "/metrics/", "/metrics/"), 200, VIEW, "application/openmetrics-text"),
        (("GET", "/openapi.json", "/openapi.json"), 200, VIEW, "*/*"),
    ],
)
def test_answer__is_as_described(served, asked, status, token, accept):
    """The status is one that the description has, the media type one of that answer's, and JSON is by its schema."""
    _, server, document = served
    method, template, path = asked
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = server.ask(ROOT + path, method, Accept=accept, **headers)
    assert answer.status == status, answer.body
    media_type = answer.headers.get_content_type()
    schema = described(document, method, template, status)[media_type]["schema"]
    if media_type == "application/json":
        Draft202012Validator({**schema, "components": document["components"]}).validate(json.loads(answer.body))


def test_records__are_closed_schemas(served):
    """A record that has a key more, or one less, is no record: the schema would see it."""
    _, server, document = served
    body = json.loads(server.ask(f"{ROOT}/runs/closed/", Authorization=f"Bearer {VIEW}").body)
    schema = {"$ref": "#/components/schemas/Run", "components": document["components"]}
    assert Draft202012Validator(schema).is_valid(body)
    assert not Draft202012Validator(schema).is_valid({**body, "more": 1})
    assert not Draft202012Validator(schema).is_valid({key: body[key] for key in body if key != "passed"})


def test_start__is_as_described(served):
    """A POST answers 202 with where the run is; with `wait` it answers with the run."""
    _, server, document = served
    token = {"Authorization": f"Bearer {START}", "Accept": "application/json"}
    answer = server.ask(f"{ROOT}/gates/other/", "POST", **token)
    assert answer.status == 202, answer.body
    schemas = {"components": document["components"]}
    Draft202012Validator({"$ref": "#/components/schemas/Started", **schemas}).validate(json.loads(answer.body))
    assert answer.headers["Location"] == json.loads(answer.body)["url"]
    until = time.monotonic() + PATIENCE
    while (run := json.loads(server.ask(answer.headers["Location"], **token).body))["state"] == "running":
        assert time.monotonic() < until
        time.sleep(0.1)
    waited = server.ask(f"{ROOT}/gates/other/?wait=20s", "POST", **token)
    assert (run["passed"], run["trigger"], waited.status) == (True, "http", 200)
    Draft202012Validator({"$ref": "#/components/schemas/Run", **schemas}).validate(json.loads(waited.body))
