"""Which databases of the settings lead to the copy while a command is tried, and what of their entries is kept."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from migrate_to_pg.errors import UsageError
from migrate_to_pg.project.source_database import SourceChoice
from migrate_to_pg.trial.aliases import aliases_of_target, other_aliases
from migrate_to_pg.trial.open_copy import snapshots_directory
from migrate_to_pg.trial.startup.sitecustomize import replace_database


def sqlite(path: Path, **more: Any) -> dict[str, Any]:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": path, **more}


def postgresql(name: str) -> dict[str, Any]:
    return {"ENGINE": "django.db.backends.postgresql", "NAME": name, "HOST": "db", "PORT": 5432}


def test_the_databases_of_the_move_lead_to_the_copy_and_no_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    databases = {
        "default": sqlite(tmp_path / "db.sqlite3"),
        "again": sqlite(tmp_path / "." / "db.sqlite3"),
        "target": postgresql("app"),
        "replica": postgresql("app"),
        "analytics": postgresql("analytics"),
    }
    monkeypatch.setattr(settings, "DATABASES", databases)
    monkeypatch.setattr(settings, "MIGRATE_TO_PG", {"TARGET": "target"}, raising=False)
    choice = SourceChoice(path=tmp_path / "db.sqlite3", alias="default", time_zone="UTC")
    assert aliases_of_target(choice) == ("target", "replica")
    assert other_aliases(choice) == ("analytics",)
    assert aliases_of_target(choice, "postgres://user@db:5432/analytics") == ("target", "replica", "analytics")


def test_what_sqlite_alone_understands_does_not_reach_postgresql(tmp_path: Path) -> None:
    tests = {"NAME": tmp_path / "test.sqlite3", "MIGRATE": False, "DEPENDENCIES": ["analytics"]}
    databases = {
        "default": sqlite(tmp_path / "db.sqlite3", OPTIONS={"timeout": 20}, ATOMIC_REQUESTS=True, TEST=tests),
        "again": sqlite(tmp_path / "db.sqlite3"),
        "other": sqlite(tmp_path / "other.sqlite3"),
    }
    copy = {**postgresql("copy"), "TEST": {"TEMPLATE": "empty"}}
    replace_database(databases, ["default"], copy, str(tmp_path / "db.sqlite3"))
    test = {"TEMPLATE": "empty", "MIGRATE": False, "DEPENDENCIES": ["analytics"]}
    assert databases["default"] == {**postgresql("copy"), "ATOMIC_REQUESTS": True, "TEST": test}
    assert databases["again"]["NAME"] == "copy"
    assert databases["other"] == sqlite(tmp_path / "other.sqlite3")


def test_a_project_that_takes_no_files_has_its_copies_beside_the_named_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(settings, "BASE_DIR", tmp_path / "file")
    assert snapshots_directory(f"embedded:{tmp_path}/data") == tmp_path / "data.copies"
    assert (tmp_path / "data.copies").is_dir()
    for target in (None, "embedded"):
        with pytest.raises(UsageError) as refused:
            snapshots_directory(target)
        assert refused.value.remedy == "Name a directory that can be made, and written to: --target embedded:DIR."
