"""Small source databases for the commands that are run as a person runs them."""

import subprocess
import sys

import pytest

from tests.acceptance.test_projects import ITEMS
from tests.conftest import ROOT
from tests.projects import Project


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """damage -> a database made by the command, in a process of its own."""
    folder = tmp_path_factory.mktemp("made")

    def make(damage):
        path = folder / f"{damage}.sqlite3"
        if not path.exists():
            arguments = [sys.executable, "manage.py", "make_legacy_db", path, "--damage", damage]
            subprocess.run(arguments, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return path

    return make


@pytest.fixture
def objects(tmp_path):
    """A project with every kind of object, and rows in it."""
    made = Project("objects", tmp_path)
    made.migrate()
    made.sqlite(ITEMS)
    return made
