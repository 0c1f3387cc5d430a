"""The WSGI application of the container's project: `gunicorn deploy.wsgi`."""

import os
import sys

from django.core.wsgi import get_wsgi_application

from django_probe.errors import UsageError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings")
try:
    application = get_wsgi_application()
except UsageError as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(2)
