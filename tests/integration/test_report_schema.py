"""report.json of every kind of run against the JSON Schema in the docs, and the schema against the page about it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from jsonschema import Draft202012Validator

from migrate_to_pg.pipeline import undo_and_purge
from migrate_to_pg.pipeline.verify import verify_published
from migrate_to_pg.records import INCOMING, Leftovers, Options, Report, Verify
from migrate_to_pg.report.to_json import to_json
from tests.conftest import ROOT
from tests.integration.conftest import Move

REFERENCE = ROOT / "docs" / "reference"
SCHEMA = json.loads((REFERENCE / "report.schema.json").read_text())
ALL = {
    "fix": ("all", "code-in-key", "merge-duplicates", "text-too-long"),
    "quarantine": ("all",),
    "leftovers": Leftovers.SKIP,
}


def check_valid(report: Report) -> dict[str, Any]:
    told = json.loads(json.dumps(to_json(report)))
    errors = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(told)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []
    return told  # type: ignore[no-any-return]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_a_published_an_undone_and_a_verified_run(
    source: Path, postgres_url: str, move: Move, tmp_path: Path, unblocked: None
) -> None:
    published = move(source, postgres_url, verify=Verify.ORM)
    assert check_valid(published)["publication"] is not None
    assert published.source is not None
    options: dict[str, Any] = {"target": postgres_url, "report": tmp_path / "later"}
    check_valid(verify_published(Options(source=published.source.snapshot, mode="verify_only", **options)))
    assert check_valid(undo_and_purge.undo(Options(mode="undo", **options)))["mode"] == "undo"


def test_a_check_a_rehearsal_and_a_blocked_run(
    make_damaged: Callable[[str], Path], postgres_url: str, move: Move
) -> None:
    source = make_damaged("all")
    assert check_valid(move(source, None, mode="check"))["target"] is None
    assert check_valid(move(source, postgres_url))["failure"]["exit_status"] == 1
    told = check_valid(move(source, postgres_url, mode="rehearse", **ALL))
    assert told["quarantined"]
    assert told["changes"]


def test_a_failed_verification(source: Path, postgres_url: str, move: Move) -> None:
    def change() -> None:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"DELETE FROM {INCOMING}.attributions_attribution WHERE id < 30".encode())
            connection.execute(f"UPDATE {INCOMING}.courses_course SET title = 'x' WHERE id = 7".encode())

    told = check_valid(move(source, postgres_url, on={"prove": change}))
    assert {difference["kind"] for difference in told["differences"]} == {"missing", "changed"}


def test_a_run_that_ended_before_it_began(source: Path, move: Move) -> None:
    assert check_valid(move(source, "postgres://nobody@127.0.0.1:1/none"))["source"] is None


@pytest.mark.parametrize(
    ("part", "heading"),
    [((), "report.json"), (("tables",), "tables"), (("findings",), "findings"), (("quarantined",), "quarantined")],
)
def test_the_page_tells_of_every_key(part: tuple[str, ...], heading: str) -> None:
    page = (REFERENCE / "report.md").read_text()
    section = re.split(r"^#+ ", page, flags=re.M)
    text = next(piece for piece in section if piece.startswith(f"{heading}\n"))
    told = {name for row in re.findall(r"^\| (`[^|]+) \|", text, flags=re.M) for name in re.findall(r"`(\w+)`", row)}
    assert told == set(keys(part))


def keys(part: tuple[str, ...]) -> Iterator[str]:
    found = SCHEMA
    for name in part:
        found = found["properties"][name]["items"]
    yield from found["properties"]
