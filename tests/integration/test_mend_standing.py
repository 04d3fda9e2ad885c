"""What is said of findings that stand although their repair was accepted: it is not offered again."""

from __future__ import annotations

from migrate_to_pg.records import Finding
from tests.unit.rules.examined import table
from tests.unit.rules.mended import mended

NUMBERS = table("numbers", "id bigint", "amount integer")
TEXTS = table("numbers", "id bigint", "amount text")
#: No repair has anything to put in place of a number that is missing.
MISSING = "CREATE TABLE numbers (id integer PRIMARY KEY, amount integer); INSERT INTO numbers VALUES (1, NULL);"


def only(findings: tuple[Finding, ...], rule: str) -> Finding:
    (found,) = [finding for finding in findings if finding.rule == rule]
    return found


def test_a_repair_that_could_do_nothing_is_not_offered_again() -> None:
    found = only(mended(MISSING, NUMBERS, fix=["null-in-not-null"]).findings, "null-in-not-null")
    assert (found.applied, found.repair, found.quarantinable) == (False, "", True)


def test_quarantine_that_could_not_be_made_is_not_offered_again() -> None:
    # Rows of Django's own record are never set aside.
    script = (
        "CREATE TABLE django_migrations (id integer PRIMARY KEY, app text, name text NULL);"
        "INSERT INTO django_migrations VALUES (1, 'app', '0001_initial'), (2, 'app', NULL);"
    )
    target = table("django_migrations", "id bigint", "app text", "name text")
    found = only(mended(script, target, quarantine=["null-in-not-null"]).findings, "null-in-not-null")
    assert (found.applied, found.quarantinable) == (False, False)


def test_what_was_not_accepted_is_still_offered() -> None:
    found = only(
        mended(MISSING.replace("amount integer", "amount"), TEXTS, fix=["text-too-long"]).findings, "null-in-not-null"
    )
    assert (found.applied, found.repair, found.quarantinable) == (False, "lossy", True)


def test_a_repair_of_the_schema_stays_accepted_where_no_row_could_be_mended() -> None:
    script = MISSING + 'CREATE TABLE child (id integer PRIMARY KEY, n bigint REFERENCES "numbers_old" (id));'
    child = table("child", "id bigint", "n bigint NULL", refers=[("n", "numbers.id")])
    done = mended(script, NUMBERS, child, fix=["null-in-not-null", "dangling-foreign-key"])
    assert only(done.findings, "dangling-foreign-key").applied
    assert not only(done.findings, "null-in-not-null").applied


def test_the_record_of_migrations_is_never_set_aside() -> None:
    script = "CREATE TABLE django_migrations (id integer PRIMARY KEY, app, name, applied);"
    script += "INSERT INTO django_migrations VALUES (1, 'a', '0001_initial', 'some day'), (2, 'b', NULL, '2024-01-01');"
    migrations = table(
        "django_migrations",
        "id bigint",
        "app character varying(255)",
        "name character varying(255)",
        "applied timestamp with time zone",
    )
    done = mended(script, migrations, quarantine=["malformed-timestamp", "null-in-not-null"])
    assert {finding.rule for finding in done.findings if finding.blocks} == {"malformed-timestamp", "null-in-not-null"}
    assert done.removed == []
