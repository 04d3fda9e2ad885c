"""Which migrations may make other rows on PostgreSQL than on SQLite."""

from importlib import import_module

import pytest

from migrate_to_pg.project.migration_files import may_differ_by_vendor

PROJECTS = "tests.projects"


@pytest.mark.parametrize(
    ("migration", "differs"),
    [("stray.migrations.0002_stray", True), ("objects.migrations.0002_rows", False)],
)
def test_one_that_asks_for_the_vendor_may_differ(migration: str, differs: bool) -> None:
    assert may_differ_by_vendor([import_module(f"{PROJECTS}.{migration}")]) is differs
