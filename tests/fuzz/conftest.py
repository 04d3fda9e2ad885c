"""A healthy database of the application's with rows in every table, and what runs the rounds."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.conftest import SERVER_VERSIONS, Server
from tests.fuzz.rounds import Fuzzer

#: The demonstration fills neither groups nor sessions nor the log.
MORE = """
INSERT INTO auth_group (name) VALUES ('secrétariat'), ('direction');
INSERT INTO auth_group_permissions (group_id, permission_id) VALUES (1, 1), (1, 2), (2, 1);
INSERT INTO auth_user_groups (user_id, group_id) VALUES (1, 1), (2, 2);
INSERT INTO auth_user_user_permissions (user_id, permission_id) VALUES (1, 3), (2, 5);
INSERT INTO django_admin_log
    (object_id, object_repr, action_flag, change_message, content_type_id, user_id, action_time)
VALUES ('1', 'AGV211', 1, '[{"added": {}}]', 7, 1, '2026-01-31 12:00:00'),
    (NULL, '', 2, '', NULL, 2, '2026-02-01 08:30:00.25');
INSERT INTO django_session VALUES ('abcdefghijklmnopqrstuvwxyz012345', '.eJxVjDEOwj', '2026-12-31 23:59:59.999999'),
    ('ABCDEFGHIJKLMNOPQRSTUVWXYZ012345', '', '2025-01-01 00:00:00');
"""


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Path:
    """Each table holds rows; nothing is wrong with any."""
    path = tmp_path_factory.mktemp("healthy") / "db.sqlite3"
    with django_db_blocker.unblock():
        call_command("make_legacy_db", str(path), damage="none", verbosity=0, stdout=io.StringIO())
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript(MORE)
    return path


@pytest.fixture
def fuzzer(healthy: Path, servers: dict[int, Server], tmp_path: Path, django_db_blocker: Any) -> Iterator[Fuzzer]:
    """Rounds in this process, against one server."""
    with django_db_blocker.unblock():
        yield Fuzzer(healthy, servers[SERVER_VERSIONS[0]], tmp_path)
