"""What PROBE_HISTORY_DATABASE_URL adds to the settings: the history, its pages, and who may log in to them.

All of it lives in a database of its own: the one that is probed gets no table of ours, and a gate's role there need
not be able to write.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django import conf

from deploy import environment, services
from django_probe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

VARIABLE: Final = "PROBE_HISTORY_DATABASE_URL"
ALIAS: Final = "history"

# By label, as in settings.py. They come before the other apps because of their commands.
APPS: Final = {
    "probe_deploy": "deploy",
    "sessions": "django.contrib.sessions",
    "messages": "django.contrib.messages",
    "admin": "django.contrib.admin",
    "axes": "axes",
    "probe_history": "django_probe.history",
}

# Only the history's database has the tables of these apps, and the users that log in to the pages.
LABELS: Final = frozenset({"contenttypes", "auth", *APPS})

# Behind ProbeMiddleware, so that readiness needs no session.
MIDDLEWARE: Final = (
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
)

# Nobody waits more than 15 s for a PostgreSQL that is gone, or that takes a connection and stays silent: see
# https://www.postgresql.org/docs/current/libpq-connect.html. No statement_timeout: PgBouncer refuses `options`.
_PATIENCE: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}

_THIS_HOST: Final = ("localhost", "127.0.0.1", "::1")
_PORTS: Final = {services.POSTGRESQL: 5432, services.MYSQL: 3306}
_SCHEMA: Final = re.compile(r"search_path\s*=\s*(\S+)")


def database(probed: dict[str, Any]) -> dict[str, Any]:
    """Return Django's settings of the history's database; an empty mapping if there is none.

    Raise UsageError where it is the one that is probed: its users would be the users of the pages.
    """
    if not (own := services.database(VARIABLE)):
        return {}
    if _place(own) == _place(probed):
        raise UsageError(
            f"{VARIABLE}: it is the database of DATABASE_URL, which must get no tables of the history; "
            f"name another one, or a schema of its own: …?options=-c%20search_path%3Dprobe"
        )
    if own["ENGINE"] == services.POSTGRESQL:
        own["OPTIONS"] = {**_PATIENCE, **own["OPTIONS"]}
    return own


def _place(database: dict[str, Any]) -> tuple[object, ...]:
    """Return where a database is. Two databases in one place have equal results, as far as their settings tell."""
    engine, name = database["ENGINE"], database["NAME"]
    if engine == services.SQLITE:
        return engine, Path(name).resolve()
    host = database["HOST"].lower()
    schema = _SCHEMA.search(str(database["OPTIONS"].get("options", "")))
    return (
        engine,
        "localhost" if host in _THIS_HOST else host,
        database["PORT"] or _PORTS[engine],
        name,
        schema and schema[1],
    )


def settings(trusted_origins: Sequence[str]) -> dict[str, Any]:
    """Return the settings, by name, that the pages need. Raise UsageError if the environment has a wrong value."""
    by_https = any(origin.startswith("https://") for origin in trusted_origins)
    return {
        "DATABASE_ROUTERS": ["deploy.routers.HistoryRouter"],
        "PROBE_HISTORY_DATABASE": ALIAS,
        "PROBE_HISTORY_DAYS": environment.count("PROBE_HISTORY_DAYS", 30),
        "PROBE_TOKENS": environment.words("PROBE_TOKENS"),
        "PROBE_TOKENS_FILE": environment.text("PROBE_TOKENS_FILE"),
        "PROBE_PUBLIC_BADGES": environment.words("PROBE_PUBLIC_BADGES"),
        "PROBE_PUBLIC_URL": environment.text("PROBE_PUBLIC_URL"),
        "PROBE_METRICS_PER_PROBE": environment.flag("PROBE_METRICS_PER_PROBE"),
        **_LIMITS,
        "LOGIN_URL": "/accounts/login/",
        "LOGIN_REDIRECT_URL": "/probe/",
        "LOGOUT_REDIRECT_URL": "/accounts/login/",
        # Nothing below /probe redirects: kubelet and others count a redirect as a success.
        "APPEND_SLASH": False,
        # Another Django on the same host may have cookies of the usual names.
        "SESSION_COOKIE_NAME": "probe_sessionid",
        "CSRF_COOKIE_NAME": "probe_csrftoken",
        # Without TLS, as on a developer's machine, a browser would not send secure cookies back.
        "SESSION_COOKIE_SECURE": by_https,
        "CSRF_COOKIE_SECURE": by_https,
        "STATIC_URL": "/static/",
        "TEMPLATES": [_TEMPLATES],
        "AUTH_PASSWORD_VALIDATORS": [
            {"NAME": f"django.contrib.auth.password_validation.{name}"}
            for name in (
                "UserAttributeSimilarityValidator",
                "MinimumLengthValidator",
                "CommonPasswordValidator",
                "NumericPasswordValidator",
            )
        ],
    }


# How often a password may be tried for one user from one address: https://django-axes.readthedocs.io. Neither alone:
# behind a proxy that is not trusted all visitors have one address, and anybody could lock a user out everywhere.
_LIMITS: Final = {
    "AUTHENTICATION_BACKENDS": ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"],
    "AXES_LOCKOUT_PARAMETERS": [["username", "ip_address"]],
    "AXES_FAILURE_LIMIT": 10,
    "AXES_COOLOFF_TIME": timedelta(minutes=15),
    "AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT": False,
    "AXES_RESET_ON_SUCCESS": True,
    "AXES_CLIENT_IP_CALLABLE": "deploy.addresses.of_client",
    "AXES_LOCKOUT_CALLABLE": "deploy.accounts.locked_out",
    "AXES_DISABLE_ACCESS_LOG": True,  # a row for each log-in, which nobody would delete
    "AXES_SENSITIVE_PARAMETERS": ["username"],  # people type their password there
    "AXES_VERBOSE": False,
}


def check_tokens() -> None:
    """Raise UsageError if PROBE_TOKENS has an entry that is no token. Call it after the settings are loaded."""
    if getattr(conf.settings, "PROBE_TOKENS", None):
        from django_probe.history.http.access import tokens  # noqa: PLC0415 (what it imports would slow every gate down)

        for problem in tokens.setting_problems():
            raise UsageError(problem)


_TEMPLATES: Final = {
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "DIRS": [Path(__file__).resolve().parent / "templates"],
    "APP_DIRS": True,
    "OPTIONS": {
        "context_processors": [
            "django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ]
    },
}
