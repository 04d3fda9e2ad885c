"""A project whose models are generated: TABLES of them, on the database of DATABASE_URL."""

import os

import dj_database_url

#: How many models there are.
TABLES = int(os.environ["TABLES"])
SECRET_KEY = "for the benchmark"  # noqa: S105 - of nothing
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "migrate_to_pg", "benchmarks.many_tables"]
DATABASES = {"default": dj_database_url.config()}
