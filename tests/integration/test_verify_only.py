"""--verify-only: any day after a publication, what still is as it was, and what is not, by name."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from pytest_django import DjangoDbBlocker

from migrate_to_pg.errors import UsageError
from migrate_to_pg.pipeline.verify import verify_published
from migrate_to_pg.records import Difference, Leftovers, Options, Report, Verify
from migrate_to_pg.sqlite.checksums import file_sha256
from tests.conftest import Query
from tests.integration.conftest import Move
from tests.tiers import first_in_ci

ALL = {
    "fix": ("all", "code-in-key", "merge-duplicates", "text-too-long"),
    "quarantine": ("all", "foreign-key-orphan"),
    "leftovers": Leftovers.SKIP,
}


def snapshot_of(report: Report) -> Path:
    """The snapshot that a run has kept."""
    assert report.source
    return Path(report.source.snapshot)


@pytest.fixture
def verify_again(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Callable[..., Report]:
    def run(source: str | Path | None, url: str, *, verify: Verify = Verify.CELLS) -> Report:
        options = Options(
            source=None if source is None else str(source),
            target=url,
            mode="verify_only",
            verify=verify,
            report=tmp_path / "verified",
        )
        with django_db_blocker.unblock():
            return verify_published(options)

    return run


def differences(report: Report) -> list[Difference]:
    assert report.verification is not None
    return [sample for table in report.verification.tables for sample in table.samples]


def test_a_publication_is_verified_against_the_source_and_the_kept_snapshot(
    source: Path, each_postgres_url: str, move: Move, verify_again: Callable[..., Report]
) -> None:
    published = move(source, each_postgres_url)
    assert published.source is not None
    for path in (source, Path(published.source.snapshot)):
        before = file_sha256(path)
        report = verify_again(path, each_postgres_url)
        assert report.ok, report.failure
        assert report.verification is not None
        assert sum(table.cells_compared for table in report.verification.tables) > 5000
        assert file_sha256(path) == before
    told = json.loads(((published_folder(report)) / "report.json").read_text())
    assert (told["ok"], told["mode"], told["verify"]) == (True, "verify_only", "cells")


def published_folder(report: Report) -> Path:
    assert report.source is not None
    return Path(report.source.path).parent.parent.parent / "verified"


def test_rows_that_changed_since_are_named_with_status_3(
    source: Path, postgres_url: str, move: Move, verify_again: Callable[..., Report], execute: Query
) -> None:
    snapshot = snapshot_of(move(source, postgres_url))
    execute(postgres_url, "UPDATE courses_course SET title = 'Autre' WHERE id = 7")
    execute(postgres_url, "DELETE FROM attributions_attribution WHERE id = 3")
    execute(postgres_url, "INSERT INTO auth_group (id, name) VALUES (50, 'nouveau')")
    report = verify_again(snapshot, postgres_url)
    assert report.failure is not None
    assert report.failure.exit_status == 3
    found = {(d.table, d.kind, d.column, d.key["id"]) for d in differences(report)}
    assert found == {
        ("courses_course", "changed", "title", "7"),
        ("attributions_attribution", "missing", "", "3"),
        ("auth_group", "extra", "", "50"),
    }


def test_the_source_that_moved_on_is_told_too(
    source: Path, postgres_url: str, move: Move, verify_again: Callable[..., Report]
) -> None:
    move(source, postgres_url)
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE attributions_teacher SET last_name = 'X' WHERE id = 2")
    report = verify_again(source, postgres_url)
    assert [(d.table, d.column, d.source) for d in differences(report)] == [("attributions_teacher", "last_name", "X")]


def test_what_repairs_changed_is_explained_by_the_kept_journal(
    make_damaged: Callable[[str], Path], postgres_url: str, move: Move, verify_again: Callable[..., Report]
) -> None:
    published = move(make_damaged("duplicates,too-long,code-in-fk,orphans"), postgres_url, **ALL)
    assert published.ok, published.failure
    assert published.source is not None
    snapshot = Path(published.source.snapshot)
    assert verify_again(snapshot, postgres_url).ok
    snapshot.with_name("journal.sqlite3").unlink()
    report = verify_again(snapshot, postgres_url)
    assert report.failure is not None
    assert report.failure.exit_status == 3


REPAIRED = "duplicates,too-long,code-in-fk,orphans"


@pytest.mark.parametrize(
    "damage",
    first_in_ci(
        "DELETE FROM {rows}",
        "UPDATE changed SET key = x'00'",
        "DROP TABLE {rows}",
        "UPDATE aside SET fate = 'elsewhere'",
        "UPDATE aside SET key = 'none'",
    ),
)
def test_a_journal_that_lost_a_quarantined_row_or_is_damaged_is_named_with_status_3(
    damage: str,
    make_damaged: Callable[[str], Path],
    postgres_url: str,
    move: Move,
    verify_again: Callable[..., Report],
) -> None:
    snapshot = snapshot_of(move(make_damaged(REPAIRED), postgres_url, **ALL))
    journal = snapshot.with_name("journal.sqlite3")
    with closing(sqlite3.connect(journal)) as connection, connection:
        (table,) = connection.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'rows of %'").fetchone()
        connection.execute(damage.format(rows=f'"{table}"'))
    report = verify_again(snapshot, postgres_url)
    assert report.failure is not None
    assert report.failure.message == f"The journal of the repairs is incomplete or damaged: {journal}."
    assert report.failure.exit_status == 3


def test_after_repairs_the_snapshot_that_the_publication_recorded_is_taken(
    make_damaged: Callable[[str], Path], postgres_url: str, move: Move, verify_again: Callable[..., Report]
) -> None:
    source = make_damaged(REPAIRED)
    snapshot = snapshot_of(move(source, postgres_url, **ALL))
    report = verify_again(None, postgres_url)
    assert report.ok, report.failure
    assert report.source is not None
    assert report.source.path == str(snapshot)
    assert "the snapshot of the publication, whose journal explains its repairs" in report.source_choice
    # Whoever names a file that nobody wrote to since is told the same of it.
    assert verify_again(source, postgres_url).ok
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE courses_course SET title = 'Autre' WHERE id = 7")
    changed = verify_again(source, postgres_url)
    assert changed.failure is not None
    assert changed.failure.exit_status == 3
    assert (
        f"What repairs changed is explained by the kept snapshot alone: --source {snapshot}." in changed.failure.remedy
    )
    assert verify_again(None, postgres_url).ok


@pytest.mark.full
@pytest.mark.parametrize("gone", ["journal.sqlite3", "snapshot.sqlite3"])
def test_where_the_record_of_the_repairs_is_gone_a_source_is_asked_for(
    gone: str,
    make_damaged: Callable[[str], Path],
    postgres_url: str,
    move: Move,
    verify_again: Callable[..., Report],
) -> None:
    snapshot = snapshot_of(move(make_damaged(REPAIRED), postgres_url, **ALL))
    snapshot.with_name(gone).unlink()
    with pytest.raises(UsageError, match="Repairs were made before this was published") as asked:
        verify_again(None, postgres_url)
    assert str(snapshot) in str(asked.value)
    assert "--source PATH" in asked.value.remedy


def test_nothing_is_written_and_a_role_that_may_only_read_will_do(
    source: Path, postgres_url: str, move: Move, verify_again: Callable[..., Report], execute: Query
) -> None:
    snapshot = snapshot_of(move(source, postgres_url))
    execute(
        postgres_url,
        "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA public TO reader;"
        " GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
    )
    beside = sorted(snapshot.parent.iterdir())
    schemas = execute(postgres_url, "SELECT nspname FROM pg_namespace ORDER BY 1")
    with psycopg.connect(postgres_url) as connection:
        before = connection.execute("SELECT pg_current_wal_lsn()").fetchone()
    report = verify_again(snapshot, postgres_url.replace("postgres@", "reader@"))
    assert report.ok, report.failure
    assert sorted(snapshot.parent.iterdir()) == beside
    assert execute(postgres_url, "SELECT nspname FROM pg_namespace ORDER BY 1") == schemas
    assert before is not None
    execute(postgres_url, "DROP OWNED BY reader; DROP ROLE reader")


@pytest.mark.full
def test_row_counts_alone_where_they_are_asked_for(
    source: Path, postgres_url: str, move: Move, verify_again: Callable[..., Report], execute: Query
) -> None:
    move(source, postgres_url)
    execute(postgres_url, "UPDATE courses_course SET title = 'Autre' WHERE id = 7")
    assert verify_again(source, postgres_url, verify=Verify.COUNTS).ok
    execute(postgres_url, "DELETE FROM attributions_attribution WHERE id = 3")
    refused = verify_again(source, postgres_url, verify=Verify.COUNTS).failure
    assert refused
    assert refused.exit_status == 3


def test_a_database_to_which_nothing_was_published_is_told(
    source: Path, postgres_url: str, verify_again: Callable[..., Report]
) -> None:
    report = verify_again(source, postgres_url)
    assert report.failure is not None
    assert report.failure.exit_status == 3
    assert "has none of the source's tables" in report.failure.message


# --- the kept snapshot ---


def _edit_rows(snapshot: Path, url: str) -> None:
    """On both sides alike, so that every cell is equal."""
    edit = "UPDATE courses_course SET title = 'Autre' WHERE id = 7"
    with closing(sqlite3.connect(snapshot)) as database, database:
        database.execute(edit)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(edit)


def _edit_sum(snapshot: Path, url: str) -> None:
    kept = snapshot.with_name(f"{snapshot.name}.sha256")
    first, rest = kept.read_text()[0], kept.read_text()[1:]
    kept.write_text(("1" if first == "0" else "0") + rest)


def _edit_header(snapshot: Path, url: str) -> None:
    """The same rows in another file."""
    with closing(sqlite3.connect(snapshot)) as database:
        database.execute("PRAGMA user_version = 7")


@pytest.mark.parametrize("change", first_in_ci(_edit_rows, _edit_sum, _edit_header))
def test_a_kept_snapshot_that_is_not_what_its_sum_says_is_not_verified_against(
    source: Path,
    postgres_url: str,
    move: Move,
    verify_again: Callable[..., Report],
    change: Callable[[Path, str], None],
) -> None:
    snapshot = snapshot_of(move(source, postgres_url))
    assert verify_again(snapshot, postgres_url).ok
    change(snapshot, postgres_url)
    assert not snapshot.with_name(f"{snapshot.name}-wal").exists()
    refused = verify_again(snapshot, postgres_url)
    assert refused.failure is not None
    assert f"The snapshot {snapshot} was changed after it was made" in refused.failure.message
    assert refused.verification is None


@pytest.mark.full
def test_a_kept_snapshot_without_a_sum_is_compared_as_it_is(
    source: Path, postgres_url: str, move: Move, verify_again: Callable[..., Report]
) -> None:
    """Versions before the sum was kept left none."""
    snapshot = snapshot_of(move(source, postgres_url))
    snapshot.with_name(f"{snapshot.name}.sha256").unlink()
    assert verify_again(snapshot, postgres_url).ok
