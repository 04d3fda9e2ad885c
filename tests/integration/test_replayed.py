"""The short cut of these tests: statements of migrations that are sent again make what the migrations make."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from migrate_to_pg.pipeline import stage_tables
from migrate_to_pg.postgres.schema_digest import ObjectDefinition, definition_differences, read_definitions
from migrate_to_pg.project.migrations import run_migrations
from migrate_to_pg.records import INCOMING
from tests.integration.conftest import Move
from tests.replayed import replay_migrations


@pytest.mark.full
def test_statements_sent_again_make_what_the_migrations_make(
    source: Path, postgres_url: str, move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[frozenset[ObjectDefinition]] = []

    def look() -> None:
        with psycopg.connect(postgres_url) as connection:
            made.append(read_definitions(connection, INCOMING))

    ways: list[Callable[..., object]] = [run_migrations, replay_migrations, replay_migrations]
    for way in ways:
        monkeypatch.setattr(stage_tables, "run_migrations", way)
        assert move(source, postgres_url, mode="rehearse", on={"load": look}).ok
    assert len(made) == len(ways)
    assert [definition_differences(made[0], other) for other in made] == [[]] * len(ways)
