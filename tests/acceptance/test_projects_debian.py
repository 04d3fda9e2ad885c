"""Extensions of contrib, on Debian's PostgreSQL: made by a migration, or installed in public before."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import quote

import pytest

from migrate_to_pg.postgres import target
from migrate_to_pg.publish import lock_schemas, publish
from migrate_to_pg.records import INCOMING
from tests.acceptance.test_projects import SCHEMAS
from tests.conftest import run_sql
from tests.debian import cluster
from tests.projects import Project

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def debian_url() -> Iterator[str]:
    """The URL of a private cluster's database, without its name."""
    with cluster() as folder:
        yield f"postgres://postgres@{quote(str(folder), safe='')}"


@pytest.fixture
def url(debian_url: str) -> str:
    name = f"test_{uuid.uuid4().hex[:12]}"
    run_sql(f"{debian_url}/postgres", f"CREATE DATABASE {name}")
    return f"{debian_url}/{name}"


CONTRIB = {
    "citext": "ALTER TABLE extension_document ADD COLUMN insensitive citext DEFAULT 'A' UNIQUE",
    "pg_trgm": "CREATE INDEX near ON extension_document USING gin (embedding gin_trgm_ops)",
    "hstore": "ALTER TABLE extension_document ADD COLUMN h hstore NOT NULL DEFAULT 'a=>1'",
    "btree_gist": "ALTER TABLE extension_document ADD EXCLUDE USING gist (embedding WITH =)",
    "unaccent": "CREATE VIEW plain AS SELECT unaccent(embedding) FROM extension_document",
}


@pytest.mark.parametrize("extension", CONTRIB)
def test_an_extension_of_contrib_is_published_and_used_where_it_is(tmp_path: Path, url: str, extension: str) -> None:
    documents = Project("extension", tmp_path)
    documents.migrate(INDEX="")
    documents.sqlite("INSERT INTO extension_document (embedding) VALUES ('é')")
    place = f"SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = '{extension}'"
    variables = {"EXTENSION": extension, "INDEX": CONTRIB[extension]}
    documents.move(url, "--rehearse", ok=True, **variables)
    assert run_sql(url, place) == []
    documents.move(url, ok=True, **variables)
    assert run_sql(url, place) == [("public",)]
    documents.move(url, "--replace", ok=True, **variables)
    documents.undo(url)
    documents.undo(url)
    assert run_sql(url, place) == [("public",)]
    assert run_sql(url, SCHEMAS) == []


def test_an_extension_in_a_schema_of_its_own_on_the_search_path_is_used(tmp_path: Path, url: str) -> None:
    documents = Project("extension", tmp_path)
    documents.migrate(INDEX="")
    run_sql(url, "CREATE SCHEMA extensions; CREATE EXTENSION pg_trgm SCHEMA extensions")
    run_sql(url, f"ALTER DATABASE {url.rsplit('/', 1)[1]} SET search_path = public, extensions")
    documents.move(url, INDEX=CONTRIB["pg_trgm"])
    place = "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'pg_trgm'"
    assert run_sql(url, place) == [("extensions",)]


def test_an_extension_that_this_role_may_not_make_is_named(tmp_path: Path, url: str) -> None:
    documents = Project("extension", tmp_path)
    documents.migrate(INDEX="")
    name = url.rsplit("/", 1)[1]
    run_sql(url, f"CREATE ROLE plain_{name} LOGIN; GRANT CREATE ON SCHEMA public TO plain_{name}")
    run_sql(url, f"GRANT CREATE ON DATABASE {name} TO plain_{name}")
    result = documents.move(url.replace("postgres@", f"plain_{name}@"), ok=False, EXTENSION="file_fdw", INDEX="")
    assert result.returncode == 1
    assert 'permission denied to create extension "file_fdw"' in result.stderr
    assert "As a superuser, run in this database: CREATE EXTENSION IF NOT EXISTS file_fdw; then run again." in " ".join(
        result.stderr.split()
    )


def owner_of(url: str) -> str:
    """The same database as a role that owns it and is no superuser, as a managed service gives one."""
    name = url.rsplit("/", 1)[1]
    run_sql(url, f"CREATE ROLE owner_{name} LOGIN; ALTER DATABASE {name} OWNER TO owner_{name}")
    return url.replace("postgres@", f"owner_{name}@")


@pytest.mark.parametrize("extension", [*CONTRIB, "btree_gin"])
def test_an_owner_who_is_no_superuser_moves_a_trusted_extension(tmp_path: Path, url: str, extension: str) -> None:
    """Its functions belong to somebody else and cannot be moved: it is made in the final schema."""
    documents = Project("extension", tmp_path)
    documents.migrate(INDEX="")
    documents.sqlite("INSERT INTO extension_document (embedding) VALUES ('é')")
    place = f"SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = '{extension}'"
    index = "CREATE INDEX i ON extension_document USING gin (id)"
    variables = {"EXTENSION": extension, "INDEX": CONTRIB.get(extension, index)}
    owner = owner_of(url)
    documents.move(owner, "--rehearse", ok=True, **variables)
    assert run_sql(url, place) == []
    documents.move(owner, ok=True, **variables)
    assert run_sql(url, place) == [("public",)]
    documents.move(owner, "--replace", ok=True, **variables)
    documents.undo(owner)
    documents.undo(owner)
    assert run_sql(url, SCHEMAS) == []


def test_an_extension_that_cannot_be_moved_is_made_where_it_is_to_be(tmp_path: Path, url: str) -> None:
    documents = Project("extension", tmp_path)
    documents.migrate(INDEX="")
    run_sql(url, "CREATE SCHEMA app")
    documents.move(url, "--publish-to", "app", EXTENSION="xml2", INDEX="")
    place = "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'xml2'"
    assert run_sql(url, place) == [("app",)]


#: More than the largest application of others that is tried has.
TABLES = 120


@pytest.mark.parametrize("compiles", [False, True])
def test_publishing_compiles_no_query_and_asks_fewer_than_there_are_tables(url: str, compiles: bool) -> None:
    """Debian's server has JIT: it would compile large queries about its catalogue while others wait for the locks."""
    assert run_sql(url, "SHOW jit") == [("on",)]
    plans: list[str] = []
    columns = "id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, code text UNIQUE, n int, at timestamptz"
    with closing(target.connect(url, schema="public")) as connection:
        if compiles:
            # Without the session's own setting, the plans show what is compiled.
            connection.execute("SET jit = on")
        # The usual cost above which queries are compiled is that of larger catalogues.
        connection.execute("LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET jit_above_cost = 1000")
        connection.execute("SET auto_explain.log_level = 'warning'")
        connection.add_notice_handler(lambda notice: plans.append(notice.message_primary or ""))
        for _round in range(2):
            target.create_schema(connection, INCOMING)
            connection.execute(f"SET search_path = {INCOMING}")
            for number in range(TABLES):
                key = f", parent bigint REFERENCES t{number - 1}" if number else ""
                connection.execute(f"CREATE TABLE t{number} ({columns}{key}); CREATE INDEX ON t{number} (n)")
            plans.clear()
            with ExitStack() as transaction:
                held = lock_schemas(connection, (INCOMING,), transaction)
                publication = publish(
                    connection, incoming=INCOMING, final="public", before_commit=lambda: None, locked=held,
                )  # fmt: skip
            assert publication.locked_seconds > 0
            assert 0 < len(plans) < TABLES
            assert any("JIT:" in plan for plan in plans) == compiles
    assert len(publication.replaced) == TABLES
