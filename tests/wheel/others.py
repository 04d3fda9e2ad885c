"""Settings of a project with the applications that PROJECT_APPS names."""

import json
import os

from tests.projects.base import *  # noqa: F403
from tests.projects.base import BASE_DIR

INSTALLED_APPS = [
    *json.loads(os.environ["PROJECT_APPS"]),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sites",
    "migrate_to_pg",
]
SITE_ID = 1
STATIC_URL = "static/"
MEDIA_ROOT = BASE_DIR / "media"
WAGTAIL_SITE_NAME = "tests"
WAGTAILADMIN_BASE_URL = "http://localhost"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
