"""The schema's own verification: as the migrations made it, every constraint checked, the next id really free."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from migrate_to_pg.postgres.schema_digest import definition_differences, read_definitions
from migrate_to_pg.records import INCOMING
from tests.conftest import Query, Server
from tests.integration.conftest import Move
from tests.tiers import first_in_ci


@pytest.mark.parametrize(
    ("statement", "told"),
    first_in_ci(
        ("DROP INDEX attributions_newest_first", "index attributions_attribution.attributions_newest_first is missing"),
        ("ALTER TABLE courses_course ALTER title DROP NOT NULL", "column courses_course.title is"),
        ("ALTER SEQUENCE courses_course_id_seq INCREMENT 2", "sequence courses_course_id_seq is"),
        ("CREATE TABLE mine (id int)", "mine"),
        ("ALTER TABLE courses_course ALTER title TYPE text", "column courses_course.title is"),
        ("ALTER TABLE courses_course ALTER level SET DEFAULT 'L1'", "column courses_course.level is"),
        (
            "DROP INDEX attributions_no_share_twice",
            "attributions_no_share_twice is missing",
        ),
        ("ALTER TABLE courses_course ADD CONSTRAINT n CHECK (id > 0) NOT VALID", "courses_course.n is not wanted"),
        ("ALTER TABLE courses_course ALTER id DROP IDENTITY", "courses_course"),
        count=3,
    ),
)
def test_what_is_not_as_the_migrations_made_it_ends_with_status_3(
    statement: str, told: str, source: Path, postgres_url: str, move: Move
) -> None:
    def change() -> None:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"SET search_path = {INCOMING}")
            connection.execute(statement.encode())

    report = move(source, postgres_url, on={"prove": change})
    assert report.failure is not None
    assert report.failure.exit_status == 3
    assert told in " ".join([report.failure.message, *report.failure.detail])
    assert report.publication is None


@pytest.mark.parametrize("short", [-1, 0])
def test_a_sequence_one_short_is_found_by_asking_it(source: Path, postgres_url: str, move: Move, short: int) -> None:
    def change() -> None:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"SET search_path = {INCOMING}")
            query = "SELECT setval('courses_course_id_seq', (SELECT max(id) FROM courses_course) + %s, %s)"
            connection.execute(query.encode(), [short, short < 0])

    report = move(source, postgres_url, on={"prove": change})
    assert report.failure is not None
    assert report.failure.exit_status == 3
    assert "courses_course.id would be" in report.failure.message


def test_the_trial_of_the_next_id_leaves_no_row_and_no_gap(
    source: Path, each_postgres_url: str, move: Move, execute: Query
) -> None:
    report = move(source, each_postgres_url)
    assert report.ok, report.failure
    for identity in report.identities:
        table, column, following = identity.table, identity.column, identity.next
        given = execute(each_postgres_url, f"SELECT nextval(pg_get_serial_sequence('{table}', '{column}'))")
        assert given == [(following,)]
        beyond = execute(each_postgres_url, f"SELECT count(*) FROM {table} WHERE {column} >= {following}")
        assert beyond == [(0,)]


def test_the_published_schema_has_the_description_of_one_that_migrate_makes(
    source: Path, servers: dict[int, Server], each_postgres_url: str, move: Move, execute: Query
) -> None:
    major = execute(each_postgres_url, "SELECT current_setting('server_version_num')::int / 10000")[0][0]
    reference = servers[major].migrated()
    assert move(source, each_postgres_url).ok
    with psycopg.connect(reference) as made, psycopg.connect(each_postgres_url) as published:
        wanted = read_definitions(made, "public")
        assert definition_differences(wanted, read_definitions(published, "public")) == []
    kinds = {item.kind for item in wanted}
    assert {"table", "column", "constraint", "index", "sequence"} <= kinds
    assert len(wanted) > 150
