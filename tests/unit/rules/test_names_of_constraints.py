"""A constraint is called by its name where PostgreSQL has one; without a server the model alone is spoken of."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest

from migrate_to_pg.records import SqliteSql, TargetCheck, TargetTable
from tests.unit.rules.examined import findings, table

PARENT = table("parent", "id bigint")
BASE = table("t", "id bigint", "parent_id bigint", "n bigint", "long text", index=["long"], unique=["n"])
SCRIPT = """
    CREATE TABLE parent (id integer PRIMARY KEY);
    CREATE TABLE t (id integer PRIMARY KEY, parent_id bigint, n bigint, long text);
"""
CHECK = TargetCheck(
    name="t_n_check",
    expression="n >= 0",
    sqlite=SqliteSql(condition='"n" >= 0', columns=("n",), names=("n",), certain=True),
)
LONG = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=9000))  # noqa: S311


def target(*, named: bool) -> TargetTable:
    keys = table("t", refers=[("parent_id", "parent.id")]).foreign_keys
    whole = dataclasses.replace(BASE, foreign_keys=keys, checks=(CHECK,))
    parts: dict[str, Any] = {
        part: tuple(dataclasses.replace(one, named=named) for one in getattr(whole, part))
        for part in ("uniques", "foreign_keys", "checks", "indexes")
    }
    return dataclasses.replace(whole, **parts)


@pytest.mark.parametrize(
    ("rule", "rows", "name", "instead"),
    [
        ("foreign-key-orphan", "(1, 7, 1, '')", "t_parent_id_fk", "refuse this foreign key of the model."),
        (
            "duplicate-key",
            "(1, NULL, 1, ''), (2, NULL, 1, '')",
            "t_n_key",
            "refuse the unique constraint of the model.",
        ),
        (
            "check-constraint",
            "(1, NULL, -1, '')",
            "t_n_check",
            "The model has the constraint CHECK (n >= 0) on PostgreSQL",
        ),
        ("btree-too-large", f"(1, NULL, 1, '{LONG}')", "t_long_idx", "in an index of the model"),
    ],
)
def test_a_name_that_only_the_migrations_give_is_not_told(rule: str, rows: str, name: str, instead: str) -> None:
    script = SCRIPT + f"INSERT INTO t VALUES {rows};"
    for named in (True, False):
        (found,) = [one for one in findings(script, PARENT, target(named=named)) if one.rule == rule]
        assert (name in found.explanation) == named
        assert (instead in found.explanation) == (not named)
