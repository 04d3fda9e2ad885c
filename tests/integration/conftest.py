"""Small source databases, made once by the project's own command; the pipeline run in this process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker, Settings

from migrate_to_pg.pipeline import move as pipeline
from migrate_to_pg.pipeline import stage_tables
from migrate_to_pg.records import Event, Options, Report, Verify
from tests.conftest import MakeSource, Server
from tests.integration.crossing import Ferry
from tests.replayed import replay_migrations

Move = Callable[..., Report]
NOTHING: Mapping[str, Callable[[], None]] = {}


@pytest.fixture
def source(tmp_path: Path, make_source: MakeSource) -> Path:
    """A healthy source with some hundred rows, this test's own."""
    return Path(shutil.copy(make_source("none"), tmp_path / "db.sqlite3"))


@pytest.fixture
def make_damaged(tmp_path: Path, make_source: MakeSource) -> Callable[[str], Path]:
    """damage -> a source of this test's own with that damage."""
    return lambda damage: Path(shutil.copy(make_source(damage), tmp_path / "damaged.sqlite3"))


@pytest.fixture
def unblocked(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The project's databases may be asked, in this process."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def move(
    tmp_path: Path, django_db_blocker: DjangoDbBlocker, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Move]:
    """Run the pipeline in this process: move(source, url, verify=..., on={stage: callback}) -> Report."""
    runs = iter(range(1000))
    if not os.environ.get("START_COLD"):
        monkeypatch.setattr(stage_tables, "run_migrations", replay_migrations)

    def run(
        source: Path, url: str | None, *, on: dict[str, Callable[[], None]] | None = None, **options: Any
    ) -> Report:
        def follow(event: Event) -> None:
            if event.kind == "stage" and on and event.stage in on:
                on[event.stage]()

        wanted: dict[str, Any] = {"verify": Verify.CELLS, "report": tmp_path / "reports" / str(next(runs))} | options
        return pipeline.run(Options(source=str(source), target=url, **wanted), follow)

    with django_db_blocker.unblock():
        yield run


@pytest.fixture(scope="module")
def shared_url(request: pytest.FixtureRequest, servers: dict[int, Server]) -> str:
    """One database for the whole file, in which each test has its schema; a file may ask for versions."""
    return servers[getattr(request, "param", 18)].database()


@pytest.fixture
def ferry(tmp_path: Path, shared_url: str) -> Ferry:
    return Ferry(tmp_path, shared_url)
