"""The oracle sees what it is there to see: each lie that is planted here turns it red."""

from __future__ import annotations

import ast
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pytest_django import DjangoDbBlocker

from migrate_to_pg.pipeline import move
from migrate_to_pg.records import Options, Verify
from tests.conftest import ROOT, SERVER_VERSIONS, Server
from tests.fuzz.rounds import ORACLE, copied
from tests.tiers import these_in_ci

PARTS = sorted(Path(__file__).parent.glob("oracle*.py"))


@dataclass
class Published:
    """A healthy database, what was published of it, and the report."""

    source: Path
    url: str
    report: Path

    def judge(self, *arguments: str | Path) -> list[str]:
        """The oracle's lines, as a process of its own tells them."""
        command = [sys.executable, "-m", ORACLE, self.source, self.url, *(arguments or (self.report,))]
        judged = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, cwd=ROOT)
        assert not judged.stderr
        lines = judged.stdout.strip().splitlines()
        assert judged.returncode == bool(lines)
        return lines

    def on_postgresql(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            # Tampering is not stopped by keys.
            connection.execute("SET session_replication_role = replica")
            connection.execute(statement.encode())

    def on_sqlite(self, statement: str) -> None:
        with closing(sqlite3.connect(self.source)) as database, database:
            database.execute("PRAGMA ignore_check_constraints = ON")
            database.create_function("REGEXP", 2, lambda *_: True)
            database.execute(statement)

    def in_report(self, change: Callable[[dict[str, Any]], None]) -> None:
        report = json.loads(self.report.read_text())
        change(report)
        self.report.write_text(json.dumps(report))


@pytest.fixture(scope="module")
def template(
    healthy: Path,
    servers: dict[int, Server],
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Published:
    """Published once; each test has a copy."""
    url = servers[SERVER_VERSIONS[0]].database()
    place = tmp_path_factory.mktemp("published")
    with django_db_blocker.unblock():
        move.run(Options(source=str(healthy), target=url, verify=Verify.CELLS, report=place))
    return Published(healthy, url, place / "report.json")


@pytest.fixture
def published(template: Published, servers: dict[int, Server], tmp_path: Path) -> Published:
    source, report = (shutil.copy(path, tmp_path) for path in (template.source, template.report))
    return Published(Path(source), copied(servers[SERVER_VERSIONS[0]], template.url), Path(report))


def test_what_was_published_as_it_is_is_no_lie(published: Published) -> None:
    assert published.judge() == []


LIES = {
    "a text": ("UPDATE courses_course SET title = title || ' ' WHERE id = 3", "not on PostgreSQL: id=3, code="),
    "letters": ("UPDATE auth_user SET username = upper(username) WHERE id = 1", "auth_user: only on PostgreSQL: id=1"),
    "an accent": (
        "UPDATE auth_group SET name = normalize(name, NFD) WHERE id = 5", "auth_group: only on PostgreSQL: id=5",
    ),
    "an integer": ("UPDATE courses_course SET credits = credits + 1 WHERE id = 1", "courses_course: not on"),
    "a boolean": ("UPDATE auth_user SET is_staff = NOT is_staff WHERE id = 1", "auth_user: not on PostgreSQL: id=1"),
    "a decimal": ("UPDATE attributions_attribution SET hours = hours + 0.01 WHERE id = 9", "PostgreSQL: id=9"),
    "a microsecond": (
        "UPDATE attributions_attribution SET created_at = created_at + interval '1 microsecond' WHERE id = 4",
        "attributions_attribution: only on PostgreSQL: id=4",
    ),
    "a zone": (
        "UPDATE django_session SET expire_date = (expire_date AT TIME ZONE 'UTC') AT TIME ZONE 'Europe/Paris'",
        "django_session: not on PostgreSQL",
    ),
    "a NULL": ("UPDATE django_admin_log SET object_id = '' WHERE object_id IS NULL", "object_id=None"),
    "no NULL": ("UPDATE attributions_attribution SET created_by_id = NULL WHERE id = 2", "created_by_id=None"),
    "a key": ("UPDATE auth_user_groups SET group_id = 1 WHERE id = 1", "auth_user_groups: only on PostgreSQL: id=1"),
    "a primary key": ("UPDATE auth_group_permissions SET id = 99 WHERE id = 3", "only on PostgreSQL: id=99"),
    "a row less": ("DELETE FROM attributions_attribution WHERE id = 7", "attribution: not on PostgreSQL: id=7"),
    "a row more": ("INSERT INTO auth_group (name) VALUES ('more')", "auth_group: only on PostgreSQL: id=7"),
    "an address": (
        "UPDATE axes_accesslog SET ip_address = '2001:db8::2'", "axes_accesslog: not on PostgreSQL: id=1",
    ),
    "two rows exchanged": (
        "UPDATE courses_course c SET title = d.title FROM courses_course d WHERE c.id IN (1, 2) AND c.id + d.id = 3",
        "courses_course: not on PostgreSQL: id=2",
    ),
    "a table less": ("DROP TABLE django_admin_log", "django_admin_log.id was left behind"),
    "a column less": ("ALTER TABLE courses_course DROP COLUMN title", "courses_course.title was left behind"),
    "ids given again": ("ALTER SEQUENCE attributions_attribution_id_seq RESTART 5", "the next id is 5, 400 was given"),
    "a constraint that nobody checked": (
        "ALTER TABLE auth_group ADD CONSTRAINT x CHECK (id > 100) NOT VALID", "constraint not validated: x",
    ),
    "a trigger that is off": ("ALTER TABLE auth_user_groups DISABLE TRIGGER ALL", "trigger off"),
    "a schema left over": ("CREATE SCHEMA migrate_to_pg_incoming", "left over: migrate_to_pg_incoming"),
}  # fmt: skip


@pytest.mark.parametrize("lie", these_in_ci(LIES, "a text", "an integer", "a decimal", "a microsecond"))
def test_a_lie_of_postgresql_s_is_seen(published: Published, lie: str) -> None:
    statement, words = LIES[lie]
    published.on_postgresql(statement)
    assert any(words in line for line in published.judge())


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE attributions_attribution SET hours = 12.345 WHERE id = 1", "hours=Decimal('12.34')"),
        ("UPDATE attributions_attribution SET hours = 1e9 WHERE id = 1", "hours=Unreadable"),
        ("UPDATE attributions_attribution SET created_at = '2024-1-5 10:00' WHERE id = 1", "=1704448800000000"),
        ("UPDATE attributions_attribution SET created_at = '5 janvier' WHERE id = 1", "created_at=Unreadable"),
        ("UPDATE auth_user SET is_active = 'yes' WHERE id = 1", "is_active=Unreadable"),
        ("UPDATE courses_course SET title = CAST(x'ff' AS TEXT) WHERE id = 1", "title=Unreadable"),
        ("UPDATE courses_course SET title = x'61' WHERE id = 1", "title=Unreadable"),
        ("UPDATE courses_course SET credits = 1.5 WHERE id = 1", "credits=Unreadable"),
        ("UPDATE sqlite_sequence SET seq = 1000 WHERE name = 'courses_course'", "1000 was given"),
        ("CREATE TABLE forgotten AS SELECT 1 AS one", "forgotten.one was left behind"),
        ("ALTER TABLE auth_group ADD COLUMN colour DEFAULT 'red'", "auth_group.colour was left behind"),
    ],
)  # fmt: skip
def test_what_sqlite_holds_else_is_seen(published: Published, statement: str, words: str) -> None:
    published.on_sqlite(statement)
    assert any(words in line for line in published.judge())


@pytest.mark.parametrize("written", ["2026-09-01T08:00:00Z", "2026-09-01 10:00:00.0000009+02:00", "20260901T08"])
def test_other_spellings_of_an_instant_are_that_instant(published: Published, written: str) -> None:
    published.on_sqlite(f"UPDATE django_admin_log SET action_time = '{written}' WHERE id = 1")
    published.on_postgresql("UPDATE django_admin_log SET action_time = '2026-09-01 08:00Z' WHERE id = 1")
    assert published.judge() == []


@pytest.mark.parametrize(
    ("key", "value"), [("cells_compared", 0), ("differences", 1), ("rows_target", 81), ("name", "another")]
)
def test_a_table_that_was_not_verified_is_seen(published: Published, key: str, value: object) -> None:
    def change(report: dict[str, Any]) -> None:
        next(t for t in report["tables"] if t["name"] == "courses_course")[key] = value

    published.in_report(change)
    assert any(line.startswith("courses_course: ") for line in published.judge())


def test_a_publication_whose_verification_only_counted_is_seen(published: Published) -> None:
    published.in_report(lambda report: report.update(verify="counts"))
    assert any("counts" in line for line in published.judge())


def test_what_a_failed_run_leaves_is_seen(published: Published) -> None:
    published.in_report(lambda report: report.update(publication=None, ok=False))
    assert "the run failed, and left public.auth_user" in published.judge()
    # What was there before, and is still as it was, may stay.
    assert published.judge(published.report, "--before", published.source) == []
    published.on_postgresql("UPDATE auth_user SET username = 'x' WHERE id = 1")
    assert published.judge(published.report, "--before", published.source)


# --- the record of what was changed and set aside ---

BOOKS = """
CREATE TABLE IF NOT EXISTS migrate_to_pg.quarantine (
    id bigserial, run bigint, table_name text, key jsonb, row jsonb, rule text, reason text, fate text);
CREATE TABLE IF NOT EXISTS migrate_to_pg.changed_cell (
    id bigserial, run bigint, table_name text, column_name text, key jsonb, rule text, old jsonb, new jsonb);
"""
TOO_LONG = "UPDATE courses_course SET level = 'L1 approfondi' WHERE id = 1"


def cut(published: Published, old: str = "L1 approfondi", new: str = "L1", key: int = 1) -> None:
    """PostgreSQL holds what the record calls new."""
    published.on_postgresql(f"UPDATE courses_course SET level = 'L1' WHERE id = 1; {BOOKS}")
    published.on_postgresql(
        "INSERT INTO migrate_to_pg.changed_cell (run, table_name, column_name, key, rule, old, new) SELECT max(id),"
        f""" 'courses_course', 'level', '{{"id": "{key}"}}', 'text-too-long', '"{old}"', '"{new}"'"""
        " FROM migrate_to_pg.publication"
    )


def test_a_change_that_had_to_be_and_is_on_record_is_no_lie(published: Published) -> None:
    published.on_sqlite(TOO_LONG)
    cut(published)
    assert published.judge() == []


@pytest.mark.parametrize("lie", [{"old": "L1ter"}, {"new": "L2"}, {"key": 2}])
def test_a_record_that_is_not_true_is_seen(published: Published, lie: dict[str, Any]) -> None:
    published.on_sqlite(TOO_LONG)
    cut(published, **lie)
    assert published.judge()


def test_a_change_on_record_without_need_is_seen(published: Published) -> None:
    published.on_sqlite("UPDATE courses_course SET level = 'D3' WHERE id = 1")
    cut(published, old="D3")
    assert any("changed without need" in line for line in published.judge())


def set_aside(published: Published) -> None:
    """Session ABC... goes into the quarantine."""
    published.on_postgresql(f"""{BOOKS}
        INSERT INTO migrate_to_pg.quarantine (run, table_name, key, row, rule, reason, fate)
        SELECT (SELECT max(id) FROM migrate_to_pg.publication), 'django_session',
        jsonb_build_object('session_key', session_key),
        jsonb_build_object('session_key', session_key, 'session_data', session_data, 'expire_date', 'never'),
        'malformed-timestamp', '', 'quarantined' FROM django_session WHERE session_key LIKE 'ABC%';
        DELETE FROM django_session WHERE session_key LIKE 'ABC%'
    """)
    published.in_report(
        lambda report: next(t for t in report["tables"] if t["name"] == "django_session").update(rows_target=1)
    )


def test_a_row_that_had_to_be_set_aside_is_no_lie(published: Published) -> None:
    published.on_sqlite("UPDATE django_session SET expire_date = 'never' WHERE session_key GLOB 'ABC*'")
    set_aside(published)
    assert published.judge() == []


def test_a_row_in_quarantine_that_sqlite_does_not_hold_is_seen(published: Published) -> None:
    set_aside(published)
    assert any("SQLite has no such row" in line for line in published.judge())


def test_a_row_set_aside_without_need_is_seen(published: Published) -> None:
    published.on_sqlite("UPDATE django_session SET expire_date = '2030-01-01' WHERE session_key GLOB 'ABC*'")
    set_aside(published)
    published.on_postgresql("""UPDATE migrate_to_pg.quarantine SET row = row || '{"expire_date": "2030-01-01"}'""")
    assert any("quarantined by malformed-timestamp without need" in line for line in published.judge())


# --- nothing in common ---


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_the_oracle_imports_nothing_of_the_product_nor_of_django(part: Path) -> None:
    allowed = sys.stdlib_module_names | {"psycopg"}
    parts = {f"tests.fuzz.{path.stem}" for path in PARTS}
    for node in ast.walk(ast.parse(part.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= allowed
        elif isinstance(node, ast.ImportFrom):
            assert not node.level
            assert node.module in parts or str(node.module).split(".")[0] in allowed


def test_nor_does_anything_that_it_imports(published: Published) -> None:
    program = (
        "import runpy, sys\n"
        "try: runpy.run_module(sys.argv[1], run_name='__main__')\n"
        "except SystemExit: print({'django', 'migrate_to_pg', 'pyarrow'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program, ORACLE, published.source, published.url, published.report]
    ran = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.split() == ["set()"]
