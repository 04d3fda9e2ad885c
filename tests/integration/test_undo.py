"""--undo finds every row that was written since, and knows what must be there; what others wrote is not believed."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

from migrate_to_pg.errors import MigrateToPgError, PublishError, TargetError
from migrate_to_pg.pipeline import undo_and_purge
from migrate_to_pg.publish.archive_schemas import dated_schemas
from migrate_to_pg.publish.purge import PurgeableSchema, drop_schemas, purgeable_schemas
from migrate_to_pg.publish.undo import undo
from migrate_to_pg.records import Options
from tests.integration.test_publish import TABLE, published, purge, rows

THREE = f"{TABLE}; INSERT INTO thing (name) VALUES ('a'), ('b'), ('c')"


@pytest.fixture
def connection(each_postgres_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(each_postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def other_connection(each_postgres_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(each_postgres_url) as other:
        yield other


def refused(connection: psycopg.Connection, force: bool = False) -> MigrateToPgError:
    with pytest.raises(MigrateToPgError) as error:
        undo(connection, force=force)
    return error.value


# --- rows that were written since ---

WRITE = {
    "insert": ("INSERT INTO thing (name) VALUES ('d')", "thing: 1 row inserted, 0 changed, 0 deleted"),
    "update": ("UPDATE thing SET name = 'd' WHERE id < 3", "thing: 0 rows inserted, 2 changed, 0 deleted"),
    "delete": ("DELETE FROM thing WHERE id = 1", "thing: 0 rows inserted, 0 changed, 1 deleted"),
    "truncate": ("TRUNCATE thing", "thing: 0 rows inserted, 0 changed, 3 deleted"),
}


@pytest.mark.parametrize("begun", ["in the transaction", "in a subtransaction", "after the publication"])
@pytest.mark.parametrize("how", WRITE)
def test_what_a_transaction_wrote_that_began_before_the_publication_is_found(
    how: str, begun: str, connection: psycopg.Connection, other_connection: psycopg.Connection
) -> None:
    connection.execute("CREATE TABLE theirs (id int)")
    if begun != "after the publication":
        other_connection.execute("INSERT INTO theirs VALUES (1)")
    if begun == "in a subtransaction":
        other_connection.execute("SAVEPOINT s")
        other_connection.execute("INSERT INTO theirs VALUES (2)")
    published(connection, THREE)
    statement, told = WRITE[how]
    other_connection.execute(statement)
    other_connection.commit()
    error = refused(connection)
    assert "Rows were written since" in str(error)
    assert error.detail == (told,)
    undo(connection, force=True)


def test_what_was_inserted_changed_and_deleted_is_told_apart(connection: psycopg.Connection) -> None:
    published(connection, THREE)
    connection.execute("SET search_path TO DEFAULT")
    connection.execute("UPDATE thing SET name = 'b' WHERE id = 2; DELETE FROM thing WHERE id = 3")
    connection.execute("INSERT INTO thing (name) VALUES ('d'), ('e')")
    assert refused(connection).detail == ("thing: 2 rows inserted, 1 changed, 1 deleted",)
    connection.execute("INSERT INTO thing (id, name) VALUES (3, 'again')")
    assert refused(connection).detail == ("thing: 2 rows inserted, 2 changed, 0 deleted",)


def test_where_a_key_is_no_number_nobody_claims_to_know_which_rows_are_new(connection: psycopg.Connection) -> None:
    published(connection, "CREATE TABLE session (key text PRIMARY KEY); INSERT INTO session VALUES ('a'), ('b')")
    connection.execute("DELETE FROM public.session WHERE key = 'a'; INSERT INTO public.session VALUES ('c')")
    (told,) = refused(connection).detail
    assert told == "session: 1 row inserted or changed, 1 changed or deleted (its key does not tell which)"


def test_rows_that_were_frozen_rewritten_or_renamed_since_are_the_published_ones(
    connection: psycopg.Connection,
) -> None:
    published(connection, THREE)
    connection.execute("SET search_path TO DEFAULT")
    connection.execute("VACUUM FREEZE thing")
    connection.execute("VACUUM FULL thing")
    connection.execute("ALTER TABLE thing RENAME TO renamed")
    connection.execute("SELECT * FROM renamed FOR UPDATE")
    assert undo(connection, force=False).archive


def test_an_empty_table_and_a_partition_that_got_rows_are_told(connection: psycopg.Connection) -> None:
    parts = "CREATE TABLE event (at date) PARTITION BY RANGE (at);"
    parts += "CREATE TABLE event_old PARTITION OF event FOR VALUES FROM (MINVALUE) TO ('2026-01-01')"
    published(connection, f"{parts}; CREATE TABLE empty (id int)")
    connection.execute("INSERT INTO public.event VALUES ('2025-01-01'); INSERT INTO public.empty VALUES (1)")
    told = {line.split(":")[0] for line in refused(connection).detail}
    assert told == {"event", "event_old", "empty"}


def test_what_an_earlier_version_published_is_undone_by_what_it_remembered(connection: psycopg.Connection) -> None:
    published(connection, THREE)
    published(connection, THREE)
    connection.execute("ALTER TABLE migrate_to_pg.publication DROP COLUMN writers, DROP COLUMN kept")
    archive = next(iter(dated_schemas(connection)))
    connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS NULL").format(sql.Identifier(archive)))
    connection.execute("INSERT INTO public.thing (name) VALUES ('d')")
    assert refused(connection).detail == (WRITE["insert"][1],)
    connection.execute("DELETE FROM public.thing WHERE name = 'd'")
    undo(connection, force=False)
    assert rows(connection, "SELECT count(*) FROM thing") == [(3,)]
    # The columns are there again with the next publication, and the old lines do without.
    published(connection, THREE)
    undo(connection, force=False)
    undo(connection, force=False)


# --- what must be there ---

SEVERAL = f"{THREE}; CREATE TABLE second (id int); CREATE TYPE mood AS ENUM ('a')"


@pytest.fixture
def archive(connection: psycopg.Connection) -> str:
    """The schema that keeps what the second publication replaced."""
    published(connection, SEVERAL)
    kept = published(connection, SEVERAL).archive
    connection.execute("SET search_path TO DEFAULT")
    return kept


@pytest.mark.parametrize(
    ("damage", "told", "lacking"),
    [
        ("DROP TABLE {}.second", "1 of 3 objects lack", ("table second",)),
        ("DROP TYPE {}.mood; DROP TABLE {}.thing", "2 of 3 objects lack", ("type mood", "table thing")),
        ("DROP TABLE {}.second; CREATE TABLE {}.second (id int)", "1 of 3 objects lack", ("table second",)),
        ("CREATE TABLE {}.foreign_one (id int)", "holds what no publication put there", ("table foreign_one",)),
        ("DROP SCHEMA {} CASCADE", "is not there any more", ("type mood", "table second", "table thing")),
        ("COMMENT ON SCHEMA {} IS 'mine'", "is not marked as the one that publication 2 made", ()),
        (
            "COMMENT ON SCHEMA {} IS 'migrate_to_pg: a purge has begun to remove this schema'; DROP TABLE {}.second",
            "--purge has begun to remove schema",
            ("table second",),
        ),
    ],
)
def test_undo_refuses_where_anything_lacks_that_it_kept_and_names_it(
    damage: str, told: str, lacking: tuple[str, ...], connection: psycopg.Connection, archive: str
) -> None:
    connection.execute("SET client_min_messages = error")
    connection.execute(damage.format(*[archive] * damage.count("{}")))
    error = refused(connection)
    assert told in str(error)
    assert error.detail == lacking
    assert error.remedy
    assert rows(connection, "SELECT count(*) FROM thing") == [(3,)]


def test_a_view_on_a_replaced_table_comes_back_with_it(connection: psycopg.Connection, archive: str) -> None:
    connection.execute(f"CREATE VIEW v AS SELECT name FROM {archive}.thing")
    undo(connection, force=False)
    assert rows(connection, "SELECT count(*) FROM v") == [(3,)]
    assert dated_schemas(connection)


# --- roles ---


@pytest.fixture
def clerk(connection: psycopg.Connection, each_postgres_url: str) -> Iterator[psycopg.Connection]:
    """A role that may do whatever the database's owner may, but owns nothing of what was published."""
    connection.execute("DROP ROLE IF EXISTS clerk")
    connection.execute("CREATE ROLE clerk LOGIN")
    connection.execute("GRANT ALL ON SCHEMA public TO clerk")
    with psycopg.connect(each_postgres_url, user="clerk", autocommit=True) as clerk:
        yield clerk
    connection.execute("DROP OWNED BY clerk; DROP ROLE clerk")


def test_a_role_that_owns_nothing_of_it_is_told_whom_it_belongs_to(
    connection: psycopg.Connection, clerk: psycopg.Connection, archive: str
) -> None:
    def ask() -> tuple[str, str]:
        with pytest.raises(TargetError) as undone:
            undo(clerk, force=False)
        with pytest.raises(TargetError) as purged:
            purge(clerk)
        assert str(undone.value.remedy) == str(purged.value.remedy)
        return str(undone.value), undone.value.remedy

    told, remedy = ask()
    assert told.startswith("Role clerk may not read table migrate_to_pg.publication")
    assert remedy.endswith("or as a role that is, or is a member of, postgres.")
    connection.execute(
        "GRANT USAGE ON SCHEMA migrate_to_pg TO clerk; GRANT ALL ON ALL TABLES IN SCHEMA public TO clerk"
    )
    connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA migrate_to_pg TO clerk")
    with pytest.raises(TargetError, match=r"^Role clerk may not change table migrate_to_pg\.publication"):
        undo(clerk, force=False)
    connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA migrate_to_pg TO clerk")
    told, remedy = ask()
    assert "belongs to role postgres" in told
    assert archive in dated_schemas(connection)
    assert rows(connection, "SELECT count(*) FROM thing") == [(3,)]


# --- lines that somebody else wrote ---


@pytest.mark.parametrize(
    ("forged", "column"),
    [
        ("archive = 'public'", "archive"),
        ("archive = 'pg_catalog'", "archive"),
        ("archive = 'migrate_to_pg_replaced_by_us'", "archive"),
        ("objects = 'null'", "objects"),
        ("objects = '[1]'", "objects"),
        ("""objects = '[{"oid": 1}]'""", "objects"),
        ("objects = jsonb_set(objects, '{0,oid}', '\"thing\"')", "objects"),
        ("objects = jsonb_set(objects, '{0,names}', '[null]')", "objects"),
        ("kept = '{}'", "kept"),
        ("rows = '[]'", "rows"),
        ("""rows = '{"thing": -1}'""", "rows"),
        ("writers = '[1]'", "writers"),
        ("published_at = 'infinity'", "published_at"),
        ("NULL snapshot", "snapshot"),
        ("NULL final_schema", "final_schema"),
        ("NULL archive", "archive"),
        ("DROP objects", "objects"),
        ("DROP snapshot", "snapshot"),
        ("TYPE transaction_id text USING 'x'", "transaction_id"),
        ("TYPE rows text USING 'x'", "rows"),
    ],
)
def test_a_forged_record_is_named_and_nothing_is_moved_or_dropped(
    forged: str, column: str, connection: psycopg.Connection, archive: str
) -> None:
    name = forged.split()[1]
    table = "ALTER TABLE migrate_to_pg.publication"
    statements = {
        "NULL": f"{table} ALTER {name} DROP NOT NULL; UPDATE migrate_to_pg.publication SET {name} = NULL WHERE id = 2",
        "DROP": f"{table} DROP COLUMN {name}",
        "TYPE": f"{table} ALTER {name} {forged.replace(f' {name}', '', 1)}",
    }
    update = f"UPDATE migrate_to_pg.publication SET {forged} WHERE id = 2"
    connection.execute(statements.get(forged.split()[0], update))
    error = refused(connection)
    assert "of table migrate_to_pg.publication is not as migrate_to_pg writes it" in str(error)
    assert f"column {column} " in str(error)
    with pytest.raises(PublishError):
        purgeable_schemas(connection, "public")
    assert archive in dated_schemas(connection)
    assert rows(connection, "SELECT count(*) FROM thing") == [(3,)]


def test_the_leftovers_line_is_not_believed_either(connection: psycopg.Connection, archive: str) -> None:
    connection.execute("CREATE TABLE migrate_to_pg.leftovers (run bigint, archive text, undone text)")
    connection.execute("INSERT INTO migrate_to_pg.leftovers VALUES (2, 'public', '')")
    assert "of table migrate_to_pg.leftovers is not as migrate_to_pg writes it" in str(refused(connection))
    connection.execute("UPDATE migrate_to_pg.leftovers SET archive = '', undone = 'pg_catalog'")
    with pytest.raises(PublishError):
        purgeable_schemas(connection, "public")


@pytest.mark.parametrize("act", [undo_and_purge.undo, undo_and_purge.list_purgeable])
def test_what_postgresql_refuses_of_a_record_that_is_something_else_is_one_line(
    act: Callable[[Options], object], connection: psycopg.Connection, each_postgres_url: str
) -> None:
    connection.execute("CREATE SCHEMA migrate_to_pg; CREATE VIEW migrate_to_pg.publication AS SELECT 1 / 0 AS id")
    with pytest.raises(TargetError, match="PostgreSQL stopped answering or refused: division by zero"):
        act(Options(target=each_postgres_url))


# --- purge ---


def test_purge_removes_what_it_listed_and_nothing_that_came_while_it_waited(
    connection: psycopg.Connection, archive: str
) -> None:
    doomed = purgeable_schemas(connection, "public")[0]
    assert [schema.label for schema in doomed] == [f"schema {archive} (2 tables)"]
    later = published(connection, SEVERAL).archive
    connection.execute(
        "CREATE SCHEMA migrate_to_pg_replaced_by_hand; CREATE SCHEMA migrate_to_pg_undone_20200101_000000"
    )
    removed: list[PurgeableSchema] = []
    drop_schemas(connection, doomed, "public", removed.append)
    assert [schema.name for schema in removed] == [archive]
    assert set(dated_schemas(connection)) == {later, "migrate_to_pg_undone_20200101_000000"}
    doomed, unknown = purgeable_schemas(connection, "public")
    assert ([schema.name for schema in doomed], unknown) == ([later], ["migrate_to_pg_undone_20200101_000000"])


def test_a_schema_that_got_something_or_is_another_by_now_is_not_removed(
    connection: psycopg.Connection, archive: str
) -> None:
    doomed = purgeable_schemas(connection, "public")[0]
    connection.execute(f"CREATE TABLE {archive}.precious (id int)")
    with pytest.raises(PublishError, match="holds something that was not there when it was listed: table precious"):
        drop_schemas(connection, doomed, "public", lambda schema: None)
    assert not purgeable_schemas(connection, "public")[0][0].interrupted
    connection.execute(f"DROP SCHEMA {archive} CASCADE; CREATE SCHEMA {archive}; CREATE TABLE {archive}.t (id int)")
    removed: list[PurgeableSchema] = []
    drop_schemas(connection, doomed, "public", removed.append)
    assert removed == []
    assert archive in dated_schemas(connection)


def test_a_schema_that_was_brought_back_meanwhile_is_not_removed(connection: psycopg.Connection, archive: str) -> None:
    doomed = purgeable_schemas(connection, "public")[0]
    undo(connection, force=False)
    removed: list[PurgeableSchema] = []
    drop_schemas(connection, doomed, "public", removed.append)
    assert removed == []
    assert rows(connection, "SELECT count(*) FROM thing") == [(3,)]
