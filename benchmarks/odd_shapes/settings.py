"""The settings: the database is that of DATABASE_URL."""

import dj_database_url

SECRET_KEY = "for the benchmark"  # noqa: S105 - of nothing
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.contenttypes", "migrate_to_pg", "benchmarks.odd_shapes"]
DATABASES = {"default": dj_database_url.config()}
