"""A merge is advised only where it loses nothing: otherwise the user has to name it."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate_to_pg.examine import examine
from migrate_to_pg.planning import make_plan, read_source
from migrate_to_pg.records import Advice, KeptRows, Options, Snapshot, TargetTable, TargetUnique
from migrate_to_pg.records.postgres_schema import SqliteSql
from migrate_to_pg.row_repair.engine import accept
from migrate_to_pg.row_repair.quarantine_trial import QuarantineTrial
from migrate_to_pg.system.workdir import WorkDirectory
from tests.unit.rules.examined import findings, make, table, values
from tests.unit.rules.mended import mended

PLACE = table("place", "id bigint", "code character varying(5)", "name text NULL", unique=["code"])
VISIT = table("visit", "id bigint", "place_id bigint", refers=[("place_id", "place.id")])
PLAN = table("plan", "id bigint", "place_id bigint", "note text NULL", refers=[("place_id", "place.id")])
ONE_PLAN = table(
    "plan", "id bigint", "place_id bigint", "note text NULL", refers=[("place_id", "place.id")], unique=["place_id"]
)
TARGETS = (PLACE, VISIT, PLAN)
SCHEMA = """
    CREATE TABLE place (id integer PRIMARY KEY, code, name COLLATE NOCASE);
    CREATE TABLE visit (id integer PRIMARY KEY, place_id);
    CREATE TABLE plan (id integer PRIMARY KEY, place_id, note);
    INSERT INTO visit VALUES (7, 2);
"""
EQUAL = SCHEMA + "INSERT INTO place VALUES (1, 'a', 'x'), (2, 'a', 'x');"
DIFFERING = SCHEMA + "INSERT INTO place VALUES (1, 'a', 'x'), (2, 'a', 'X');"
PLANS = EQUAL + "INSERT INTO plan VALUES (1, 1, 'now'), (2, 2, '{note}');"
SHORTENED = EQUAL + "INSERT INTO place VALUES (3, 'abcde', 'y'), (4, 'abcdefgh', 'y');"


def advised(folder: Path, script: str, *targets: TargetTable) -> tuple[Advice | None, KeptRows | None]:
    """What a run would advise, and how many rows it says would stay."""
    path = folder / "copy.sqlite3"
    make(path, script)
    catalog = read_source(path)
    plan = make_plan(catalog, targets, source_time_zone="UTC")
    found = tuple(
        f
        for f in examine(plan, catalog, path, accepted=frozenset(), progress=lambda _: None)
        if f.rule != "schema-drift"
    )
    size = path.stat().st_size
    trial = QuarantineTrial(
        plan=plan,
        catalog=catalog,
        snapshot=Snapshot(source=path, path=path, size=size, sha256="", source_sha256=""),
        findings=found,
        refusals=(),
        options=Options(),
        accepted=accept((), ()),
        workplace=WorkDirectory(folder / "report"),
    )
    left_out = trial.of_all()
    return trial.advice(found, left_out), trial.could_stay(left_out)


MERGE = Advice(fix=("merge-duplicates",))
LEFT_OUT = Advice(quarantine=("duplicate-key",))


@pytest.mark.parametrize(
    ("script", "targets", "advice", "rows"),
    [
        (EQUAL, TARGETS, MERGE, KeptRows(rows=1, of=2, fix=MERGE.fix)),
        (DIFFERING, TARGETS, LEFT_OUT, None),
        # The merge makes duplicates of what refers to the rows.
        (PLANS.format(note="now"), (PLACE, VISIT, ONE_PLAN), MERGE, KeptRows(rows=2, of=3, fix=MERGE.fix)),
        (PLANS.format(note="later"), (PLACE, VISIT, ONE_PLAN), LEFT_OUT, None),
        # Another repair that is advised makes them.
        (SHORTENED, TARGETS, Advice(fix=("text-too-long",), quarantine=LEFT_OUT.quarantine), None),
    ],
    ids=["equal", "differing", "equal-children", "differing-children", "shortened"],
)
def test_a_merge_is_advised_only_where_it_loses_nothing(
    tmp_path: Path, script: str, targets: tuple[TargetTable, ...], advice: Advice, rows: KeptRows | None
) -> None:
    given, kept = advised(tmp_path, script, *targets)
    assert given == advice
    if rows:
        assert kept == rows
    done = mended(script, *targets, accepted=accept(given.fix, given.quarantine))
    assert done.remaining == []
    assert {fate for *_, fate, _kept in done.removed} == {"merged" if advice == MERGE else "quarantined"}


def test_a_finding_says_what_a_merge_would_leave_out() -> None:
    (equal,), (differing,) = (findings(script, *TARGETS) for script in (EQUAL, DIFFERING))
    assert "differ in nothing but the primary key" in equal.remedy
    assert "1 row that it would remove differs from the one that stays, in name:" in differing.remedy
    assert "have to name it yourself" in differing.remedy
    assert (equal.repairable, differing.repairable) == (1, 1)


def test_a_finding_shows_the_rows_of_the_constraint_and_the_one_that_stays() -> None:
    condition = SqliteSql(condition="NOT (\"email\" = '')", names=("email",), columns=("email",), certain=True)
    unique = TargetUnique(name="u", columns=("email",), predicate="NOT (email = '')", sqlite=condition)
    target = table("person", "id uuid", "email text NULL", key="id", unique=[unique])
    script = """
        CREATE TABLE person (id char(32) PRIMARY KEY, email text);
        INSERT INTO person VALUES ('f0000000000000000000000000000000', 'a@x.org'),
          ('10000000000000000000000000000000', 'a@x.org'),
          ('20000000000000000000000000000000', ''), ('30000000000000000000000000000000', ''),
          ('40000000000000000000000000000000', NULL), ('50000000000000000000000000000000', NULL);
    """
    (finding,) = findings(script, target)
    assert [sample.key["id"][0] for sample in finding.samples] == ["f"]
    assert "(2 rows; id = 10000000000000000000000000000000 would stay)" in values(finding)[0]
    assert (
        'SELECT "email", count(*) FROM "person" WHERE "email" IS NOT NULL AND (NOT ("email" = \'\')) GROUP BY "email"'
        in finding.remedy
    )
    done = mended(script, target, fix=["duplicate-key"])
    assert "10000000000000000000000000000000" in {row[0] for row in done.rows["person"]}
