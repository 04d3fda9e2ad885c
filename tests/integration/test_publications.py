"""Publications of PostgreSQL's logical replication: told, or refused, before anything is done.

What subscribers get is tried in tests/acceptance/test_replication.py, with a real one.
"""

from pathlib import Path

import psycopg
import pytest

from migrate_to_pg.errors import TargetError
from migrate_to_pg.pipeline import undo_and_purge
from migrate_to_pg.records import INCOMING, Finding, Options, Report
from tests.conftest import Query
from tests.integration.conftest import Move
from tests.tiers import first_in_ci

SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'migrate_to_pg%' ORDER BY 1"
TAKES_IN = [
    ("FOR ALL TABLES", f"Publication news is FOR ALL TABLES: every row that is loaded into schema {INCOMING} goes"),
    ("FOR TABLES IN SCHEMA public", "Publication news is FOR TABLES IN SCHEMA public: its subscribers do not get"),
]


def replication(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.rule == "logical-replication"]


@pytest.mark.parametrize("mode", first_in_ci("publish", "rehearse"))
@pytest.mark.parametrize(("scope", "told"), TAKES_IN)
def test_what_takes_in_tables_by_itself_has_to_be_accepted(
    scope: str, told: str, mode: str, source: Path, postgres_url: str, move: Move, execute: Query
) -> None:
    execute(postgres_url, f"CREATE PUBLICATION news {scope}")
    refused = move(source, postgres_url, mode=mode)
    assert refused.failure
    assert refused.failure.message.startswith(told)
    assert "--accept-publications" in refused.failure.remedy
    assert (refused.directory, refused.source) == ("", None)  # before anything was copied
    assert execute(postgres_url, SCHEMAS) == []
    accepted = move(source, postgres_url, mode=mode, accept_publications=True)
    assert accepted.ok, accepted.failure
    (finding,) = replication(accepted)
    assert finding.explanation.startswith(f"Publication news is {scope}: ")
    assert "No subscriber has a replication slot in this database now." in finding.explanation
    assert "DROP SUBSCRIPTION" in finding.remedy
    told_at_the_end = "CREATE SUBSCRIPTION NAME CONNECTION '...' PUBLICATION news"
    steps = [step for step in accepted.next_steps if told_at_the_end in step]
    assert len(steps) == (mode == "publish")
    assert any("has stopped" in step for step in accepted.next_steps) == (mode == "rehearse" and scope.endswith("S"))


@pytest.mark.parametrize(("scope", "told"), first_in_ci(*TAKES_IN))
def test_undo_has_to_be_told_so_too_and_says_what_is_to_be_done(
    scope: str, told: str, source: Path, postgres_url: str, move: Move, execute: Query, unblocked: None
) -> None:
    execute(postgres_url, f"CREATE PUBLICATION news {scope}")
    moved = move(source, postgres_url, accept_publications=True)
    (line,) = [step for step in moved.next_steps if "--undo" in step]
    assert "--accept-publications" in line
    assert not any("--accept-publications" in step for step in moved.next_steps if step != line)
    with pytest.raises(TargetError) as refused:
        undo_and_purge.undo(Options(target=postgres_url))
    assert str(refused.value).startswith(f"Publication news is {scope}: its subscribers are not brought back")
    undone = undo_and_purge.undo(Options(target=postgres_url, accept_publications=True))
    assert [finding.rule for finding in undone.findings] == ["logical-replication"]
    assert any("CREATE SUBSCRIPTION" in step for step in undone.next_steps)


def test_tables_of_a_publication_are_replaced_and_what_subscribers_lack_is_told(
    source: Path, each_postgres_url: str, move: Move, execute: Query
) -> None:
    url = each_postgres_url
    assert move(source, url).ok
    execute(url, 'CREATE TABLE other (id int PRIMARY KEY); CREATE PUBLICATION "Its news" FOR TABLE other, auth_group')
    execute(url, "CREATE PUBLICATION not_ours FOR TABLE other")
    moved = move(source, url, replace=True)
    assert moved.ok, moved.failure
    (finding,) = replication(moved)
    assert finding.explanation.startswith("Publication Its news is FOR TABLE auth_group: of what is replaced there")
    (step,) = [step for step in moved.next_steps if "CREATE SUBSCRIPTION" in step]
    assert """'CREATE SUBSCRIPTION NAME CONNECTION '"'"'...'"'"' PUBLICATION "Its news"'""" in step
    query = "SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = 'Its news' ORDER BY 2"
    assert execute(url, query) == [("public", "auth_group"), ("public", "other")]


@pytest.mark.parametrize(
    ("limit", "told"),
    first_in_ci(
        ("ALTER PUBLICATION news SET TABLE auth_group WHERE (id > 1)", "A publication limits the rows or columns"),
        ("ALTER PUBLICATION news SET TABLE auth_group (id)", "A publication limits the rows or columns"),
    ),
)
def test_a_part_of_a_table_is_refused_before_anything_is_copied(
    limit: str, told: str, source: Path, postgres_url: str, move: Move, execute: Query
) -> None:
    assert move(source, postgres_url).ok
    execute(postgres_url, f"CREATE PUBLICATION news FOR TABLE auth_group; {limit}")
    refused = move(source, postgres_url, replace=True)
    assert refused.failure
    assert refused.failure.message.startswith(told)
    assert refused.failure.detail == ("publication news, table auth_group",)
    assert refused.source is None


def test_a_publication_of_another_role_is_refused_before_anything_is_copied(
    source: Path, postgres_url: str, move: Move, execute: Query
) -> None:
    name = postgres_url.rsplit("/", 1)[1]
    execute(postgres_url, "DROP ROLE IF EXISTS mover; CREATE ROLE mover LOGIN")
    execute(postgres_url, f"GRANT CREATE ON DATABASE {name} TO mover; GRANT CREATE ON SCHEMA public TO mover")
    own = postgres_url.replace("postgres://postgres@", "postgres://mover@")
    try:
        assert move(source, own).ok
        execute(postgres_url, "CREATE PUBLICATION theirs FOR TABLE public.auth_group")
        refused = move(source, own, replace=True)
        assert refused.failure
        assert refused.failure.message == "A table that would be replaced is in a publication of another role: theirs."
        assert refused.source is None
    finally:
        execute(postgres_url, "DROP PUBLICATION IF EXISTS theirs; DROP OWNED BY mover CASCADE; DROP ROLE mover")


@pytest.mark.full
def test_what_another_schema_publishes_is_nothing_to_this_move(
    source: Path, postgres_url: str, move: Move, execute: Query
) -> None:
    execute(postgres_url, "CREATE SCHEMA app; CREATE PUBLICATION news FOR TABLES IN SCHEMA public")
    moved = move(source, postgres_url, publish_to="app")
    assert moved.ok, moved.failure
    assert replication(moved) == []
    execute(postgres_url, "CREATE PUBLICATION other FOR TABLES IN SCHEMA app")
    refused = move(source, postgres_url, publish_to="app", replace=True)
    assert refused.failure
    assert refused.failure.message.startswith("Publication other is FOR TABLES IN SCHEMA app: ")
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_publication").fetchone() == (2,)
