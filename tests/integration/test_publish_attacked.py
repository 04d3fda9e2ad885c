"""A second session of the same owner, at every moment between the migrations and the commit.

What it tries is blocked until the run is over, or stops the run with nothing published; never is it published unseen.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrate_to_pg.errors import PublishError
from migrate_to_pg.pipeline import publish, stage_tables, verify_staged
from migrate_to_pg.postgres.schema_digest import definition_differences, read_definitions
from migrate_to_pg.publish import lock_schemas
from migrate_to_pg.publish import publish as publish_tables
from migrate_to_pg.records import INCOMING
from migrate_to_pg.sqlite.snapshot import Source
from migrate_to_pg.verify import verify_tables
from migrate_to_pg.verify.schema import require_identities
from tests.conftest import Query
from tests.integration.conftest import Move
from tests.tiers import first_in_ci, these_in_ci

#: What a lock keeps away: rows, and everything that ALTER TABLE and its like do.
LOCKED = {
    "insert": "INSERT INTO courses_course SELECT 999999, code || 'x', title, created_at FROM courses_course LIMIT 1",
    "update": "UPDATE auth_user SET is_superuser = true",
    "delete": "DELETE FROM attributions_attribution",
    "truncate": "TRUNCATE attributions_attribution",
    "type": "ALTER TABLE auth_user ALTER username TYPE varchar(300)",
    "not null": "ALTER TABLE auth_user ALTER username DROP NOT NULL",
    "default": "ALTER TABLE auth_user ALTER is_superuser SET DEFAULT true",
    "statistics": "ALTER TABLE auth_user ALTER username SET STATISTICS 7",
    "n_distinct": "ALTER TABLE auth_user ALTER username SET (n_distinct = 1)",
    "compression": "ALTER TABLE auth_user ALTER username SET COMPRESSION pglz",
    "storage": "ALTER TABLE auth_user ALTER username SET STORAGE PLAIN",
    "options": "ALTER TABLE auth_user SET (fillfactor = 50)",
    "owner": "ALTER TABLE auth_user OWNER TO somebody",
    "rename": "ALTER TABLE auth_user RENAME TO auth_users",
    "column": "ALTER TABLE auth_user RENAME username TO login",
    "dropped key": "ALTER TABLE auth_permission DROP CONSTRAINT auth_permission_pkey CASCADE",
    "dropped index": "DROP INDEX auth_user_username_6821ab7c_like",
    "index": "CREATE INDEX ON auth_user (last_name)",
    "foreign key": "CREATE TABLE public.mine (id int REFERENCES auth_user)",
    "triggers": "ALTER TABLE auth_user DISABLE TRIGGER ALL",
    "trigger": "CREATE TRIGGER t AFTER INSERT ON auth_user EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "rule": "CREATE RULE r AS ON DELETE TO auth_user DO INSTEAD NOTHING",
    "policy": "CREATE POLICY p ON auth_user",
    "row security": "ALTER TABLE auth_user ENABLE ROW LEVEL SECURITY",
    "replica identity": "ALTER TABLE auth_user REPLICA IDENTITY FULL",
    "publication": "ALTER PUBLICATION theirs ADD TABLE auth_user",
    "statistics object": "CREATE STATISTICS s ON username, email FROM auth_user",
    "comment": "COMMENT ON TABLE auth_user IS 'x'",
    "inheritance": "CREATE TABLE public.child () INHERITS (auth_user)",
    "unlogged": "ALTER TABLE django_session SET UNLOGGED",
    "vacuum": "VACUUM FULL auth_user",
    "schema": "ALTER TABLE auth_user SET SCHEMA public",
    "drop": "DROP TABLE django_session",
}
#: What no lock on a table stops: the catalogue tells.
UNLOCKED = {
    "grant": "GRANT ALL ON auth_user TO PUBLIC",
    "grant of a column": "GRANT SELECT (password) ON auth_user TO PUBLIC",
    "grant of a sequence": "GRANT ALL ON SEQUENCE auth_user_id_seq TO PUBLIC",
    "next value": "SELECT setval('auth_user_id_seq', 1)",
    "value given": "SELECT nextval('auth_user_id_seq')",
    "sequence": "ALTER SEQUENCE auth_user_id_seq INCREMENT 10",
    "table": "CREATE TABLE mine (id int)",
    "function": "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "type": "CREATE TYPE mine AS ENUM ('a')",
    "event trigger": """
        CREATE FUNCTION public.act() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN
            IF to_regclass('public.auth_user') IS NOT NULL THEN UPDATE public.auth_user SET is_superuser = true; END IF;
        END$$;
        CREATE EVENT TRIGGER act ON ddl_command_end EXECUTE FUNCTION public.act()
    """,
}
#: Of these, what may still be done when all was moved: told by one more look (GRANT), done as if after the commit, or
#: made in a schema that is about to be dropped, and never published.
LATE = ("grant of a column", "event trigger", "type", "function")
#: What projects have besides tables, types and functions; made by the test, since the application has none.
OBJECTS = """
CREATE COLLATION theirs (lc_collate = 'C', lc_ctype = 'C');
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
CREATE OPERATOR FAMILY theirs USING btree;
CREATE OPERATOR FAMILY theirs USING hash;
CREATE OPERATOR CLASS theirs FOR TYPE int USING hash FAMILY theirs AS OPERATOR 1 =, FUNCTION 1 hashint4(int);
CREATE TEXT SEARCH DICTIONARY theirs (TEMPLATE = pg_catalog.simple);
CREATE TEXT SEARCH CONFIGURATION theirs (COPY = pg_catalog.simple);
CREATE CONVERSION theirs FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
"""
#: What somebody may do to them, or beside them.
TO_OBJECTS = {
    "collation owner": "ALTER COLLATION theirs OWNER TO somebody",
    "collation": "CREATE COLLATION mine (lc_collate = 'C', lc_ctype = 'C')",
    "dropped collation": "DROP COLLATION theirs",
    "operator": "ALTER OPERATOR === (int, int) SET (RESTRICT = eqsel)",
    "another operator": "CREATE OPERATOR ==== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)",
    "operator family": "ALTER OPERATOR FAMILY theirs USING btree ADD OPERATOR 1 < (int, bigint)",
    "operator class": "ALTER OPERATOR CLASS theirs USING hash RENAME TO mine",
    "dictionary": "ALTER TEXT SEARCH DICTIONARY theirs (Accept = false)",
    "another dictionary": "CREATE TEXT SEARCH DICTIONARY mine (TEMPLATE = pg_catalog.simple)",
    "configuration": "ALTER TEXT SEARCH CONFIGURATION theirs DROP MAPPING FOR word",
    "conversion": "ALTER CONVERSION theirs OWNER TO somebody",
}
#: Rows, which the cells tell, and what describes nothing.
UNSEEN = (
    "insert", "update", "delete", "truncate", "vacuum", "next value", "value given", "event trigger", "foreign key",
)  # fmt: skip


@pytest.fixture
def attack(postgres_url: str, execute: Query) -> Iterator[Callable[..., bool]]:
    """attack(statement) -> whether it was done: by another session, which waits a moment only."""
    execute(postgres_url, "DROP ROLE IF EXISTS somebody; CREATE ROLE somebody; CREATE PUBLICATION theirs")
    execute(postgres_url, "GRANT CREATE ON SCHEMA public TO somebody")

    def run(statement: str, schema: str = INCOMING) -> bool:
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute(f"SET lock_timeout = '50ms'; SET search_path = {schema}")
            try:
                other.execute(statement)
            except psycopg.errors.LockNotAvailable:
                return False
            return True

    yield run
    execute(postgres_url, "DROP EVENT TRIGGER IF EXISTS act; DROP OWNED BY somebody CASCADE; DROP ROLE somebody")


def in_public(execute: Query, url: str) -> bool:
    query = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = 'auth_user'"
    return execute(url, query) == [(1,)]


def test_no_second_session_changes_a_row_or_a_table_between_verify_and_commit(
    source: Path, postgres_url: str, move: Move, attack: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the first read, when all was read, and last of all within the transaction."""
    done = {}

    def attacked(moment: str, called: Callable[..., object]) -> Callable[..., object]:
        def attacking(*given: object, **named: object) -> object:
            done.update({(moment, name): attack(statement) for name, statement in LOCKED.items()})
            return called(*given, **named)

        return attacking

    monkeypatch.setattr(verify_staged, "verify_tables", attacked("first read", verify_tables))
    last = attacked("all read", require_identities)
    monkeypatch.setattr(verify_staged, "require_identities", last)
    monkeypatch.setattr(Source, "require_unchanged", attacked("last", Source.require_unchanged))
    report = move(source, postgres_url)
    assert report.ok, report.failure
    assert done == dict.fromkeys(done, False)
    assert len(done) == 3 * len(LOCKED)


@pytest.mark.parametrize("name", these_in_ci(UNLOCKED, "grant", "table"))
def test_what_takes_no_lock_stops_the_run_with_nothing_published(
    source: Path, postgres_url: str, move: Move, attack: Callable[..., bool], execute: Query, name: str
) -> None:
    done = []
    report = move(source, postgres_url, on={"publish": lambda: done.append(attack(UNLOCKED[name]))})
    if done == [False]:
        # Of the sequences that verify has tried, the transaction has locks as well.
        assert report.ok, report.failure
        return
    assert not report.ok
    assert report.failure
    assert "Somebody changed what was verified before it was published" in report.failure.message
    assert report.failure.detail
    assert not in_public(execute, postgres_url)


@pytest.mark.parametrize("name", these_in_ci(TO_OBJECTS, "collation"))
def test_a_collation_operator_or_search_object_that_is_changed_stops_the_run(
    source: Path, postgres_url: str, move: Move, attack: Callable[..., bool], execute: Query, name: str
) -> None:
    def make() -> None:
        assert attack(OBJECTS)

    done = []
    stages = {"load": make, "publish": lambda: done.append(attack(TO_OBJECTS[name]))}
    report = move(source, postgres_url, on=stages)
    assert done == [True]
    assert not report.ok
    assert report.failure
    assert "Somebody changed what was verified before it was published" in report.failure.message
    assert not in_public(execute, postgres_url)


@pytest.mark.full
def test_collations_operators_and_search_objects_that_nobody_changes_are_published(
    source: Path, postgres_url: str, move: Move, attack: Callable[..., bool], execute: Query
) -> None:
    assert move(source, postgres_url, on={"load": lambda: attack(OBJECTS)}).ok
    assert in_public(execute, postgres_url)
    for table in ("pg_collation", "pg_opclass", "pg_ts_config", "pg_ts_dict", "pg_conversion"):
        prefix = {"pg_collation": "coll", "pg_opclass": "opc", "pg_ts_config": "cfg", "pg_ts_dict": "dict"}.get(
            table, "con"
        )
        found = f"SELECT {prefix}namespace::regnamespace::text FROM {table} WHERE {prefix}name = 'theirs'"
        assert execute(postgres_url, found) == [("public",)]


def test_a_grant_on_a_column_as_the_last_thing_before_the_commit_stops_the_run(
    source: Path,
    postgres_url: str,
    move: Move,
    attack: Callable[..., bool],
    execute: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It takes no lock that the transaction has, and changes no row that it has written."""
    done = []
    attacked = _with_last(publish_tables, lambda: done.append(attack(UNLOCKED["grant of a column"])))
    monkeypatch.setattr(publish, "publish", attacked)
    report = move(source, postgres_url)
    if done == [False]:
        # Servers of late have it wait for the table's own row.
        assert report.ok, report.failure
        return
    assert not report.ok
    assert report.failure
    assert "Somebody changed what was verified before it was published" in report.failure.message
    assert not in_public(execute, postgres_url)


def test_columns_that_others_changed_are_told_from_those_of_the_transaction(postgres_url: str, execute: Query) -> None:
    execute(postgres_url, "CREATE SCHEMA s; CREATE TABLE s.ours (a int, b int); CREATE TABLE s.theirs (a int, b int)")
    with psycopg.connect(postgres_url, autocommit=True) as connection, ExitStack() as transaction:
        held = lock_schemas(connection, ["s"], transaction)
        connection.execute("GRANT SELECT (a) ON s.ours TO PUBLIC")
        held.check_columns()
        execute(postgres_url, "GRANT SELECT (b) ON s.theirs TO PUBLIC")
        with pytest.raises(PublishError, match="Somebody changed what was verified") as refused:
            held.check_columns()
        assert refused.value.detail == ("table s.theirs: column",)


def _with_last(publish: Callable[..., object], attacks: Callable[[], None]) -> Callable[..., object]:
    """publish, with an attack after all that is asked before the commit."""

    def publishing(*given: object, before_commit: Callable[[], None], **named: object) -> object:
        def last() -> None:
            before_commit()
            attacks()

        return publish(*given, before_commit=last, **named)

    return publishing


def test_once_all_is_moved_even_what_takes_no_lock_waits(
    source: Path,
    postgres_url: str,
    move: Move,
    attack: Callable[..., bool],
    execute: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: dict[str, bool] = {}
    unchanged = Source.require_unchanged

    within_the_transaction = iter((False, True))

    def last(*given: Any) -> object:
        if next(within_the_transaction):
            done.update({name: attack(statement) for name, statement in UNLOCKED.items() if name not in LATE})
        return unchanged(*given)

    monkeypatch.setattr(Source, "require_unchanged", last)
    report = move(source, postgres_url)
    assert report.ok, report.failure
    assert done == dict.fromkeys(done, False)


def test_a_definition_changed_between_the_migrations_and_the_first_read_is_told(
    postgres_url: str, attack: Callable[..., bool], source: Path, move: Move
) -> None:
    """Before the tables are locked: what was made by the migrations is known in PostgreSQL's own words."""
    statements = {name: s for name, s in (LOCKED | UNLOCKED).items() if name not in UNSEEN}
    told = {}

    def all_of_them() -> None:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            for name, statement in statements.items():
                before = read_definitions(connection, INCOMING)
                with connection.transaction(force_rollback=True):
                    connection.execute(f"SET LOCAL search_path = {INCOMING}")
                    connection.execute(statement)
                    told[name] = definition_differences(before, read_definitions(connection, INCOMING))

    move(source, postgres_url, on={"prove": all_of_them})
    assert [name for name, lines in told.items() if not lines] == []
    assert told.keys() == statements.keys()


# --- what is in the way, or comes into it ---


def test_user_data_is_refused_before_a_migration_is_run_and_again_afterwards(
    source: Path, postgres_url: str, move: Move, execute: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []
    run: Callable[..., object] = vars(stage_tables)["run_migrations"]

    def counted(*given: Any, **named: Any) -> object:
        ran.append(1)
        return run(*given, **named)

    monkeypatch.setattr(stage_tables, "run_migrations", counted)
    assert move(source, postgres_url).ok
    assert ran.pop()
    refused = move(source, postgres_url)
    assert refused.failure
    assert "holds what was published there on" in refused.failure.message
    assert ran == []
    # Without a record of the publication, a session tells; without one, what the migrations make is compared.
    execute(postgres_url, "DROP SCHEMA migrate_to_pg CASCADE")
    execute(postgres_url, "INSERT INTO django_session VALUES ('k', 'd', now())")
    refused = move(source, postgres_url)
    assert refused.failure
    assert "django_session: 1 of" in " ".join(refused.failure.detail)
    assert ran == []
    # Without a session either, what the migrations make on SQLite is compared.
    execute(postgres_url, "DELETE FROM django_session; DELETE FROM django_admin_log")
    refused = move(source, postgres_url)
    assert refused.failure
    assert "already holds data that no migration made" in refused.failure.message
    assert "courses_course: " in " ".join(refused.failure.detail)
    assert ran == []
    # Where a migration tells the databases apart, they are run on PostgreSQL, and then compared.
    monkeypatch.setattr(stage_tables, "may_differ_by_vendor", lambda _: True)
    refused = move(source, postgres_url)
    assert refused.failure
    assert "already holds data that no migration made" in refused.failure.message
    assert ran.pop()
    assert move(source, postgres_url, replace=True).ok


def test_what_appears_in_the_final_schema_during_the_run_is_not_replaced_unasked(
    source: Path, postgres_url: str, move: Move, execute: Query
) -> None:
    def appear() -> None:
        execute(postgres_url, "CREATE TABLE IF NOT EXISTS public.courses_course (id int)")

    refused = move(source, postgres_url, on={"load": appear})
    assert refused.failure
    assert "In schema public table courses_course appeared while the run went on" in refused.failure.message
    assert execute(postgres_url, "SELECT count(*) FROM pg_attribute WHERE attrelid = 'courses_course'::regclass") != []
    assert not in_public(execute, postgres_url)
    assert move(source, postgres_url, on={"load": appear}, replace=True).ok


def test_rows_that_a_policy_hides_are_not_taken_for_none(
    source: Path, postgres_url: str, move: Move, execute: Query
) -> None:
    name = postgres_url.rsplit("/", 1)[1]
    execute(postgres_url, "DROP ROLE IF EXISTS hidden_from; CREATE ROLE hidden_from LOGIN")
    execute(postgres_url, f"GRANT CREATE ON DATABASE {name} TO hidden_from; GRANT ALL ON SCHEMA public TO hidden_from")
    url = postgres_url.replace("postgres://postgres@", "postgres://hidden_from@")
    try:
        execute(url, "CREATE TABLE django_session (session_key text); INSERT INTO django_session VALUES ('theirs')")
        execute(url, "ALTER TABLE django_session ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        for options in ({}, {"mode": "rehearse"}):
            refused = move(source, url, **options)
            assert refused.failure
            assert "Row security applies to role hidden_from on table django_session" in refused.failure.message
            assert 'ALTER ROLE "hidden_from" BYPASSRLS;' in refused.failure.remedy
        assert move(source, url, replace=True).ok
    finally:
        execute(postgres_url, "DROP OWNED BY hidden_from CASCADE; DROP ROLE hidden_from")


def test_what_somebody_built_on_a_kept_incoming_schema_is_named_and_stays(
    source: Path, postgres_url: str, move: Move, execute: Query
) -> None:
    assert move(source, postgres_url, mode="rehearse", keep=True).ok
    execute(postgres_url, f"CREATE VIEW public.theirs AS SELECT username FROM {INCOMING}.auth_user")
    refused = move(source, postgres_url)
    assert refused.failure
    assert f"Schema {INCOMING} is to be dropped, and something outside of it uses" in refused.failure.message
    assert "view theirs depends on" in refused.failure.detail[0].replace("public.", "")
    assert execute(postgres_url, "SELECT count(*) > 0 FROM public.theirs") == [(True,)]
    execute(postgres_url, "DROP VIEW public.theirs")
    # Nor what is built on it while a run goes on.
    built = f"CREATE VIEW public.theirs AS SELECT username FROM {INCOMING}.auth_user"
    moved = move(source, postgres_url, mode="rehearse", on={"prove": lambda: execute(postgres_url, built)})
    assert moved.ok
    assert execute(postgres_url, "SELECT count(*) > 0 FROM public.theirs") == [(True,)]


@pytest.mark.full
@pytest.mark.parametrize(
    "made",
    first_in_ci("VIEW mine AS SELECT username FROM auth_user", "TABLE mine (id int)", "TYPE mine AS (a int)"),
)
def test_what_somebody_made_in_a_kept_incoming_schema_is_named_and_stays(
    source: Path, postgres_url: str, move: Move, execute: Query, made: str
) -> None:
    assert move(source, postgres_url, mode="rehearse", keep=True).ok
    execute(postgres_url, f"SET search_path = {INCOMING}; CREATE {made}")
    refused = move(source, postgres_url)
    assert refused.failure
    assert f"Schema {INCOMING} is to be dropped, and holds what no run put there" in refused.failure.message
    assert "mine" in refused.failure.detail[0]
    assert not in_public(execute, postgres_url)
    kind = made.split()[0]
    execute(postgres_url, f"ALTER {kind} {INCOMING}.mine SET SCHEMA public")
    if kind == "VIEW":
        execute(postgres_url, "DROP VIEW mine")
    assert move(source, postgres_url).ok


def test_what_can_never_be_moved_is_refused_before_a_row_is_loaded(
    source: Path, postgres_url: str, move: Move, execute: Query
) -> None:
    """Objects that the server refuses to move: here by an event trigger, as somebody may have it."""
    execute(
        postgres_url,
        "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN"
        " IF current_query() LIKE '%SET SCHEMA%' THEN RAISE 'nothing is moved here'; END IF; END$$;"
        "CREATE EVENT TRIGGER no ON ddl_command_start EXECUTE FUNCTION no()",
    )
    for mode in ("rehearse", "publish"):
        refused = move(source, postgres_url, mode=mode)
        assert refused.failure
        assert "could not be moved to another schema: nothing is moved here" in refused.failure.message
        assert refused.loaded == ()


EVENT_TRIGGERS = {
    "update": "UPDATE public.auth_user SET is_superuser = true",
    "delete": "DELETE FROM public.attributions_attribution",
    # PostgreSQL fires it once for each statement of a batch.
    "insert": "INSERT INTO public.django_session VALUES ('k', 'd', now()) ON CONFLICT DO NOTHING",
    "truncate": "TRUNCATE public.attributions_attribution",
}


@pytest.mark.parametrize("does", these_in_ci(EVENT_TRIGGERS, "insert"))
def test_an_event_trigger_that_was_there_before_writes_no_row_unseen(
    source: Path, postgres_url: str, move: Move, execute: Query, does: str
) -> None:
    """It acts within the transaction that publishes, which no lock keeps from itself."""
    execute(
        postgres_url,
        "CREATE FUNCTION act() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN"
        " IF current_query() LIKE '%SET SCHEMA \"public\"%' OR current_query() LIKE '%migrate_to_pg.%' THEN"
        f" IF to_regclass('public.django_session') IS NOT NULL THEN {EVENT_TRIGGERS[does]}; END IF; END IF; END$$;"
        "CREATE EVENT TRIGGER act ON ddl_command_end EXECUTE FUNCTION act()",
    )
    refused = move(source, postgres_url)
    assert refused.failure
    assert "An event trigger wrote rows to" in refused.failure.message
    assert not in_public(execute, postgres_url)


@pytest.mark.full
def test_default_privileges_of_the_incoming_schema_are_refused(
    source: Path, postgres_url: str, move: Move, execute: Query
) -> None:
    give = f"ALTER DEFAULT PRIVILEGES IN SCHEMA {INCOMING} GRANT ALL ON TABLES TO PUBLIC"
    refused = move(source, postgres_url, on={"load": lambda: execute(postgres_url, give)})
    assert refused.failure
    assert f"has default privileges in schema {INCOMING}" in refused.failure.message
    assert not in_public(execute, postgres_url)
