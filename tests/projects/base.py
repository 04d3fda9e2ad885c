"""Settings that all of the projects share: SQLite where the command is called, or what DATABASE_URL names."""

import json
import os
from pathlib import Path

import dj_database_url

#: Seldom by a variable: another value makes the command learn anew what the migrations make.
BASE_DIR = Path(os.environ.get("PROJECT_FOLDER") or Path.cwd())
SECRET_KEY = "for tests"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "migrate_to_pg"]
MIGRATE_TO_PG = json.loads(os.environ.get("PROJECT_MIGRATE_TO_PG", "{}"))
DATABASES = {"default": dj_database_url.config(default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
