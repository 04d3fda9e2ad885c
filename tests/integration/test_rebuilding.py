"""The rebuild of a database within this process: what keeps a new file from being made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from migrate_to_pg.errors import SourceError, UsageError
from migrate_to_pg.postgres import embedded_directory
from migrate_to_pg.rebuild import rebuild as rebuild_module
from migrate_to_pg.rebuild.rebuild import rebuild
from migrate_to_pg.records import Event, Options
from tests.conftest import MakeSource
from tests.integration.repairing import change

pytestmark = pytest.mark.usefixtures("unblocked")


def test_without_the_wheel_one_line_says_what_to_install(
    make_source: MakeSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_directory, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="--rebuild needs the PostgreSQL that comes as a wheel") as refused:
        rebuild(Options(source=str(make_source("none")), target=str(tmp_path / "new.sqlite3")))
    assert refused.value.remedy == "Run: pip install 'django-migrate-to-pg[embedded]'"


def test_what_is_written_meanwhile_keeps_the_new_file_from_being_made(make_source: MakeSource, tmp_path: Path) -> None:
    old, new = Path(shutil.copy(make_source("none"), tmp_path / "db.sqlite3")), tmp_path / "new.sqlite3"
    stages: list[str] = []

    def write_late(event: Event) -> None:
        if (event.kind, event.stage) == ("stage_done", "restore"):
            stages.append(event.stage)
            if len(stages) == 2:
                change(old, "UPDATE courses_course SET title = 'late' WHERE id = 1")

    report = rebuild(Options(source=str(old), target=str(new), report=tmp_path / "report"), write_late)
    assert len(stages) == 2
    assert report.failure
    assert "was written to meanwhile" in report.failure.message
    assert report.failure.detail == ("The first difference: courses_course",)
    assert [path for path in tmp_path.iterdir() if path.name.startswith("new")] == []


def test_room_is_asked_for_on_each_disk_before_anything(
    make_source: MakeSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild_module, "_BESIDE_FILE", 1e12)
    with pytest.raises(SourceError, match=r"The rebuild needs .* TiB on the disk of .*; .* are free"):
        rebuild(
            Options(source=str(make_source("none")), target=str(tmp_path / "new.sqlite3"), report=tmp_path / "report")
        )
    assert not (tmp_path / "new.sqlite3").exists()
