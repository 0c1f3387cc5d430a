"""Settings from the environment alone; docs/container-settings.md is the table of its variables."""

import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key

from deploy import environment, history, logs, probe_path, services

DEPLOY = Path(__file__).resolve().parent

# A gate needs no key that is set: nothing that it signs is read by another process.
SECRET_KEY = environment.text("SECRET_KEY") or get_random_secret_key()
# If a proxy ends TLS, the browser sees the pages under another origin than this server does.
CSRF_TRUSTED_ORIGINS = environment.origins("CSRF_TRUSTED_ORIGINS")
ALLOWED_HOSTS = environment.hosts("ALLOWED_HOSTS") or [
    ".localhost",
    "127.0.0.1",
    "[::1]",
    *environment.hosts_of(CSRF_TRUSTED_ORIGINS),
]

# By label. An app on PROBE_PATH with one of these labels is refused by name, before Django finds two.
apps = {
    "contenttypes": "django.contrib.contenttypes",
    "auth": "django.contrib.auth",
    "django_probe": "django_probe",
    "probe_platform": "django_probe.contrib.platform",
    "probe_http": "django_probe.contrib.http",
    "checks": "django_probe.contrib.checks",
}
DATABASES = {
    "default": services.database("DATABASE_URL") or {"ENGINE": services.SQLITE, "NAME": DEPLOY.parent / "db.sqlite3"}
}
if history_database := history.database(DATABASES["default"]):
    apps = {**history.APPS, **apps}
    DATABASES[history.ALIAS] = history_database
folders = [Path(folder).absolute() for folder in environment.text("PROBE_PATH").split(os.pathsep) if folder]
INSTALLED_APPS = [*apps.values(), *probe_path.install(folders, apps)]

# This comes first, so that kubelet gets its answer whatever ALLOWED_HOSTS says.
MIDDLEWARE = ["django_probe.middleware.ProbeMiddleware", *(history.MIDDLEWARE if history_database else [])]
ROOT_URLCONF = "deploy.urls"
WSGI_APPLICATION = "deploy.wsgi.application"

if history_database:
    globals().update(history.settings(CSRF_TRUSTED_ORIGINS))
if cache := services.cache():
    CACHES = {"default": cache}
globals().update(services.email())

TIME_ZONE = "UTC"

PROBE_POLICY = environment.text("PROBE_POLICY") or DEPLOY / "probe.yaml"
PROBE_RUNNER = environment.text("PROBE_RUNNER")

# A gate and the other commands write for people all the same; deploy/gunicorn.conf.py sets the variable for a server.
LOGGING = logs.settings(logs.form(logs.TEXT))
