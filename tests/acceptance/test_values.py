"""Values that Django reads otherwise than they look: what becomes of each, at each level of the comparison."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import django
import psycopg
import pytest

from migrate_to_pg.rules import RULES
from tests.conftest import whole
from tests.projects import Project
from tests.tiers import first_in_ci

ZONES = {"PROJECT_USE_TZ": "0", "PROJECT_TIME_ZONE": "Europe/Stockholm"}
UUID = "00112233-4455-6677-8899-aabbccddee"
USER = (
    "INSERT INTO auth_user (id, username, first_name, last_name, email, password, is_superuser, is_staff, is_active,"
    " date_joined) VALUES ({}, {}, {}, '', '', '', 0, 0, 1, '2024-01-01 00:00:00')"
)
#: Rule -> statements that make the fault.
FAULTS: Mapping[str, tuple[str, ...]] = {
    "text-too-long": ("INSERT INTO fields_char (value) VALUES (hex(zeroblob(30)))",),
    "nul-in-text": ("INSERT INTO fields_text (value) VALUES ('a' || char(0) || 'b')",),
    "invalid-utf8": ("INSERT INTO fields_text (value) VALUES (CAST(x'63e9' AS TEXT))",),
    "wrong-storage-class": ("INSERT INTO fields_char (value) VALUES (x'6162')",),
    "text-as-blob": (
        "INSERT INTO fields_date (value) VALUES (CAST('2024-02-29' AS BLOB))",
        "INSERT INTO fields_datetime (value) VALUES (CAST('2024-02-29 12:30:00' AS BLOB))",
        "INSERT INTO fields_time (value) VALUES (CAST('12:30:00' AS BLOB))",
    ),
    "boolean-value": ("INSERT INTO fields_boolean (value) VALUES ('true')",),
    "boolean-as-read": ("INSERT INTO fields_boolean (value) VALUES ('no'), (''), (x'31')",),
    "malformed-date": ("INSERT INTO fields_date (value) VALUES (''), ('2024-02-29 12:30')",),
    "malformed-time": ("INSERT INTO fields_time (value) VALUES ('')",),
    "malformed-timestamp": ("INSERT INTO fields_datetime (value) VALUES (''), ('0000-00-00')",),
    "ambiguous-local-time": ("INSERT INTO fields_datetime (value) VALUES ('2024-10-27 02:30:00')",),
    "json-escape": (r"""INSERT INTO fields_json (value) VALUES ('"a\u0000\ud800"')""",),
    "invalid-json": ("INSERT INTO fields_json (value) VALUES ('')",),
    "invalid-uuid": ("INSERT INTO fields_uuid (value) VALUES ('')",),
    "invalid-inet": ("INSERT INTO fields_ipaddress (value) VALUES ('')",),
    "empty-key": ("INSERT INTO fields_totext (value_id) VALUES ('')",),
    "foreign-key-orphan": ("INSERT INTO fields_totext (value_id) VALUES ('nowhere')",),
    "code-in-key": ("INSERT INTO auth_user_groups (user_id, group_id) VALUES (1, 'editors')",),
    "duplicate-key": (
        "DROP INDEX auth_user_groups_user_id_group_id_94350c0c_uniq",
        "INSERT INTO auth_user_groups (user_id, group_id) VALUES (1, 2), (1, 2)",
    ),
    "null-in-not-null": (
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = replace(sql, '\"first_name\" varchar(150) NOT NULL',"
        " '\"first_name\" varchar(150)') WHERE name = 'auth_user'",
        "PRAGMA writable_schema = RESET",
        USER.format(2, "'ada'", "NULL"),
    ),
    "missing-column": ("ALTER TABLE auth_permission DROP COLUMN name",),
}
#: Have no value on any field of the project, or none at all.
ELSEWHERE = {"malformed-value", "dangling-foreign-key"}
READ_ALIKE = (
    # Spelled in two ways on two sides.
    f"INSERT INTO fields_uuidkey VALUES ('{UUID}01'), ('{UUID.replace('-', '')}02')",
    f"INSERT INTO fields_touuid (value_id) VALUES ('{UUID.replace('-', '')}01'), ('{UUID}02')",
    # With an offset, without USE_TZ.
    "INSERT INTO fields_datetime (value) VALUES ('2024-07-01 12:00:00+02:00'), ('2024-07-01T12:00:00Z')",
)


def nested(levels: int, opening: str, closing: str) -> str:
    """Keys in the order in which jsonb does not keep them, and spaces that it does not have."""
    return opening * levels + '{"b":1 , "a":[1e2 , -0.0]}' + closing * levels


def deep(*levels: int) -> list[str]:
    return [nested(n, *pair) for n in levels for pair in (("[ ", "]"), ('{"z":0 , "a":', "}"))]


def execute(path: Path, *statements: str, documents: list[str] | None = None) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            database.execute(statement)
        database.executemany("INSERT INTO fields_json (value) VALUES (?)", [[text] for text in documents or []])


def told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def rules(report: dict[str, Any], *, applied: bool | None = None) -> dict[str, int]:
    return {f["rule"]: f["count"] for f in report["findings"] if applied is None or f["applied"] is applied}


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project("fields", tmp_path_factory.mktemp("migrated"))
    project.migrate(**ZONES)
    return project.source


@pytest.fixture
def project(migrated: Path, tmp_path: Path) -> Project:
    shutil.copy(migrated, tmp_path / "db.sqlite3")
    return Project("fields", tmp_path)


@pytest.mark.parametrize("level", first_in_ci("orm", "cells", "counts"))
def test_every_repair_passes_every_level_of_the_comparison(project: Project, postgres_url: str, level: str) -> None:
    made = {rule.id for rule in RULES if rule.repair}
    assert made - ELSEWHERE == FAULTS.keys()
    execute(
        project.source,
        USER.format(1, "'bob'", "'Bob'"),
        "INSERT INTO auth_group VALUES (1, 'editors'), (2, 'others')",
        *(statement for statements in FAULTS.values() for statement in statements),
        *READ_ALIKE,
        documents=[*deep(10, 340, 490, 900, 996), *deep(1100, 1900)],
    )
    report = project.folder / "report"
    done = project.run(
        "migrate_to_pg", "--source", project.source, "--target", postgres_url, "--verify", level, "--report", report,
        "--fix", ",".join(sorted(made)), "--quarantine", "invalid-json", ok=False, **ZONES,
    )  # fmt: skip
    found = told(report)
    standing = [(f["rule"], f["table"], f["samples"]) for f in found["findings"] if f["level"] == "error"]
    assert done.returncode == 0, (standing, done.stdout)
    assert made - ELSEWHERE <= rules(found, applied=True).keys() | {"invalid-json"}
    assert rules(found)["key-spelled-otherwise"] == 2
    assert rules(found)["offset-dropped"] == 2
    with psycopg.connect(postgres_url) as connection:
        documents = connection.execute("SELECT count(*) FROM fields_json WHERE length(value::text) > 400").fetchone()
        booleans = connection.execute("SELECT value FROM fields_boolean ORDER BY id").fetchall()
    assert documents == (8,)
    assert booleans == [(True,), (False,), (None,), (True,)]


@pytest.mark.parametrize("level", first_in_ci("cells", "orm", "counts"))
def test_integers_longer_than_python_reads_are_verified_by_every_level(
    project: Project, postgres_url: str, level: str
) -> None:
    """json.loads takes 4,300 digits; jsonb takes 131,072 before the decimal point."""
    long = "7" * 4301, "-" + "3" * 5000, "1" + "0" * 100_000
    execute(project.source, documents=[*long, f'{{"a": [{long[0]}]}}', "1" + "0" * 4298 + ".5"])
    where = ("--source", project.source, "--target", postgres_url)
    project.run("migrate_to_pg", *where, "--verify", level, ok=True, **ZONES)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        held = connection.execute("SELECT value::text FROM fields_json ORDER BY id").fetchall()
        assert [row[0] for row in held[:3]] == list(long)
        connection.execute("UPDATE fields_json SET value = to_jsonb((value::text::numeric + 1)) WHERE id = 1")
    changed = project.run("migrate_to_pg", "--verify-only", "--verify", level, *where, ok=False, **ZONES)
    assert changed.returncode == (0 if level == "counts" else 3), changed.stdout + changed.stderr


def test_what_django_reads_is_all_that_is_put_there_unasked(project: Project, postgres_url: str) -> None:
    execute(project.source, "INSERT INTO fields_boolean (value) VALUES ('true'), ('f'), (1), ('t')")
    where = ("--source", project.source, "--target", postgres_url, "--verify", "orm")
    refused = project.run("migrate_to_pg", *where, ok=False, **ZONES)
    assert refused.returncode == 1
    read = project.run("migrate_to_pg", *where, "--fix", "all", ok=True, **ZONES)
    assert "Django reads False from them today" in read.stdout
    assert "--fix boolean-value, which must be named" in " ".join(read.stdout.split())
    query = "SELECT value FROM fields_boolean ORDER BY id"
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute(query).fetchall() == [(False,), (False,), (True,), (False,)]
    project.run("migrate_to_pg", *where, "--fix", "all,boolean-value", "--replace", ok=True, **ZONES)
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute(query).fetchall() == [(True,), (False,), (True,), (True,)]


@pytest.mark.full
def test_json_that_two_sqlites_judge_differently_is_named_by_every_command(project: Project, postgres_url: str) -> None:
    execute(project.source, documents=["[1]", *deep(1100, 1900), "[2]"])
    for command in (
        ("migrate_to_pg", "--check", "--source", project.source, "--json"),
        ("migrate_to_pg", "--source", project.source, "--target", postgres_url, "--json"),
        ("sqlite_doctor", project.source, "--json"),
    ):
        done = project.run(*command, ok=False, **ZONES)
        (finding,) = [f for f in json.loads(done.stdout)["findings"] if f["rule"] == "invalid-json"]
        assert (finding["count"], finding["table"]) == (4, "fields_json")
        assert [sample["key"] for sample in finding["samples"]] == [{"id": str(row)} for row in (2, 3, 4, 5)]
        assert done.returncode == 1


@pytest.mark.parametrize("exact", first_in_ci(True, False), ids=["exact", "as Django reads"])
def test_whole_decimals_cross_as_was_chosen_and_are_verified_so(
    project: Project, postgres_url: str, exact: bool
) -> None:
    held = (9007199254740993, 1234567890123456789, 12345, -9223372036854775807)
    read = ("9007199254740990", "1234567890123460000", "12345", "-9223372036854780000")
    execute(
        project.source,
        *(f"INSERT INTO fields_decimalwhole (value) VALUES ({number})" for number in held),
        *(f"INSERT INTO fields_free (value) VALUES ({number})" for number in held),
        "INSERT INTO fields_decimallong (value) VALUES (9007199254740993), (1.5)",
    )
    options = ("--source", project.source, "--target", postgres_url)
    report = project.folder / "report"
    settings = {"PROJECT_MIGRATE_TO_PG": json.dumps({"EXACT_DECIMALS": exact})}
    project.run("migrate_to_pg", *options, "--verify", "orm", "--report", report, ok=True, **(ZONES | settings))
    rounded = [f for f in told(report)["findings"] if f["rule"] == "numeric-rounded"]
    if django.VERSION < (6, 1):
        assert {f["column"]: f["count"] for f in rounded if f["table"] == "fields_decimalwhole"} == {"value": 3}
        assert rounded[0]["samples"][0]["value"] == "SQLite holds 9007199254740993, Django reads 9007199254740990"
    with psycopg.connect(postgres_url) as connection:
        there = [str(n) for (n,) in connection.execute("SELECT value FROM fields_decimalwhole ORDER BY id")]
    assert there == [str(number) if exact else whole(number, text) for number, text in zip(held, read, strict=True)]
    # Remembered on the target.
    for level in ("cells", "orm"):
        project.run("migrate_to_pg", "--verify-only", *options, "--verify", level, ok=True, **ZONES)
    other = project.run("migrate_to_pg", "--verify-only", *options, "--exact-decimals", ok=False, **ZONES)
    assert other.returncode == (0 if exact or django.VERSION >= (6, 1) else 3)
