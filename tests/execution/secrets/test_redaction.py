"""Redaction: the value of a secret setting is in no report, wherever a probe said it and however it was cut."""

from __future__ import annotations

import hashlib
import time

import pytest
from django.conf import UserSettingsHolder, global_settings

from django_probe.execution.secrets import redaction
from tests.execution.running import by_label, outcomes

MASK = "********************"
SECRETS = {
    "SECRET_KEY": "the-key-of-the-project-'quoted'",
    "SHOP_API_TOKEN": "token-4711-4711",
    "BYTES_KEY": b"key-of-bytes-0815",
    "SHOP": {"accounts": [{"name": "public-name", "password": "nested-pass-word"}]},
    "SIGNING_KEYS": ["first-of-the-keys", "second-of-the-keys"],
    "PEM_PRIVATE_KEY": "-----BEGIN KEY-----\nMIICXAIBAAKBgQC7\nVbmlcXJ5dGhpbmc+\n-----END KEY-----\n",
    "SHOP_URL": "https://someone:url-pass%40word@shop.example/api",
    "SHORT_KEY": "short",
    "PLAIN": "a-plain-setting-of-no-secret",
}
SPOKEN = [
    "the-key-of-the-project",
    "token-4711",
    "key-of-bytes",
    "nested-pass",
    "first-of-the-keys",
    "second-of-the-keys",
    "MIICXAIB",
    "VbmlcXJ5",
    "url-pass",
    "database-pass",
]


@pytest.fixture
def secretive(project):
    """A project with secrets in its settings, one of them as the password of a database."""
    project.configure("".join(f"{name} = {value!r}\n" for name, value in SECRETS.items()))
    project.configure('DATABASES["default"]["PASSWORD"] = "database-pass-word"\n')
    return project


def assert_nothing_leaked(project, done):
    """Look into every file that the run wrote, and at what it printed."""
    reports = [project.path / name for name in ("record.json", "junit.xml", "summary.md", "termination")]
    told = {path.name: path.read_text(encoding="utf-8") for path in reports} | {"out": done.out, "err": done.err}
    leaked = [(name, secret) for name, text in told.items() for secret in SPOKEN if secret in text]
    assert not leaked
    assert MASK in told["record.json"]


def run(project, *arguments):
    """Run with every report there is."""
    paths = {"--junit": "junit.xml", "--summary": "summary.md"}
    options = [text for option, name in paths.items() for text in (option, str(project.path / name))]
    env = {"PROBE_TERMINATION_LOG": str(project.path / "termination")}
    return project.record(*options, *arguments, env=env)


@pytest.mark.parametrize("parallel", ["1", "0"])
def test_no_secret_of_the_settings_is_in_a_report(secretive, parallel):
    """From messages, notes, details, subTests, skips, fixtures and output; nested, in bytes, lists, URLs, as repr."""
    secretive.app(
        "shop",
        """
        import unittest
        from django.conf import settings

        ALL = [
            settings.SECRET_KEY, settings.SHOP_API_TOKEN, settings.BYTES_KEY, settings.SHOP, settings.SIGNING_KEYS,
            settings.PEM_PRIVATE_KEY, settings.SHOP_URL, settings.DATABASES["default"]["PASSWORD"],
        ]

        class TestTells(unittest.TestCase):
            def test_message(self):
                raise ValueError(" ".join(map(str, ALL)))

            def test_repr(self):
                raise ValueError(ALL)

            def test_first_line(self):
                raise ValueError(settings.PEM_PRIVATE_KEY.partition("\\n")[2])

            def test_assertion(self):
                self.assertEqual(settings.SECRET_KEY, settings.SHOP_API_TOKEN)

            def test_note(self):
                error = ValueError("see the note")
                error.add_note(str(ALL))
                raise error

            def test_subtest(self):
                with self.subTest(str(ALL), key=settings.SECRET_KEY):
                    self.fail("in a subtest")

            def test_skip(self):
                self.skipTest(settings.SECRET_KEY)

            def test_url_of_another(self):
                raise ValueError("amqp://guest:database-pass@2@queue:5672/ refused")

            def test_decoded_url(self):
                raise ValueError("the password is url-pass@word")

        class TestFixture(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                raise ValueError(ALL)

            def test_fixture(self):
                pass
        """
        + (
            """
        class TestPrints(unittest.TestCase):
            def test_output(self):
                print(*ALL)
                self.fail("on purpose")
        """
            if parallel == "1"
            else ""
        ),
    )
    done, record = run(secretive, "--parallel", parallel)
    assert done.code == 1
    assert_nothing_leaked(secretive, done)
    ended = by_label(record)
    assert ended["test_skip"]["message"] == MASK
    assert ended["test_url_of_another"]["message"] == f"ValueError: amqp://{MASK}@queue:5672/ refused"


def test_a_token_leaks_no_more_without_its_scope_and_name(project):
    """PROBE_TOKENS has the scope before each token, and perhaps a name; a request that a probe shows has neither."""
    token, named = "t0ken-of-somebody-0123456789", "t0ken-of-flagger-0123456789"
    project.configure(f'PROBE_TOKENS = ["start:{token}", "view:flagger:{named}"]\n')
    sent = f"Authorization: Bearer {token} {named}"
    project.app(
        "shop", f"import unittest\nclass TestShop(unittest.TestCase):\n    def test(self): self.fail({sent!r})\n"
    )
    done, record = project.record()
    assert record["results"][0]["message"] == f"Authorization: Bearer {MASK} {MASK}"
    assert token not in f"{record}{done.out}{done.err}"
    assert named not in f"{record}{done.out}{done.err}"


def test_what_is_no_secret_is_told(secretive):
    """Short values, settings of other names, and Django's own public defaults stay readable."""
    secretive.app(
        "shop",
        """
        import unittest
        from django.conf import settings

        class TestTells(unittest.TestCase):
            def test_tells(self):
                plain = [settings.SHORT_KEY, settings.PLAIN, settings.SHOP["accounts"][0]["name"],
                         settings.AUTH_USER_MODEL, settings.CSRF_COOKIE_NAME]
                raise ValueError(" ".join(plain))
        """,
    )
    _, record = run(secretive)
    message = by_label(record)["test_tells"]["message"]
    assert message == "ValueError: short a-plain-setting-of-no-secret public-name auth.User csrftoken"


def test_a_secret_that_a_cut_went_through_does_not_leak(secretive):
    """Messages, details and output are limited in length; the limit leaves no half of a secret behind."""
    secretive.app(
        "shop",
        """
        import unittest
        from django.conf import settings

        KEY = settings.SECRET_KEY

        def raises(place):
            def test(self):
                raise ValueError("x" * place + KEY + "y" * 100)
            return test

        def prints(length):
            def test(self):
                print("y" * 150_000 + KEY + "x" * length)
                self.fail("on purpose")
            return test

        class TestLong(unittest.TestCase):
            def test_details(self):
                for place in range(32_700, 32_800, 3):
                    with self.subTest(place=place):
                        raise ValueError("x" * 40_000 + KEY + "y" * place)

            def test_repeated(self):
                print((KEY + " ") * 20_000)
                self.fail("on purpose")

        for place in range(450, 510, 5):
            setattr(TestLong, f"test_message_{place}", raises(place))
        for length in range(65_500, 70_000, 20):
            setattr(TestLong, f"test_output_{length}", prints(length))
        """,
    )
    done, record = run(secretive)
    assert done.code == 1
    key = SECRETS["SECRET_KEY"]
    leaks = [
        (result["label"], part)
        for result in record["results"]
        for part in ("message", "details", "output")
        if any(half in result[part] for half in (key[:8], key[-8:], key[8:16]))
    ]
    assert not leaks
    assert max(len(result["message"]) for result in record["results"]) <= 500
    assert max(len(result["output"]) for result in record["results"]) <= 66_000


def test_an_import_tells_no_secret(secretive):
    """Neither its exception, nor what it printed before it ended the process."""
    secretive.app("bank", "from django.conf import settings\nraise ValueError(settings.PEM_PRIVATE_KEY)\n")
    secretive.app("shop", "from django.conf import settings\nraise ValueError(settings.SECRET_KEY)\n")
    done, record = run(secretive)
    assert set(outcomes(record).values()) == {"error"}
    assert_nothing_leaked(secretive, done)
    secretive.app(
        "last", "import os\nfrom django.conf import settings\nprint(settings.SECRET_KEY, flush=True)\nos._exit(0)\n"
    )
    done, _ = run(secretive)
    assert done.code == 1
    assert_nothing_leaked(secretive, done)


def test_a_secret_that_a_library_wrote_in_its_own_way_does_not_leak(project):
    """As bytes, in HTML, forms, JSON, connection strings and URLs: what escapes a secret does not hide it from us."""
    project.configure(
        r"""
        FIELD_ENCRYPTION_KEY = bytes(range(128, 160))
        PAY_TOKEN = "tok en<with>&amp'quote\"4\\2"
        CACHES = {
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": "redis://:it's-a-secret-pw@cache:6379/0",
            }
        }
        ERRORS_DSN = "https://abcdef0123456789@errors.example/1"
        ORDERS_URL = "postgres://postgres@orders.example/orders"
        """
    )
    project.app(
        "shop",
        r"""
        import html, json, unittest
        from urllib.parse import quote, urlencode, urlsplit
        from django.conf import settings
        from django.utils.html import escape

        TOKEN, LOCATION = settings.PAY_TOKEN, settings.CACHES["default"]["LOCATION"]
        WRITTEN = {
            "bytes": repr(settings.FIELD_ENCRYPTION_KEY),
            "html": html.escape(TOKEN),
            "template": escape(TOKEN),
            "form": urlencode({"token": TOKEN}),
            "path": quote(TOKEN, safe="/?:@!$&'()*+,;="),  # as HTTP clients escape the URL that they were given
            "json_in_repr": repr([json.dumps({"token": TOKEN})]),
            "both_quotes": repr("token='\"" + TOKEN),
            "conninfo": "password='" + TOKEN.replace("\\", "\\\\").replace("'", "\\'") + "'",
            "url": LOCATION,
            "url_password": urlsplit(LOCATION).password,
            "url_user": urlsplit(settings.ERRORS_DSN).username,
            "url_user_that_is_a_word": "postgres",
        }

        class TestWritten(unittest.TestCase):
            pass

        def says(text):
            def test(self):
                raise RuntimeError(text)
            return test

        for name, text in WRITTEN.items():
            setattr(TestWritten, f"test_{name}", says(text))
        """,
    )
    _, record = project.record()
    said = {name: result["message"].removeprefix("RuntimeError: ") for name, result in by_label(record).items()}
    assert said == {
        "test_bytes": f"b'{MASK}'",
        "test_html": MASK,
        "test_template": MASK,
        "test_form": f"token={MASK}",
        "test_path": MASK,
        "test_json_in_repr": f"""['{{"token": "{MASK}"}}']""",
        "test_both_quotes": f"""'token=\\'"{MASK}'""",
        "test_conninfo": f"password='{MASK}'",
        "test_url": f"redis://{MASK}@cache:6379/0",
        "test_url_password": MASK,
        "test_url_user": MASK,
        "test_url_user_that_is_a_word": "postgres",
    }
    assert MASK in by_label(record)["test_html"]["details"]


def test_a_secret_that_an_assertion_shortened_does_not_leak(project):
    """The middle of long values is left out, and long ones are broken over lines in differences, before we see them."""
    project.configure(
        """
        SECRET_KEY = "django-insecure-h3x!k$2p0&v9z_w8q7r6t5y4u3i2o1zxcvbnm"
        ARCHIVE_KEY = bytes(range(48, 123))
        PASSPHRASE = "correct horse battery staple orange window magnet pencil garden bicycle lantern"
        """
    )
    project.app(
        "shop",
        """
        import unittest
        from django.conf import settings
        from unittest.util import safe_repr

        KEY, PHRASE = settings.SECRET_KEY, settings.PASSPHRASE

        class TestShortened(unittest.TestCase):
            def test_dict_that_ends_with_it(self):
                given = {"env": "production-eu-west-1", "SECRET_KEY": KEY, "debug": False}
                self.assertEqual(given, given | {"debug": True})

            def test_dict_with_another_key(self):
                given = {"env": "production-eu-west-1", "SECRET_KEY": KEY, "z": "x" * 60}
                self.assertEqual(given, given | {"SECRET_KEY": "django-insecure-other", "z": "y" * 60})

            def test_text_around_it(self):
                self.assertEqual("key=" + KEY + "&" + "x" * 80, "key=django-insecure-h3x")

            def test_text_that_it_ends(self):
                self.assertEqual("x" * 80 + KEY, "x" * 80 + "another")

            def test_list(self):
                self.assertEqual([KEY, "x" * 60], ["django-insecure-other", "x" * 60])

            def test_truncated(self):
                self.fail(safe_repr(["x" * 50, KEY], short=True))

            def test_bytes(self):
                self.assertEqual({"key": settings.ARCHIVE_KEY}, {"key": b""})

            def test_phrase(self):
                self.assertEqual({"phrase": PHRASE, "z": 1}, {"phrase": PHRASE, "z": 2})

            def test_phrase_in_lines_that_differ(self):
                self.assertEqual(("x" * 60, PHRASE), ("x" * 60, PHRASE, 2))

            def test_nothing_of_it(self):
                self.assertEqual("ready " * 20 + "steady", "ready " * 20 + "go")
        """,
    )
    done, record = project.record()
    told = {result["label"]: result["message"] + result["details"] for result in record["results"]}
    secrets = [
        "django-insecure-h3x!k$2p0&v9z_w8q7r6t5y4u3i2o1zxcvbnm"[len("django-insecure-") :],
        repr(bytes(range(48, 123)))[2:-1],
        "correct horse battery staple orange window magnet pencil garden bicycle lantern",
    ]
    parts = {secret[at : at + 6] for secret in secrets for at in range(len(secret) - 5)}
    assert not [(label, part) for label, text in told.items() for part in parts if part in text]
    assert not [part for part in parts if part in done.out + done.err]
    ended = by_label(record)
    assert ended["test_truncated"]["message"] == f"['{'x' * 50}', '{MASK} [truncated]..."
    kept = "'read[60 chars]y" + " ready" * 9
    assert ended["test_nothing_of_it"]["message"] == f"{kept} steady' != {kept} go'"


OF_OTHER_KINDS = """
import pathlib, uuid
from django.utils.functional import SimpleLazyObject, lazystr

class Revealed:
    def __repr__(self): return "Revealed()"
    def get_secret_value(self): return "revealed-to-those-who-ask"

class Broken:
    def __str__(self): raise RuntimeError("no such vault")

TENANT_KEY = uuid.UUID("0f0e0d0c-4711-4711-4711-0b0a09080706")
SIGNING_KEY_FILE = pathlib.Path("/run/secrets/of-the-shop.pem")
LAZY_TOKEN = lazystr("lazy-token-0123456789")
LAZY_SECRET = SimpleLazyObject(lambda: "simple-lazy-secret-0815")
SMS_API_KEY = 4815162342108
REVEALED_SECRET = Revealed()
API_KEYS = {"client-key-0123456789": "first-shop", "first_name_of_the_client": "given-name"}
BROKEN_TOKEN = SimpleLazyObject(lambda: 1 / 0)
BROKEN_SECRET = Broken()
RAW_KEY = bytearray(b"raw-bytes-of-a-key")
"""


def test_a_secret_of_any_kind_is_masked(project):
    """UUIDs, paths, lazy texts, numbers, revealed values and keys of mappings; what cannot be read hides no more."""
    project.configure(OF_OTHER_KINDS)
    spoken = [
        "0f0e0d0c-4711-4711-4711-0b0a09080706", "0f0e0d0c4711471147110b0a09080706", "/run/secrets/of-the-shop.pem",
        "lazy-token-0123456789", "simple-lazy-secret-0815", "4815162342108", "revealed-to-those-who-ask",
        "client-key-0123456789", "first-shop", "raw-bytes-of-a-key",
    ]  # fmt: skip
    project.app(
        "shop",
        f"""
        import unittest

        class TestTells(unittest.TestCase):
            def test_each(self):
                self.fail(" | ".join({spoken!r}))

            def test_names_and_longer_numbers_are_told(self):
                self.fail("first_name_of_the_client has order 94815162342108, and the key is not shown")
        """,
    )
    _done, record = project.record()
    ended = by_label(record)
    assert ended["test_each"]["message"] == " | ".join([MASK] * len(spoken))
    told = "first_name_of_the_client has order 94815162342108, and the key is not shown"
    assert ended["test_names_and_longer_numbers_are_told"]["message"] == told


def test_patterns_of_the_team_are_masked(project):
    """PROBE_REDACT hides what no setting knows, such as a customer's number, everywhere in the record."""
    project.configure(r'PROBE_REDACT = [r"\bDE\d{20}\b", "card=\\S+"]')
    project.app(
        "shop",
        """
        import unittest

        class TestTells(unittest.TestCase):
            def test_pays(self):
                print("card=4711 was used")
                self.fail("DE12345678901234567890 was refused")
        """,
    )
    _done, record = project.record()
    (result,) = record["results"]
    assert (result["message"], result["output"]) == (f"{MASK} was refused", f"{MASK} was used\n")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('"token"', "PROBE_REDACT: expected a list of regular expressions"),
        ('["fine", "("]', "PROBE_REDACT: entry 2 is no regular expression: missing ), unterminated subpattern"),
        ("[4711]", "PROBE_REDACT: entry 1 is no regular expression"),
        ('["x*"]', "PROBE_REDACT: entry 1 matches an empty text, and so would hide every text"),
    ],
)
def test_a_wrong_pattern_is_refused_before_anything_runs(project, given, said):
    """Exit 2, one line that says which entry is wrong, and no probe ran."""
    project.configure(f"PROBE_REDACT = {given}")
    project.app("shop", "import unittest\nclass TestA(unittest.TestCase):\n    def test_a(self): print('ran')\n")
    done = project.probe()
    assert done.code == 2
    assert f"CommandError: {said}" in done.err
    assert "Traceback" not in done.err
    assert "to run" not in done.err


def test_tags_are_redacted(project):
    """A tag that somebody made of a secret is masked like any text."""
    project.configure('SHOP_TOKEN = "token-in-a-tag-4711"')
    project.app(
        "shop",
        """
        import unittest
        from django.test import tag

        class TestA(unittest.TestCase):
            @tag("of-token-in-a-tag-4711", "smoke")
            def test_a(self): pass
        """,
    )
    _done, record = project.record()
    assert record["results"][0]["tags"] == [f"of-{MASK}", "smoke"]


def test_thousands_of_secrets_do_not_slow_a_report_down(monkeypatch):
    """A setting may hold a token for each client; a failing probe with long output is searched at once all the same."""
    tokens = {f"client-{number}": hashlib.sha256(b"%d" % number).hexdigest() for number in range(5000)}
    holder = UserSettingsHolder(global_settings)
    holder.CLIENT_TOKENS = tokens
    monkeypatch.setattr(redaction, "settings", holder)
    redact = redaction.Redactor()
    assert redact(f"first {tokens['client-0']}, last {tokens['client-4999']}") == f"first {MASK}, last {MASK}"
    others = " ".join(hashlib.sha256(b"other %d" % number).hexdigest() for number in range(1000))
    began = time.process_time()
    assert redact(others) == others
    assert time.process_time() - began < 2, "a search for each of the tokens takes far longer"


def test_secrets_of_declared_checks_are_masked(project):
    """What a check takes from the environment is masked in every probe, where the header's name says that it is."""
    project.apps.append("django_probe.contrib.checks")
    project.write(
        "probe.yaml",
        """
        checks:
          home: {http: "http://localhost:1/", send: {Authorization: "Bearer ${SHOP_WORD}", X-Shop: "${SHOP_NAME}"}}
        gates: {default: {}}
        """,
    )
    project.app(
        "shop",
        """
        import os
        import unittest

        class TestTells(unittest.TestCase):
            def test_a(self):
                self.fail(" ".join(os.environ[name] for name in ("SHOP_WORD", "SHOP_NAME")))
        """,
    )
    secrets = {
        "SHOP_WORD": "token-of-the-shop-0815",
        "SHOP_NAME": "name-of-the-shop",
    }
    _done, record = project.record("--policy", "probe.yaml", "shop", env=secrets)
    assert by_label(record)["test_a"]["message"] == f"{MASK} name-of-the-shop"


def test_environment__secrets_of_its_variables(project):
    """The value of a variable is in no report whose name says that it is a secret, and not only where one is."""
    project.app(
        "shop",
        """
        import os
        import unittest


        class TestShop(unittest.TestCase):
            def test_told(self):
                self.fail(" ".join(text.strip() for name, text in os.environ.items() if name.startswith("SHOP_")))
        """,
    )
    hidden = {
        "SHOP_PASSWORD": "pass-word-4711",
        "SHOP_API_TOKEN": "token/4711+x\n",
        "SHOP_PIN_KEY": "47110815",
        "SHOP_DATABASE": "postgres://shop:url-pass-4711@db.example/shop",
        "SHOP_EMAIL_HOST_PASSWORD": "mail-host-4711",
        "SHOP_SERVICE_NAME_TOKEN": "service-name-4711",
    }
    shown = {
        "SHOP_AUTH_SERVICE_HOST": "10.43.0.17",
        "SHOP_AUTH_PORT_80_TCP": "tcp://10.43.0.17:80",
        "SHOP_API": "https://api.shop.example/v1",
        "SHOP_TOKENS_FILE": "/run/secrets/shop-tokens",
        "SHOP_KEY_NAME": "front-door",
        "SHOP_SESSION_COOKIE_DOMAIN": "shop.example",
        "SHOP_AUTH_USER_MODEL": "accounts.Customer",
        "SHOP_API_VERSION": "2026-11-30",
        "SHOP_GIT_AUTHOR_EMAIL": "author@shop.example",
    }

    done, record = project.record("shop", env={**hidden, **shown})

    told = str(record) + done.out + done.err
    secrets = ("pass-word-4711", "token/4711", "47110815", "url-pass-4711", "mail-host-4711", "service-name-4711")
    assert [text for text in secrets if text in told] == []
    assert [text for text in shown.values() if text not in record["results"][0]["message"]] == []
