"""`django_probe.attachments`: what may be attached, where, and how the record has it."""

from __future__ import annotations

import pytest

import django_probe
from django_probe.attachments import Attachment, type_of


@pytest.mark.parametrize("content", [3, None, ["a"]])
def test_attach__takes_texts_and_bytes_alone(content):
    """What is neither is an error that says so."""
    with pytest.raises(TypeError, match="takes the name as a text, and a text or bytes"):
        django_probe.attach("name", content)


def test_attach__where_no_probe_runs_is_an_error():
    """Nobody would keep it."""
    with pytest.raises(RuntimeError, match=r"attach\('page', …\) was called where no probe runs"):
        django_probe.attach("page", "text")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"<svg onload='alert(1)'>", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_type_of__is_what_the_bytes_begin_as(content, kind):
    """A name says nothing of them: only what a browser would show as an image is one."""
    assert type_of(content) == kind


@pytest.mark.parametrize("content", ["", "a \x00 \ud800 text", b"", b"\x00\xff"])
def test_attachment__is_the_same_as_json_and_back(content):
    """Of a text and of bytes."""
    given = Attachment("name", "text/plain", 7, content)
    assert Attachment.of(given.as_dict()) == given
    assert given.is_text is isinstance(content, str)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"name": "a", "type": "b", "size": -1, "content": ""},
        {"name": "a", "type": "b", "size": True, "content": ""},
        {"name": 1, "type": "b", "size": 1, "content": ""},
        {"name": "a", "type": "b", "size": 1},
        {"name": "a", "type": "b", "size": 1, "content": 5},
        {"name": "a", "type": "b", "size": 1, "base64": "?"},
        {"name": "a", "type": "b", "size": 1, "base64": 5},
        "text",
        5,
    ],
)
def test_attachment__of_what_is_none_is_refused(values):
    """A record may be written by anybody."""
    with pytest.raises((TypeError, ValueError, LookupError)):
        Attachment.of(values)
