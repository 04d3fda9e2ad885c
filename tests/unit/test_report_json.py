"""report.json: the keys that others rely on, and values that survive."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from migrate_to_pg.records import Failure, Level, StageTime
from migrate_to_pg.report.to_json import dumps, to_json
from tests.conftest import ROOT
from tests.unit.reports import (
    FAILED,
    FRENCH,
    HOSTILE,
    LONG,
    MENDED,
    PUBLISHED,
    difference,
    finding,
    poisoned,
    unequal,
)


def test_the_keys_of_report_json_are_those_that_others_rely_on() -> None:
    report = replace(
        FAILED, findings=(finding(),), verification=unequal(difference()), publication=PUBLISHED.publication
    )
    data = json.loads(dumps(report))
    keys = """ok mode started command verify failure dump stages source_choice source target tables findings
        advice could_stay quarantined changes orm
        excluded orm_unread differences identities publication made export versions next_steps
        continue_with seconds"""
    assert set(data) == set(keys.split())
    assert set(data["stages"][0]) == {"name", "seconds"}
    source = "path bytes sha256 sha256_after tables rows snapshot journal changed left_behind dump"
    assert set(data["source"]) == set(source.split())
    assert set(data["target"]) == {"url", "version", "schema", "embedded"}
    keys = (
        "name rows_source rows_target quarantined merged cells_changed cells_compared cells_computed differences"
        " seconds of_view rows_added rows_changed rows_removed"
    )
    assert set(data["tables"][0]) == set(keys.split())
    keys = "rule level table column count samples explanation remedy repair repairable quarantinable applied"
    assert set(data["findings"][0]) == set(keys.split())
    assert set(data["identities"][0]) == {"table", "column", "next"}
    assert set(data["differences"][0]) == {"table", "key", "column", "kind", "source", "target"}
    publication = "schema tables replaced archive locked_seconds leftovers leftovers_archive source"
    assert set(data["publication"]) == set(publication.split())
    assert data["quarantined"] == data["changes"] == []
    assert data["failure"] is None


def test_the_seconds_of_a_table_are_those_of_load_and_verification() -> None:
    assert to_json(PUBLISHED)["tables"][0]["seconds"] == pytest.approx(0.75)


def test_a_table_without_verification_has_nulls_for_what_nobody_knows() -> None:
    loaded = to_json(replace(FAILED, verification=None))
    assert loaded["verify"] is None
    assert loaded["tables"] == [
        {
            "name": "courses_course",
            "rows_source": None,
            "rows_target": 7,
            "quarantined": 0,
            "merged": 0,
            "cells_changed": 0,
            "cells_compared": None,
            "cells_computed": None,
            "differences": None,
            "seconds": 0.25,
            "of_view": False,
            "rows_added": 0,
            "rows_changed": 0,
            "rows_removed": 0,
        }
    ]


def test_what_was_changed_and_set_aside_is_told_with_its_whole_rows() -> None:
    data = json.loads(dumps(MENDED))
    assert data["changes"] == [
        {
            "rule": "text-too-long",
            "table": "courses_course",
            "column": "name",
            "count": 17,
            "cells": [{"key": {"id": "7"}, "old": "'abc'", "new": "'ab'"}],
        }
    ]
    quarantined, merged = data["quarantined"]
    assert quarantined == {
        "table": "attributions_attribution",
        "rule": "foreign-key-orphan",
        "fate": "quarantined",
        "count": 3,
        "following": 0,
        "rows": [
            {
                "key": {"id": "17"},
                "reason": "Key without a parent row: course_id",
                "row": {"id": 17, "course_id": 99},
            }
        ],
    }
    assert (merged["fate"], merged["count"], merged["rows"][0]["row"]) == ("merged", 1, {"id": 9, "code": "LEPL1101"})


def test_the_account_of_each_table_adds_up() -> None:
    for told in to_json(MENDED)["tables"]:
        assert told["rows_source"] == told["rows_target"] + told["quarantined"] + told["merged"]
    assert [told["cells_changed"] for told in to_json(MENDED)["tables"]] == [0, 17, 0]


def test_every_key_is_in_the_reference() -> None:
    told = replace(FAILED, findings=(finding(),), verification=unequal(difference()), publication=PUBLISHED.publication)
    told = replace(told, changed=MENDED.changed, removed=MENDED.removed)
    reference = (ROOT / "docs/reference/report.md").read_text(encoding="utf-8")
    assert {key for key in keys_of(json.loads(dumps(told))) if f"`{key}`" not in reference} == set()


def keys_of(data: object) -> set[str]:
    """Every key at any depth but those that data made: primary keys, rows, programs."""
    if isinstance(data, list):
        return set().union(*map(keys_of, data))
    if not isinstance(data, dict):
        return set()
    inner = (keys_of(value) for key, value in data.items() if key not in ("key", "row", "versions"))
    return set(data).union(*inner)


def test_a_failure_is_told_with_its_exit_status() -> None:
    failure = Failure(message="m", detail=("d",), remedy="r", exit_status=3)
    expected = {"message": "m", "detail": ["d"], "remedy": "r", "exit_status": 3, "may_be_published": False}
    assert json.loads(dumps(replace(FAILED, failure=failure)))["failure"] == expected


@pytest.mark.parametrize("text", [*HOSTILE, LONG, FRENCH, "\u2028", "\x7f"])
def test_every_value_survives_the_way_through_json(text: str) -> None:
    data = json.loads(dumps(poisoned(text)))
    assert data["findings"][0]["samples"] == [{"key": {text: text}, "value": text}]
    assert data["differences"][0]["source"] == text
    assert data["changes"][0]["cells"] == [{"key": {text: text}, "old": text, "new": text}]
    assert data["quarantined"][0]["rows"][0]["row"] == {text: text, "n": None, "b": {"blob": text}}


def test_json_never_says_nan() -> None:
    odd = replace(PUBLISHED, stages=(StageTime(name="load", seconds=float("nan")),))
    assert json.loads(dumps(odd), parse_constant=pytest.fail)["stages"] == [{"name": "load", "seconds": None}]


def test_the_findings_that_stop_a_run_come_first() -> None:
    found = (finding(rule="w", level=Level.WARNING), finding(rule="r", applied=True), finding(rule="e"))
    assert [f["rule"] for f in to_json(replace(FAILED, findings=found))["findings"]] == ["e", "r", "w"]
