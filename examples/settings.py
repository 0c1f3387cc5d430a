"""The system that `make gate` probes: the container's project, with a small shop in it.

Everything that it keeps is in the checkout: the database beside `deploy/`, files and cache below `build/`.
"""

from pathlib import Path

from deploy import environment
from deploy.settings import *  # noqa: F403 (the form that docs/container-settings.md gives to a project's own settings)
from deploy.settings import INSTALLED_APPS as CONTAINER_APPS
from django_probe.errors import UsageError

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / "build"

if "probe_path.shop" in CONTAINER_APPS:
    raise UsageError('PROBE_PATH: there is an app "shop" already, the one in examples/; rename the file or folder')
INSTALLED_APPS = ["examples.shop", *CONTAINER_APPS]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "examples.urls"

MEDIA_ROOT = BUILD / "media"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": BUILD / "cache"}}

PROBE_POLICY = environment.text("PROBE_POLICY") or HERE / "probe.yaml"
