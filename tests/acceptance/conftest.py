"""Small source databases for the commands that are run as a person runs them."""

from pathlib import Path

import pytest

from tests.acceptance.test_projects import ITEMS
from tests.projects import Project


@pytest.fixture
def objects(tmp_path: Path) -> Project:
    """A project with every kind of object, and rows in it."""
    made = Project("objects", tmp_path)
    made.migrate()
    made.sqlite(ITEMS)
    return made


@pytest.fixture
def stray(tmp_path: Path) -> Project:
    """A project with one model, and no rows."""
    made = Project("stray", tmp_path)
    made.migrate()
    return made


@pytest.fixture
def stray_rows(stray: Project) -> Project:
    """The same with two rows."""
    stray.sqlite("INSERT INTO stray_thing (name) VALUES ('a'), ('b')")
    return stray
