"""What may be shown: secrets by their names are masked, in time, whatever a server makes of its text."""

from __future__ import annotations

import itertools
import json
import time
from base64 import b64encode
from functools import partial

import pytest

from django_probe.http.masks import (
    credentials,
    masking,
    printable,
    safe_header,
    safe_text,
    secrets,
    without_secrets,
)
from django_probe.http.response import Question
from tests.patience import LOADED

HIDDEN = "********"
PIECES = ['"', "a", "=", " ", "\\", "?", "&", "name=", '"token":"', "://", "@", ","]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"token": "abc", "n": 1}', f'{{"token": "{HIDDEN}", "n": 1}}'),
        ('{"api_key": 4711, "keys": ["a"]}', f'{{"api_key": "{HIDDEN}", "keys": ["a"]}}'),
        ('{"password": "with \\" quote", "b": 2}', f'{{"password": "{HIDDEN}", "b": 2}}'),
        ('{"secret": "cut of', f'{{"secret": "{HIDDEN}"'),
        ("{'session_token': 'abc'}", f"{{'session_token': \"{HIDDEN}\"}}"),
        ("a=1&access_token=abc&b=2", f"a=1&access_token={HIDDEN}&b=2"),
        ('<input name="csrfmiddlewaretoken" value="abc">', f'<input name="csrfmiddlewaretoken" value="{HIDDEN}">'),
        ('<input name="user" value="probe">', '<input name="user" value="probe">'),
    ],
)
def test_body__secrets_by_name(text, shown):
    """The values of members, fields and inputs whose names say so are masked, and nothing else is."""
    assert safe_text(text) == shown


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Set-Cookie", "session=abc; Path=/, b=c; Secure", f"session={HIDDEN}; Path=/, b={HIDDEN}; Secure"),
        ("set-cookie", "a=b; expires=Wed, 21 Oct 2026", f"a={HIDDEN}; expires=Wed, 21 Oct 2026"),
        ("set-cookie", "sid=abc,def4711; Path=/", f"sid={HIDDEN}; Path=/"),
        ("set-cookie", "abc4711; Path=/", f"{HIDDEN}; Path=/"),
        ("Authorization", "Bearer abc", HIDDEN),
        ("X-Api-Key", "abc", HIDDEN),
        ("Location", "https://user:pass@shop/?a=1&token=abc?key=def#x", f"https://shop/?a=1&token={HIDDEN}#x"),
        ("Server", "token=1", "token=1"),
    ],
)  # fmt: skip
def test_header__secrets_by_name(name, value, shown):
    """Cookies keep their names alone, URLs lose what is secret in them, and headers of secrets everything."""
    assert safe_header(name, value) == shown


PARTS = '--x\r\nContent-Disposition: form-data; name="password"\r\n\r\nabc\r\nd\r\n--x--\r\n'


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        ({"url": "http://shop/?token=a%2Fb&page=1;key=c"}, {"a%2Fb", "a/b", "c"}),
        ({"url": "http://probe:abc@shop/"}, {"abc", b64encode(b"probe:abc").decode()}),
        ({"headers": {"Cookie": "a=b; c=d"}}, {"a=b; c=d", "c=d", "b", "d"}),
        ({"headers": {"Authorization": "Basic cHJvYmU6YWJj"}}, {"Basic cHJvYmU6YWJj", "cHJvYmU6YWJj", "abc"}),
        ({"form": {"password": ["a b", "c"], "page": "d"}}, {"a+b", "a b", "c"}),
        ({"form": {"passwords": b"abc", "remember_password": True}}, {"abc"}),
        ({"body": "password=a%20b&page=1"}, {"a%20b", "a b"}),
        ({"body": b"page=1&password=a+b"}, {"a+b", "a b"}),
        ({"body": '{"tokens": ["a", {"b": "c"}], "n": "d", "key": null}'}, {"a", "c"}),
        ({"body": b'{"secret": 4711}'}, {"4711"}),
        ({"body": PARTS}, {"abc\r\nd"}),
    ],
)
def test_secrets__that_a_question_sends(sent, known):
    """What is sent under the name of a secret is known, in a list, in a form, in JSON and in a text too."""
    assert {*secrets(Question(**{"url": "http://shop/", **sent}))} == known


def test_mask__hides_every_form_of_a_secret():
    """A secret that was sent is masked as it is, in URLs and in JSON; what is too short would be in any text."""
    mask = masking(['a b/"4711', "abc"])

    for form in ('a b/"4711', "a%20b/%224711", "a%20b%2F%224711", "a+b%2F%224711", json.dumps('a b/"4711')[1:-1]):
        assert mask(f"<{form}>") == f"<{HIDDEN}>"
    for form in ("a%20b%2f%224711", b64encode(b'a b/"4711').decode()):
        assert mask(f"<{form}>") == f"<{HIDDEN}>"
    assert mask("abc") == "abc"


def test_text__that_would_change_how_it_reads():
    """Control characters and those that turn the direction of reading are escapes."""
    assert printable("a\u202eb\x1b[31m\0\x9b\u2066é") == r"a\u202eb\x1b[31m\x00\x9b\u2066é"


def test_masks__take_no_time():
    """No text that a server can make keeps the masks busy: each pair of pieces, as long as a header can be."""
    texts = ["".join(pair) * (20_000 // len("".join(pair))) for pair in itertools.product(PIECES, repeat=2)]
    for mask, most in ((without_secrets, 20_000), (partial(safe_header, "set-cookie"), 20_000), (safe_text, 4_000)):
        began = time.process_time()
        for text in texts:
            mask(text[:most])
        assert time.process_time() - began < LOADED


def test_secrets__take_no_time():
    """A long body that is no form keeps nobody busy: the work grows with its length, and not with the square of it."""
    began = time.process_time()
    for text in ('name="a"\r\n', 'name="a"\r\n\r\n', "x\r\n--", "key"):
        assert {*secrets(Question("http://shop/", body=text * 20_000))} == set()
    assert time.process_time() - began < LOADED


def test_credentials__as_they_are_sent():
    """Of a URL the password is a secret, and what a server gets of it."""
    assert credentials("https://probe:open%2Dsesame@shop.example/") == {"open-sesame", "cHJvYmU6b3Blbi1zZXNhbWU="}
    assert credentials("https://probe@shop.example/") == set()
