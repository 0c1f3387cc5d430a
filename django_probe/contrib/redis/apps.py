"""The app that a team adds to INSTALLED_APPS."""

from django.apps import AppConfig


class RedisProbesConfig(AppConfig):
    """The ready-made probes of Redis; their labels begin with `probe_redis`."""

    name = "django_probe.contrib.redis"
    label = "probe_redis"
    verbose_name = "Probes of Redis"
