"""A small project written as projects write their settings: in one dictionary, by a URL, by .env, in several files."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests import preloaded
from tests.projects import ROOT

MANAGE = """
import os, sys
{environment}
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
SET_DEFAULT = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{module}")'
BASE = """
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent{up}
SECRET_KEY = "for tests"
DEBUG = True
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.contenttypes", "notes", "migrate_to_pg"]
ROOT_URLCONF = "notes.views"
STATIC_URL = "static/"
"""
#: What SQLite alone understands, and a router that sends everything to a second alias.
DICTIONARY = """
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3", "ATOMIC_REQUESTS": True,
                "OPTIONS": {"timeout": 20}, "TEST": {"NAME": BASE_DIR / "test.sqlite3"}},
    "again": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"},
}
DATABASE_ROUTERS = ["notes.models.Again"]
"""
URL = """
import dj_database_url
DATABASES = {"default": dj_database_url.config(default=f"sqlite:///{BASE_DIR}/db.sqlite3")}
"""
#: A second database. As django-environ and python-decouple do it; what the file says overrides the environment.
ENVIRON = """
import os, dj_database_url
os.environ.update(line.split("=", 1) for line in (BASE_DIR / ".env").read_text().split())
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"]),
             "other": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "other.sqlite3"}}
"""
SPLIT = """
from .base import *
from .parts.databases import DATABASES
DATABASES["default"]["NAME"] = BASE_DIR / "db.sqlite3"
"""
PART = 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "elsewhere.sqlite3"}}\n'

MODELS = """
from django.db import models

class Note(models.Model):
    title = models.CharField(max_length=20)

class Again:
    def db_for_read(self, model, **hints):
        return "again"
    db_for_write = db_for_read
"""
MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    initial = True
    operations = [migrations.CreateModel("Note", [
        ("id", models.BigAutoField(primary_key=True, serialize=False, auto_created=True, verbose_name="ID")),
        ("title", models.CharField(max_length=20)),
    ])]
"""
VIEWS = """
from django.db import connection
from django.http import HttpResponse
from django.urls import path
from .models import Note

def add(request):
    Note.objects.create(title="added")
    return HttpResponse(f"{connection.vendor} {Note.objects.count()}")

urlpatterns = [path("", add)]
"""
#: The second passes on SQLite alone.
TESTS = """
from django.test import TestCase
from .models import Note

class NoteTests(TestCase):
    databases = "__all__"

    def test_equal(self):
        Note.objects.create(title="Martin")
        self.assertEqual(Note.objects.filter(title="Martin").count(), 1)

    def test_contains(self):
        Note.objects.create(title="Martin")
        self.assertEqual(Note.objects.filter(title__contains="mart").count(), 1)
"""
PYTEST = """
[pytest]
DJANGO_SETTINGS_MODULE = {module}
python_files = tests.py
filterwarnings = error
"""
STYLES = ("environ", "dictionary", "url", "split")


@dataclass
class Styled:
    """A project in one of the styles, with three notes in its SQLite database."""

    style: str
    folder: Path

    def __post_init__(self) -> None:
        module = "conf.local" if self.style == "split" else "conf.settings"
        files = {
            "conf/__init__.py": "",
            "notes/__init__.py": "",
            "notes/models.py": MODELS,
            "notes/views.py": VIEWS,
            "notes/tests.py": TESTS,
            "notes/migrations/__init__.py": "",
            "notes/migrations/0001_initial.py": MIGRATION,
            "pytest.ini": PYTEST.format(module=module),
            **self._settings(),
        }
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.run("migrate", "-v0")
        with closing(sqlite3.connect(self.source)) as connection, connection:
            connection.execute("INSERT INTO notes_note (title) VALUES ('Martin'), ('martin'), ('Alice')")

    def _settings(self) -> dict[str, str]:
        set_default = SET_DEFAULT.format(module="conf.settings")
        if self.style == "split":
            # Its name is on the command line alone.
            return {
                "manage.py": MANAGE.format(environment=""),
                "conf/base.py": BASE.format(up=".parent"),
                "conf/local.py": SPLIT,
                "conf/parts/__init__.py": "",
                "conf/parts/databases.py": PART,
            }
        if self.style == "environ":
            hard = 'os.environ["DJANGO_SETTINGS_MODULE"] = "conf.settings"'
            return {
                "manage.py": MANAGE.format(environment=hard),
                "conf/settings.py": BASE.format(up=".parent") + ENVIRON,
                ".env": f"DATABASE_URL=sqlite:///{self.source}\n",
            }
        own = DICTIONARY if self.style == "dictionary" else URL
        return {
            "manage.py": MANAGE.format(environment=set_default),
            "conf/settings.py": BASE.format(up=".parent") + own,
        }

    @property
    def source(self) -> Path:
        return self.folder / "db.sqlite3"

    @property
    def server(self) -> Path:
        return self.folder / ".migrate_to_pg" / "try"

    def words(self, *arguments: str) -> list[str]:
        """The words after the interpreter: manage.py, the command, and where its settings are."""
        command, *others = arguments
        given = ["--settings", "conf.local"] if self.style == "split" else []
        return ["manage.py", command, *given, *others]

    def environment(self, variables: dict[str, str]) -> dict[str, str]:
        kept = {
            key: os.environ[key] for key in ("PATH", "HOME", "LANG", "XDG_DATA_HOME", "TMPDIR") if key in os.environ
        }
        return kept | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **variables}

    def run(self, *arguments: str, status: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment(variables)
        done = preloaded.run(self.words(*arguments), cwd=self.folder, env=environment, timeout=120)
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start manage.py with its own process group, as a shell does."""
        return subprocess.Popen(
            [sys.executable, *self.words(*arguments)], cwd=self.folder, env=self.environment({}), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0,
        )  # fmt: skip
