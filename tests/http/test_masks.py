"""What may be shown: secrets by their names are masked, in time, whatever a server makes of its text."""

from __future__ import annotations

import itertools
import json
import time
from base64 import b64encode
from functools import partial

import pytest

from django_probe.http.masks import credentials, masking, printable, safe_header, safe_text, without_secrets
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
        ("Authorization", "Bearer abc", HIDDEN),
        ("X-Api-Key", "abc", HIDDEN),
        ("Location", "https://user:pass@shop/?a=1&token=abc?key=def#x", f"https://shop/?a=1&token={HIDDEN}#x"),
        ("Server", "token=1", "token=1"),
    ],
)  # fmt: skip
def test_header__secrets_by_name(name, value, shown):
    """Cookies keep their names alone, URLs lose what is secret in them, and headers of secrets everything."""
    assert safe_header(name, value) == shown


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


def test_credentials__as_they_are_sent():
    """Of a URL the password is a secret, and what a server gets of it."""
    assert credentials("https://probe:open%2Dsesame@shop.example/") == {"open-sesame", "cHJvYmU6b3Blbi1zZXNhbWU="}
    assert credentials("https://probe@shop.example/") == set()
