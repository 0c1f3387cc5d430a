"""What a request asks for: formats by Accept, labels by forms and JSON."""

from __future__ import annotations

import json

import pytest

from tests.projects import python

ACCEPTS = {
    "": "json",
    "*/*": "json",
    "application/json": "json",
    "application/*": "json",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": "html",
    "text/html;q=0.1, application/json": "json",
    "text/xml": "junit",
    "application/xml": "junit",
    "text/markdown": "markdown",
    "text/plain, text/markdown;q=0.1": "markdown",
    "text/*;q=0.5, application/xml;q=0.4": "html",
    "application/json; charset=utf-8": "json",
    "text/html;charset=utf-8;q=0.5, application/xml; version=1; q=0.9": "junit",
    "image/png": 406,
    "nonsense": 406,
}
FORM, JSON, MULTIPART = "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x"
FILE = '--x\r\nContent-Disposition: form-data; name="labels"; filename="a.txt"\r\n\r\na b\r\n--x--\r\n'
BODIES = [
    (FORM, "", [[], ""]),
    ("", "", [[], ""]),
    ("text/plain", "", [[], ""]),
    (JSON, "", [[], ""]),
    (JSON, "{}", [[], ""]),
    (FORM, "labels=a&labels=b+c++d&labels=a", [["a", "b", "c", "d"], ""]),
    (FORM, "csrfmiddlewaretoken=x", [[], ""]),
    (FORM, "labels=&failed_of=&csrfmiddlewaretoken=x", 400),
    (FORM, "labels=+", 400),
    (JSON, '{"labels": []}', 400),
    (FORM, "failed_of=R&failed_of=R&labels=", [[], "R"]),
    (JSON, '{"labels": "a b", "failed_of": ""}', [["a", "b"], ""]),
    (JSON + "; charset=utf-8", '{"labels": ["a", "b c"]}', [["a", "b", "c"], ""]),
    (JSON, '{"failed_of": "R", "metadata": {"labels": "x"}, "phase": "Succeeded"}', [[], "R"]),
    (MULTIPART, '--x\r\nContent-Disposition: form-data; name="labels"\r\n\r\na b\r\n--x--\r\n', [["a", "b"], ""]),
    (MULTIPART, FILE, 400),
    (JSON, '{"labels": null}', 400),
    (JSON, '{"labels": {"a": 1}}', 400),
    (JSON, "NaN", 400),
    (JSON, "\udcff", 400),
    (FORM, "Labels=a", 400),
    ("text/plain", "labels=a", 415),
    ("", "labels=a", 415),
]
LENGTHS = {
    "": "fine",
    "0": "fine",
    "65536": "fine",
    "65537": 413,
    "9" * 19: 413,
    "9" * 5000: 400,
    "-1": 400,
    "1e3": 400,
    "٣": 400,
}


def asked(project, code):
    """Run code in a project, with a request to make; give what it printed as JSON."""
    prelude = """
import json
from django.test import RequestFactory
from django_probe.history.http import negotiation
def trying(ask, *given):
    try:
        return ask(*given)
    except negotiation.RequestError as error:
        return error.status
"""
    done = python(project, prelude + code)
    assert done.code == 0, done.err
    return json.loads(done.out)


@pytest.fixture
def project(project):
    """A project with the history's app."""
    project.configure('INSTALLED_APPS.append("django_probe.history")\n')
    return project


def test_format__is_what_accept_prefers(project):
    """A browser gets HTML; whoever does not care gets JSON; what there is not is 406, as is nonsense."""
    code = f"""
print(json.dumps({{accept: trying(negotiation.format_of, RequestFactory().get("/", headers={{"accept": accept}}),
                                  list(negotiation.Format)) for accept in {list(ACCEPTS)!r}}}))
"""
    assert asked(project, code) == ACCEPTS


def test_body__is_empty_a_form_or_json(project):
    """Labels repeated or with blanks between them, each once; Flagger's keys and a form's token are passed over."""
    code = f"""
given = [(kind, body.encode("utf-8", "surrogateescape")) for kind, body, _ in {BODIES!r}]
print(json.dumps([trying(negotiation.ordered, RequestFactory().generic("POST", "/", body, kind))
                  for kind, body in given]))
"""
    for (kind, body, expected), found in zip(BODIES, asked(project, code), strict=True):
        assert found == expected, (kind, body)


def test_length__is_looked_at_before_the_body_is(project):
    """What is longer than 64 KiB, or says no length that is one, is refused without being read."""
    code = f"""
def look(length):
    request = RequestFactory().post("/")
    request.META["CONTENT_LENGTH"] = length
    return negotiation.check_length(request) or "fine"
print(json.dumps({{length: trying(look, length) for length in {list(LENGTHS)!r}}}))
"""
    assert asked(project, code) == LENGTHS
