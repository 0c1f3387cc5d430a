"""The probe of the mail servers, by both ways in which Django's settings name them."""

from __future__ import annotations

import time

import django
import pytest

ACCEPTS = "probe_platform.TestMail.test_each_server_accepts_a_connection"
BACKENDS = "django.core.mail.backends"


def old_style(port, more=""):
    """Return the settings that every Django before 2028 knows."""
    return f'EMAIL_HOST = "127.0.0.1"\nEMAIL_PORT = {port}\n{more}'


def new_style(port, more=""):
    """Return the same settings as Django 6.1 has them."""
    options = "".join(f', "{name}": {value}' for name, value in _options(more))
    return (
        f'MAILERS = {{"default": {{"BACKEND": "{BACKENDS}.smtp.EmailBackend", '
        f'"OPTIONS": {{"host": "127.0.0.1", "port": {port}{options}}}}}}}\n'
    )


def _options(more):
    names = {
        "EMAIL_HOST_USER": "username",
        "EMAIL_HOST_PASSWORD": "password",
        "EMAIL_USE_TLS": "use_tls",
        "EMAIL_TIMEOUT": "timeout",
    }
    return [(names[name], value) for name, value in (line.split(" = ") for line in more.splitlines())]


STYLES = [old_style, new_style] if django.VERSION >= (6, 1) else [old_style]
style = pytest.mark.parametrize("style", STYLES)


@style
def test_mail__accepted(platform, outcome, mail_server, style):
    """A server that takes a connection and the login passes, and no mail is begun."""
    platform.configure(style(mail_server.port, 'EMAIL_HOST_USER = "teller"\nEMAIL_HOST_PASSWORD = "right"\n'))

    assert outcome(ACCEPTS)["outcome"] == "passed"

    verbs = [command.split()[0].upper() for command in mail_server.commands]
    assert verbs == ["EHLO", "AUTH", "QUIT"]


@style
def test_mail__no_warnings(platform, mail_server, style):
    """Finding and asking the server warns of nothing deprecated, whichever way it is configured."""
    platform.configure(style(mail_server.port))

    done = platform.run(
        "shell",
        "-c",
        "import warnings; warnings.simplefilter('error'); from django_probe.contrib.platform import mail; "
        "print([mail.accept(alias, connect) for alias, connect in mail.mailers().items()])",
    )

    assert (done.code, done.out.splitlines()[-1:]) == (0, ["[None]"]), done.err


@style
def test_mail__refused_connection(platform, outcome, closed_port, style):
    """A port where nothing answers fails with the server's place."""
    platform.configure(style(closed_port))

    result = outcome(ACCEPTS)

    assert result["outcome"] == "failed"
    assert f'mailer "default" (SMTP at 127.0.0.1:{closed_port}): ConnectionRefusedError' in result["details"]


@style
def test_mail__refused_login(platform, outcome, mail_server, style):
    """A login that the server refuses fails with the server's words, and without the password."""
    platform.configure(
        style(mail_server.port, 'EMAIL_HOST_USER = "teller"\nEMAIL_HOST_PASSWORD = "open-sesame-4711"\n')
    )

    result = outcome(ACCEPTS)

    assert result["outcome"] == "failed"
    assert "SMTPAuthenticationError: (535, b'5.7.8 who are you')" in result["details"]
    assert "open-sesame-4711" not in str(result)


def test_mail__silent_server(platform, outcome, silent_port):
    """A server that says nothing is given up by the probe itself, well before a probe's timeout of 60 s."""
    platform.configure(old_style(silent_port))

    started = time.monotonic()
    result = outcome(ACCEPTS)

    assert time.monotonic() - started < 30
    assert result["outcome"] == "failed"
    assert f'mailer "default" (SMTP at 127.0.0.1:{silent_port}): SMTPServerDisconnected' in result["details"]
    assert "timed out" in result["details"]


def test_mail__without_tls_where_tls_is_wanted(platform, outcome, mail_server):
    """A server without the TLS that the settings want fails: no mail would be sent."""
    platform.configure(old_style(mail_server.port, "EMAIL_USE_TLS = True\n"))

    result = outcome(ACCEPTS)

    assert result["outcome"] == "failed"
    assert "SMTPNotSupportedError: STARTTLS extension not supported" in result["details"]


@pytest.mark.usefixtures("platform")
def test_mail__unconfigured(outcome):
    """Where the settings say nothing of mail the probe skips: nobody chose Django's localhost:25."""
    result = outcome(ACCEPTS)

    assert result["outcome"] == "skipped"
    assert "neither MAILERS nor EMAIL_HOST or EMAIL_BACKEND is set" in result["message"]


@pytest.mark.parametrize("backend", ["locmem", "console", "filebased", "dummy"])
def test_mail__backend_without_a_server(platform, outcome, backend):
    """A backend that has no server skips, by name."""
    settings = f'EMAIL_BACKEND = "{BACKENDS}.{backend}.EmailBackend"\n'
    if backend == "filebased":
        settings += 'EMAIL_FILE_PATH = BASE_DIR / "sent"\n'
    platform.configure(settings)

    result = outcome(ACCEPTS)

    assert result["outcome"] == "skipped"
    assert result["message"] == f'mailer "default" does not speak SMTP: {BACKENDS}.{backend}.EmailBackend'


if django.VERSION >= (6, 1):

    def test_mail__every_broken_mailer_is_named(platform, outcome, mail_server, closed_port):
        """Of several mailers each broken one is named, one whose options are wrong too."""
        smtp = f'"BACKEND": "{BACKENDS}.smtp.EmailBackend"'
        platform.configure(f"""
            MAILERS = {{
                "default": {{{smtp}, "OPTIONS": {{"host": "127.0.0.1", "port": {mail_server.port}}}}},
                "bulk": {{{smtp}, "OPTIONS": {{"host": "127.0.0.1", "port": {closed_port}}}}},
                "odd": {{{smtp}, "OPTIONS": {{}}}},
                "log": {{"BACKEND": "{BACKENDS}.console.EmailBackend"}},
            }}
            """)

        result = outcome(ACCEPTS)

        assert result["outcome"] == "failed"
        assert f'mailer "bulk" (SMTP at 127.0.0.1:{closed_port}): ConnectionRefused' in result["details"]
        assert 'mailer "odd": InvalidMailer' in result["details"]
        assert 'mailer "default"' not in result["details"]
        assert 'mailer "log"' not in result["details"]

    def test_mail__no_mailers(platform, outcome):
        """A project whose MAILERS is empty sends no mail, and the probe skips."""
        platform.configure("MAILERS = {}")

        assert outcome(ACCEPTS)["outcome"] == "skipped"
