"""--owner: what is published belongs to another role than the one that connects, or the run is refused at its start."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg import sql

from tests.acceptance.test_projects import ITEMS, SCHEMAS
from tests.conftest import run_sql
from tests.projects import Project

HOSTILE = 'The "owners"'

OWNERS = """
SELECT DISTINCT pg_get_userbyid(owner) FROM (
    SELECT relowner, relnamespace FROM pg_class UNION ALL SELECT proowner, pronamespace FROM pg_proc
    UNION ALL SELECT typowner, typnamespace FROM pg_type UNION ALL SELECT collowner, collnamespace FROM pg_collation
    UNION ALL SELECT oprowner, oprnamespace FROM pg_operator UNION ALL SELECT opcowner, opcnamespace FROM pg_opclass
    UNION ALL SELECT opfowner, opfnamespace FROM pg_opfamily UNION ALL SELECT cfgowner, cfgnamespace FROM pg_ts_config
    UNION ALL SELECT stxowner, stxnamespace FROM pg_statistic_ext
) AS o (owner, schema) WHERE schema = 'public'::regnamespace
"""


@pytest.fixture
def role(postgres_url: str) -> Iterator[Callable[..., str]]:
    """Make a role with a suffix of this test's own: role(prefix, attributes) -> its name; all go in the end."""
    made = []

    def make(prefix: str, attributes: str = "LOGIN") -> str:
        name = f"{prefix}_{uuid.uuid4().hex[:8]}"
        run_sql(postgres_url, sql.SQL("CREATE ROLE {} " + attributes).format(sql.Identifier(name)))
        made.append(name)
        return name

    yield make
    for name in reversed(made):
        grant(postgres_url, "REASSIGN OWNED BY {} TO postgres", name)
        grant(postgres_url, "DROP OWNED BY {}", name)
        grant(postgres_url, "DROP ROLE {}", name)


def grant(url: str, statement: str, *names: str) -> None:
    run_sql(url, sql.SQL(statement).format(*map(sql.Identifier, names)))


def test_every_kind_of_object_is_given_to_the_role(tmp_path: Path, postgres_url: str, role: Callable[..., str]) -> None:
    objects = Project("objects", tmp_path)
    objects.migrate()
    objects.sqlite(ITEMS)
    owner, reader = role(HOSTILE, "NOLOGIN"), role("reader")
    grant(
        postgres_url,
        "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA public GRANT SELECT ON TABLES TO {}",
        owner,
        reader,
    )
    objects.move(postgres_url, "--owner", owner)
    assert run_sql(postgres_url, OWNERS) == [(owner,)]
    read = "SELECT has_table_privilege(%s, 'objects_item', 'SELECT')"
    assert run_sql(postgres_url, read, [reader]) == [(True,)]
    # Replaced by a run that names none, they are whose they were.
    report = tmp_path / "report"
    objects.move(postgres_url, "--replace", "--report", str(report))
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert run_sql(postgres_url, owners) == [(owner,)]
    assert run_sql(postgres_url, read, [reader]) == [(True,)]
    objects.move(postgres_url, "--replace", PROJECT_MIGRATE_TO_PG=json.dumps({"OWNER": "postgres"}))
    assert run_sql(postgres_url, OWNERS) == [("postgres",)]
    objects.undo(postgres_url)
    objects.undo(postgres_url)
    assert run_sql(postgres_url, OWNERS) == [(owner,)]


@pytest.mark.full
def test_a_role_that_may_little_is_told_what_it_lacks_until_it_works(
    stray_rows: Project, postgres_url: str, role: Callable[..., str]
) -> None:
    database = postgres_url.rsplit("/", 1)[1]
    mover, owner = role("mover", "LOGIN NOCREATEDB NOSUPERUSER"), role(HOSTILE, "NOLOGIN")
    grant(postgres_url, "GRANT CREATE ON DATABASE {} TO {}", database, mover)
    grant(postgres_url, "GRANT CREATE ON SCHEMA public TO {}", mover)
    url = postgres_url.replace("postgres@", f"{mover}@")

    def refusal(named: str, statement: str) -> str:
        refused = stray_rows.move(url, "--owner", named, ok=False)
        assert refused.returncode == 1
        assert run_sql(postgres_url, SCHEMAS) == []
        remedy = next(line for line in refused.stderr.splitlines() if statement in line)
        return remedy[remedy.index(statement) :].strip()

    assert refusal("nobody-like-that", "CREATE ROLE") == 'CREATE ROLE "nobody-like-that";'
    run_sql(postgres_url, refusal(owner, "GRANT").encode())
    run_sql(postgres_url, refusal(owner, "GRANT CREATE ON SCHEMA").encode())
    stray_rows.move(url, "--owner", owner, "--rehearse")
    stray_rows.move(url, "--owner", owner)
    assert run_sql(postgres_url, OWNERS) == [(owner,)]
    stray_rows.move(url, "--owner", owner, "--replace")
    stray_rows.undo(url)
    stray_rows.undo(url)


def test_a_membership_without_the_right_to_set_the_role_is_not_enough(
    stray_rows: Project, postgres_url: str, role: Callable[..., str]
) -> None:
    """So since PostgreSQL 16."""
    database = postgres_url.rsplit("/", 1)[1]
    mover, owner = role("mover"), role("owner", "NOLOGIN")
    grant(postgres_url, "GRANT CREATE ON DATABASE {} TO {}", database, mover)
    grant(postgres_url, "GRANT CREATE ON SCHEMA public TO {}, {}", mover, owner)
    grant(postgres_url, "GRANT {} TO {} WITH SET FALSE", owner, mover)
    refused = stray_rows.move(postgres_url.replace("postgres@", f"{mover}@"), "--owner", owner, ok=False)
    assert refused.returncode == 1
    assert f"may not SET ROLE {owner}" in refused.stderr


@pytest.mark.full
def test_a_role_that_only_reads_the_tables_is_warned_of_hidden_exclusions(
    stray_rows: Project, postgres_url: str, role: Callable[..., str]
) -> None:
    stray_rows.move(postgres_url, "--exclude-data", "stray.Thing")
    reader = role("reader")
    grant(postgres_url, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}", reader)
    verify = ("migrate_to_pg", "--verify-only", "--target", postgres_url.replace("postgres@", f"{reader}@"))
    blind = stray_rows.run(*verify, ok=False)
    assert blind.returncode == 3
    assert "This role may not read, in schema migrate_to_pg, what was left out" in blind.stderr
    told = stray_rows.run(*verify, "--exclude-data", "stray.Thing")
    assert "This role may not read" not in told.stderr
