"""Which rule explains an error of PostgreSQL, and what the reference says of the rules."""

from __future__ import annotations

import pytest

from migrate_to_pg.behaviour.__main__ import reference
from migrate_to_pg.behaviour.explain_error import rule_of_error
from migrate_to_pg.behaviour.rules import RULES
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("sqlstate", "message", "sql", "rule"),
    [
        ("42883", "function ifnull(integer, integer) does not exist", "", "unknown-function"),
        ("42883", "function last_insert_rowid() does not exist", "", "last-row-id"),
        ("42883", "operator does not exist: boolean = integer", "", "compared-types"),
        ("42883", "operator does not exist: integer == integer", "", "sqlite-syntax"),
        ("2201W", "LIMIT must not be negative", "", "sqlite-syntax"),
        ("22012", "division by zero", "", "division-by-zero"),
        ("42804", "COALESCE types text and integer cannot be matched", "", "compared-types"),
        ("22P02", 'invalid input syntax for type integer: "none"', "", "literal-of-another-type"),
        ("42703", 'column "Martin" does not exist', 'SELECT 1 WHERE name = "Martin"', "double-quoted-text"),
        ("42703", 'column "dbl" does not exist', "SELECT pages * 2 AS dbl WHERE dbl > 1", "unknown-column"),
        ("42601", 'syntax error at or near "PRAGMA"', "PRAGMA table_info(t)", "sqlite-catalogue"),
        ("42P01", 'relation "sqlite_master" does not exist', "SELECT 1 FROM sqlite_master", "sqlite-catalogue"),
        ("42601", 'syntax error at or near "`"', "SELECT 1 FROM `t`", "sqlite-syntax"),
        ("42704", 'collation "nocase" for encoding "UTF8" does not exist', "", "unknown-collation"),
        ("42704", 'type "clob" does not exist', "", "other-error"),
        ("0A000", "FOR UPDATE cannot be applied to the nullable side of an outer join", "", "locked-join"),
        ("", "select_for_update cannot be used outside of a transaction.", "", "lock-without-transaction"),
        ("", "A string literal cannot contain NUL (0x00) characters.", "", "nul-character"),
        ("25P02", "current transaction is aborted", "", "caught-in-transaction"),
        ("XX000", "something else", "", "other-error"),
    ],
)
def test_an_error_is_explained_by_its_rule(sqlstate: str, message: str, sql: str, rule: str) -> None:
    assert rule_of_error(sqlstate, message, sql) == rule


def test_the_reference_is_that_of_the_rules() -> None:
    assert (ROOT / "docs/reference/behaviour.md").read_text(encoding="utf-8") == reference()


def test_each_rule_is_complete_and_in_a_file_of_its_name() -> None:
    folder = ROOT / "migrate_to_pg/behaviour/rules"
    names = {path.stem.replace("_", "-") for path in folder.glob("*.py") if "\nRULE = " in path.read_text()}
    assert names == set(RULES)
    for rule in RULES.values():
        assert all((rule.title, rule.meaning, rule.example, rule.instead)), rule.id
