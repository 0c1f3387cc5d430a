"""The entries of `notify` become recipients, or one sentence that says what is wrong and shows no URL."""

from __future__ import annotations

import pytest
import yaml

from django_probe.policy.recipients import Change, parse_notify, scheme

SECRET = "hush-0123456789"


def read(text):
    """Return the recipients of YAML."""
    return parse_notify(yaml.safe_load(text))


def test_parse__an_entry_needs_no_more_than_a_url():
    """It is told of what closes and opens the gate; the name that others see has nothing of the URL but its kind."""
    (one,) = read(f"[{{url: 'mailto://a:{SECRET}@mail.example'}}]")
    assert one.on == (Change.CLOSED, Change.OPENED, Change.LOST)
    assert one.name == "notify[1] (mailto)"
    assert SECRET not in repr(one)
    assert (one.secret_env, one.remind, one.url_env) == ("", None, "")


@pytest.mark.parametrize("key", ["on", "'on'", "true", "'true'"])
def test_parse__on_is_a_key_whatever_yaml_makes_of_it(key):
    """YAML 1.1 reads the word as true."""
    assert read(f"[{{url_env: A, {key}: [lost, lost]}}]")[0].on == (Change.LOST,)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("A", "expected a list of mappings, each with url or url_env"),
        ("[A]", "entry 1: expected a mapping with url or url_env"),
        ("[{}]", "entry 1: expected either url, or url_env with the name of the environment variable that holds it"),
        (f"[{{url_env: A, url: 'json://{SECRET}'}}]", "entry 1: expected either url, or url_env with"),
        (f"[{{url: '{SECRET}'}}]", "entry 1: url: expected a URL such as mailto://user:password@mail.example"),
        (f"[{{url: 'json://a {SECRET}'}}]", "entry 1: url: expected a URL such as"),
        (f"[{{url_env: 'json://{SECRET}'}}]", "entry 1: url_env: expected the name of an environment variable"),
        ("[{url_env: A}, {url_env: B, onn: [lost]}]", "entry 2: 'onn': unknown key; did you mean \"on\"?"),
        (
            "[{url_env: A, on: [opend]}]",
            "entry 1: on: expected a list of closed, opened, lost, flaky, got 'opend'; did you mean \"opened\"?",
        ),
        (
            f"[{{url: 'ftp+cloudevents://{SECRET}'}}]",
            "entry 1: url: a webhook's URL begins with http+cloudevents:// or",
        ),
        ("[{url_env: A, on: []}]", "entry 1: on: expected a list of closed"),
        ("[{url_env: A, remind: 0}]", "entry 1: remind: expected"),
        ("[{url_env: A, on: [opened], remind: 6h}]", "entry 1: remind: what it reminds of is not in `on`"),
        (
            "[{url: 'mailto://a', secret_env: KEY}]",
            "entry 1: secret_env: only webhooks are signed, whose url begins with",
        ),
        ("[{url_env: A}, {url_env: A}]", "entry 2: url_env: A is in an entry before this one; make one entry of both"),
    ],
)
def test_parse__what_is_wrong_is_one_sentence_without_the_url(written, sentence):
    """It says which entry, which key, and what was expected."""
    with pytest.raises(ValueError, match=r"entry|list") as raised:
        read(written)
    assert str(raised.value).startswith(sentence)
    assert SECRET not in str(raised.value)


def test_scheme__is_empty_where_there_is_no_url():
    """What cannot be asked for is no URL: without a host, with blanks, with what a terminal would obey."""
    assert scheme("HTTPS+CloudEvents://a") == "https+cloudevents"
    assert [scheme(text) for text in ("", "a", "a://", "a://b c", "a://\x1b", "1a://b", "a://" + "b" * 2000)] == [
        ""
    ] * 7
