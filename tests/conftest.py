"""Real PostgreSQL for every test that asks: an embedded server for each version, a fresh database for each test."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from migrate_to_pg import embedded

#: The versions that the embedded wheel ships; the first is the one for tests that need only one.
SERVER_VERSIONS = (18, 16)


class Server:
    """A running embedded server: ``database()`` makes a fresh one and gives its URL."""

    def __init__(self, version: int, folder: Path) -> None:
        self.version = version
        self._server = embedded.start(folder / str(version), version=version)

    def url(self, name: str = "postgres", *, user: str = "postgres") -> str:
        return self._server.url(name, user=user)

    def database(self) -> str:
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def stop(self) -> None:
        self._server.stop()


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[int, Server]]:
    """version -> server, each started when it is first asked for."""
    started: dict[int, Server] = {}
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        # The server runs as another user when the tests run as root.
        Path(folder).chmod(0o755)

        class Lazy(dict[int, Server]):
            def __missing__(self, version: int) -> Server:
                self[version] = started[version] = Server(version, Path(folder))
                return self[version]

        yield Lazy()
        for server in started.values():
            server.stop()


@pytest.fixture
def postgres_url(servers: dict[int, Server]) -> str:
    """The URL of a fresh, empty database on PostgreSQL 18."""
    return servers[SERVER_VERSIONS[0]].database()


@pytest.fixture(params=SERVER_VERSIONS, ids=lambda version: f"pg{version}")
def each_postgres_url(request: pytest.FixtureRequest, servers: dict[int, Server]) -> str:
    """The URL of a fresh, empty database, once for every server version at hand."""
    return servers[request.param].database()
