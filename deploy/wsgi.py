"""The WSGI application of the container's project: `gunicorn deploy.wsgi`."""

import os
import sys
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.wsgi import get_wsgi_application

from deploy import history
from django_probe.errors import UsageError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings")
try:
    application = get_wsgi_application()
    history.check_tokens()
except UsageError as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(2)

# The admin's styles and scripts are Django's own files, and no other server serves them here.
if apps.is_installed("django.contrib.admin"):
    from whitenoise import WhiteNoise

    files = Path(apps.get_app_config("admin").path) / "static"
    application = WhiteNoise(application, files, settings.STATIC_URL, max_age=3600, allow_all_origins=False)
