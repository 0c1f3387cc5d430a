"""The app that a team adds to INSTALLED_APPS."""

from django.apps import AppConfig


class CeleryProbesConfig(AppConfig):
    """The ready-made probes of Celery; their labels begin with `probe_celery`."""

    name = "django_probe.contrib.celery"
    label = "probe_celery"
    verbose_name = "Probes of Celery"
