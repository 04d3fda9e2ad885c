"""/healthz while the database is stopped, read-only, a standby or full; /livez all the while."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.debian import folder_for_all
from tests.deploy.conftest import Container, Database

SOUND = {"status": "ok", "database": "postgresql", "migrations": "applied", "writes": "possible"}
UNKNOWN = {"status": "unavailable", "database": "postgresql", "migrations": "unknown", "writes": "unknown"}


@pytest.fixture
def own_server(programs: Path) -> Iterator[Database]:
    """A server of the test's own, which may be stopped."""
    with folder_for_all("health-") as folder:
        running = Database(folder, programs)
        yield running
        running.stop()


def check(one: Container, expected: dict[str, str]) -> None:
    status, text = one.get("/healthz")
    assert (status, json.loads(text)) == (200 if expected == SOUND else 503, expected)
    assert one.check_health().returncode == 0  # asks /livez


def serve(container: Callable[..., Container], own: Database) -> Any:
    return container(own.fresh(), PGPASSFILE=str(own.secrets / "pgpass"))


def test_each_state_of_the_database_is_told_and_ends_when_it_does(
    container: Callable[..., Container], own_server: Database
) -> None:
    with serve(container, own_server) as one:
        one.wait_until_ready()
        check(one, SOUND)
        own_server.stop()
        check(one, UNKNOWN)
        # As a standby is: it answers, and takes no changes.
        (own_server.folder / "data" / "standby.signal").touch()
        own_server.start()
        check(one, SOUND | {"status": "degraded", "writes": "standby"})
        own_server.stop()
        (own_server.folder / "data" / "standby.signal").unlink()
        own_server.start()
        one.wait_until_ready()
        own_server.execute("postgres", "ALTER SYSTEM SET default_transaction_read_only = on")
        own_server.execute("postgres", "SELECT pg_reload_conf()")
        while one.get("/healthz")[0] == 200:
            pass
        check(one, SOUND | {"status": "degraded", "writes": "read-only"})


@pytest.mark.full
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_a_full_disk_is_told_while_everything_can_still_be_read(
    container: Callable[..., Container], programs: Path
) -> None:
    with folder_for_all("full-") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m,mode=755", "tmpfs", folder], check=True)
        own = Database(folder, programs)
        with serve(container, own) as one:
            one.wait_until_ready()
            filling = folder / "filling"
            with filling.open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(b"x" * 65536)
            check(one, SOUND | {"status": "degraded", "writes": "disk full"})
            filling.unlink()
            check(one, SOUND)
        own.stop()
        subprocess.run(["umount", folder], check=True)
