"""WSGI entry point: gunicorn attribution_project.wsgi."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "attribution_project.settings")

_django = get_wsgi_application()

from .body import with_content_length  # noqa: E402 - needs the settings

application = with_content_length(_django)
