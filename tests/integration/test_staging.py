"""Set aside and restore on schemas made by hand: what was there is there again, and what cannot be is told."""

from collections.abc import Iterator

import psycopg
import pytest

from migrate_to_pg import staging
from migrate_to_pg.errors import StagingError
from migrate_to_pg.planning import make_plan, read_target
from migrate_to_pg.postgres import target
from migrate_to_pg.records import INCOMING, Plan, SourceCatalog, SourceColumn, SourceTable

#: Nothing to analyze.
NO_TABLES = make_plan(SourceCatalog(tables=()), (), source_time_zone="UTC")


@pytest.fixture
def connection(each_postgres_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(each_postgres_url, autocommit=True) as connection:
        target.create_schema(connection, INCOMING)
        connection.execute(f"SET search_path = {INCOMING}")
        yield connection


def restore_and_validate(
    connection: psycopg.Connection, dropped: staging.DroppedObjects, builders: staging.Builders
) -> None:
    """Restore everything, and validate it in a transaction whose search path stays as it was."""
    staging.restore(connection, INCOMING, dropped, lambda event: None, builders=builders)
    with connection.transaction():
        connection.execute("SET LOCAL search_path = pg_catalog")
        staging.validate(connection, INCOMING, dropped, NO_TABLES)
        assert connection.execute("SHOW search_path").fetchone() == ("pg_catalog",)


DEFINITIONS = f"""
SELECT conname, pg_get_constraintdef(oid), convalidated::text, obj_description(oid, 'pg_constraint'), ''
FROM pg_constraint WHERE connamespace = '{INCOMING}'::regnamespace
UNION ALL
SELECT x.relname, pg_get_indexdef(x.oid), i.indisvalid::text || i.indisclustered::text || i.indisreplident::text,
       obj_description(x.oid, 'pg_class'), (SELECT max(attstattarget) FROM pg_attribute WHERE attrelid = x.oid)::text
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE x.relnamespace = '{INCOMING}'::regnamespace
UNION ALL
SELECT tgname, pg_get_triggerdef(oid), tgenabled::text, '', '' FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT rulename, pg_get_ruledef(r.oid), ev_enabled::text, '', ''
FROM pg_rewrite r JOIN pg_class c ON c.oid = ev_class WHERE c.relnamespace = '{INCOMING}'::regnamespace
ORDER BY 1, 2
"""


@pytest.mark.parametrize(
    "made",
    [
        "CREATE TABLE a (i int, EXCLUDE USING btree (i WITH =), UNIQUE (i) INCLUDE (j), j int NOT NULL)",
        'CREATE TABLE a (i int, j jsonb, t text COLLATE "C", UNIQUE (i) DEFERRABLE INITIALLY DEFERRED,'
        " UNIQUE NULLS NOT DISTINCT (t), UNIQUE (t, i) WITH (fillfactor = 70)); CREATE INDEX h ON a USING hash (i);"
        " CREATE INDEX g ON a USING gin (j jsonb_path_ops); CREATE INDEX p ON a (i) WHERE t <> '';"
        ' CREATE INDEX c ON a (t COLLATE "POSIX" text_pattern_ops) INCLUDE (i)',
        "CREATE TABLE a (i int PRIMARY KEY, j int REFERENCES a ON DELETE SET NULL DEFERRABLE);"
        "COMMENT ON CONSTRAINT a_j_fkey ON a IS 'it''s'; COMMENT ON INDEX a_pkey IS 'key'",
        "CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE b (i int PRIMARY KEY, j int REFERENCES a);"
        "ALTER TABLE a ADD COLUMN j int REFERENCES b",
        "CREATE TABLE a (i int, j text); CREATE INDEX b ON a (lower(j)); ALTER INDEX b ALTER COLUMN 1 SET STATISTICS 7",
        "CREATE TABLE a (i int NOT NULL); CREATE UNIQUE INDEX u ON a (i); ALTER TABLE a REPLICA IDENTITY USING INDEX u;"
        "CREATE TABLE b (i int REFERENCES a (i)); CREATE INDEX c ON b (i); ALTER TABLE b CLUSTER ON c",
        "CREATE TABLE a (i int, k int, PRIMARY KEY (i, k)) PARTITION BY LIST (i); CREATE INDEX n ON a (k);"
        "CREATE TABLE a1 PARTITION OF a FOR VALUES IN (1);"
        "CREATE TABLE b (i int, k int, FOREIGN KEY (i, k) REFERENCES a)",
        "CREATE TABLE a (i int PRIMARY KEY, j text); CREATE VIEW v AS SELECT i, j FROM a GROUP BY i",
        'CREATE TABLE "A ""b" ("É\'" int UNIQUE); CREATE INDEX "x;y" ON "A ""b" ("É\'" DESC NULLS LAST)',
        "CREATE TABLE a (i int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER t AFTER TRUNCATE ON a EXECUTE FUNCTION f(); CREATE CONSTRAINT TRIGGER k AFTER INSERT ON a"
        " DEFERRABLE FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE a ENABLE REPLICA TRIGGER t",
        "CREATE TABLE a (i int); CREATE RULE one AS ON INSERT TO a DO INSTEAD NOTHING; CREATE RULE two AS ON INSERT TO"
        " a DO NOTIFY x; CREATE RULE three AS ON DELETE TO a DO NOTIFY x; ALTER TABLE a ENABLE ALWAYS RULE two",
    ],
)
@pytest.mark.parametrize("connections", [1, 3], ids=["one connection", "three connections"])
def test_what_was_set_aside_is_back_as_it_was(
    connection: psycopg.Connection, each_postgres_url: str, made: str, connections: int
) -> None:
    connection.execute(made)
    before = connection.execute(DEFINITIONS).fetchall()
    aside = staging.drop_objects(connection, INCOMING)
    builders = staging.Builders(conninfo=each_postgres_url, count=connections)
    restore_and_validate(connection, aside, builders)
    assert connection.execute(DEFINITIONS).fetchall() == before
    assert before


def test_neither_trigger_nor_rule_sees_the_rows_that_are_loaded(connection: psycopg.Connection) -> None:
    """What travels as text comes by INSERT, not by COPY."""
    connection.execute(
        "CREATE TABLE a (i int); CREATE TABLE seen (i int); CREATE RULE r AS ON INSERT TO a DO INSTEAD NOTHING;"
        "CREATE RULE s AS ON INSERT TO a DO INSERT INTO seen VALUES (NEW.i);"
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()"
    )
    staging.drop_objects(connection, INCOMING)
    connection.execute("INSERT INTO a VALUES (1)")
    assert connection.execute("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM seen)").fetchone() == (1, 0)


@pytest.mark.parametrize("connections", [1, 3], ids=["one connection", "three connections"])
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("(1, 7, NULL), (2, 7, NULL)", "Unique one of table a does not hold for the data"),
        ("(1, 7, NULL), (2, 8, 9)", "Foreign key a_k_fkey of table a does not hold for the data"),
    ],
)
def test_what_does_not_hold_for_the_rows_is_told_and_nobody_goes_on(
    connection: psycopg.Connection, each_postgres_url: str, connections: int, rows: str, message: str
) -> None:
    connection.execute(
        "CREATE TABLE a (i int PRIMARY KEY, j int CONSTRAINT one UNIQUE, k int REFERENCES a);"
        "CREATE TABLE b (i int UNIQUE, j int UNIQUE, k int REFERENCES b (i))"
    )
    aside = staging.drop_objects(connection, INCOMING)
    connection.execute(f"INSERT INTO a VALUES {rows}")
    builders = staging.Builders(conninfo=each_postgres_url, count=connections)
    with pytest.raises(StagingError, match=message) as caught:
        restore_and_validate(connection, aside, builders)
    assert "ALTER TABLE a ADD CONSTRAINT" in caught.value.detail[1]
    # The lock that a builder's statement would still hold.
    connection.execute("SET lock_timeout = '5s'; LOCK TABLE a, b IN ACCESS EXCLUSIVE MODE")


def plan_of(connection: psycopg.Connection, last_id: int | None = None) -> Plan:
    source = SourceTable(
        name="a",
        sql="",
        columns=(SourceColumn(name="id", declared_type="integer", not_null=True, key_position=1, generated=False),),
        foreign_keys=(),
        rows=1,
        last_id=last_id,
    )
    return make_plan(SourceCatalog(tables=(source,)), read_target(connection, INCOMING), source_time_zone="UTC")


@pytest.mark.parametrize(
    ("kind", "highest", "last_id", "following"),
    [
        ("smallserial", 32766, None, 32767),
        ("serial", 5, 12, 13),
        ("int GENERATED BY DEFAULT AS IDENTITY", -4, None, 1),
        ("bigint GENERATED ALWAYS AS IDENTITY", None, 9, 10),
        ("bigserial", None, None, 1),
        ("smallserial", 32767, None, None),
        ("int GENERATED BY DEFAULT AS IDENTITY", 1, 2147483647, None),
        ("bigserial", 9223372036854775807, None, None),
    ],
)
def test_a_sequence_goes_on_after_the_highest_id_or_says_that_it_cannot(
    connection: psycopg.Connection, kind: str, highest: int | None, last_id: int | None, following: int | None
) -> None:
    connection.execute(f"CREATE TABLE a (id {kind} PRIMARY KEY)")
    if highest is not None:
        connection.execute("INSERT INTO a OVERRIDING SYSTEM VALUE VALUES (%s)", [highest])
    plan = plan_of(connection, last_id)
    if following is None:
        with pytest.raises(StagingError, match=r"The sequence of a\.id cannot go on after"):
            staging.set_identities(connection, INCOMING, plan)
        return
    (identity,) = staging.set_identities(connection, INCOMING, plan)
    assert identity.next == following
    assert connection.execute("INSERT INTO a DEFAULT VALUES RETURNING id").fetchone() == (following,)


def test_row_security_forced_on_our_own_role_is_reported_before_the_load(
    connection: psycopg.Connection,
) -> None:
    connection.execute("CREATE TABLE a (id int); ALTER TABLE a FORCE ROW LEVEL SECURITY")
    assert staging.drop_objects(connection, INCOMING).definitions == ()  # a superuser sees every row
    connection.execute("DROP ROLE IF EXISTS plain_owner; CREATE ROLE plain_owner")
    connection.execute(f"GRANT ALL ON SCHEMA {INCOMING} TO plain_owner; SET ROLE plain_owner")
    with pytest.raises(StagingError, match="Row security is forced on table a"):
        staging.drop_objects(connection, INCOMING)
    connection.execute("RESET ROLE; DROP OWNED BY plain_owner; DROP ROLE plain_owner")


def test_many_leftover_tables_are_dropped_in_batches(connection: psycopg.Connection) -> None:
    connection.execute(
        "DO $$ BEGIN FOR i IN 1..120 LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, t text)', i); END LOOP;"
        " CREATE TABLE p (i int) PARTITION BY LIST (i); CREATE TABLE p1 PARTITION OF p DEFAULT;"
        " CREATE VIEW v AS SELECT * FROM t1; CREATE TYPE e AS ENUM ('a'); CREATE TABLE u (e e); END $$"
    )
    target.drop_schema(connection, INCOMING)
    assert connection.execute("SELECT to_regnamespace(%s)", [INCOMING]).fetchone() == (None,)
