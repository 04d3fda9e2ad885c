"""The application as a web server sees it: gunicorn attribution_project.wsgi."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "attribution_project.settings")

application = get_wsgi_application()
