"""A healthy database of the application's with rows in every table, and what runs the rounds."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from migrate_to_pg.pipeline import stage_tables
from tests.conftest import SERVER_VERSIONS, MakeSource, Server
from tests.fuzz.rounds import Fuzzer
from tests.replayed import replay_migrations

#: The demonstration fills neither groups nor sessions nor the log.
MORE = """
INSERT INTO auth_group (name) VALUES ('scolarité'), ('direction');
INSERT INTO auth_group_permissions (group_id, permission_id)
    SELECT g.id, p.id FROM auth_group g JOIN auth_permission p ON p.id <= 2 WHERE g.name IN ('scolarité', 'direction');
INSERT INTO auth_user_groups (user_id, group_id)
    SELECT u.id, g.id FROM auth_group g JOIN auth_user u ON u.id <= 2 WHERE g.name = 'direction';
INSERT INTO auth_user_user_permissions (user_id, permission_id) VALUES (1, 3), (2, 5);
INSERT INTO courses_historicalcourse (id, code, title, credits, hours_cm, hours_td, hours_tp, level, semester,
    department, history_date, history_change_reason, history_type, history_user_id)
    SELECT id, code, title, credits, hours_cm, hours_td, hours_tp, level, semester,
        department, '2026-02-01 08:30:00.25', CASE WHEN id = 1 THEN 'réforme' END, '+', 1
    FROM courses_course WHERE id <= 3;
INSERT INTO attributions_historicalteacher (id, matricule, last_name, first_name, grade, department, email, max_hours,
    history_date, history_type, history_user_id, user_id)
    SELECT id, matricule, last_name, first_name, grade, department, email, max_hours,
        '2026-02-01 08:30:00', '~', NULL, 1
    FROM attributions_teacher WHERE id <= 3;
INSERT INTO attributions_historicalattribution (id, component, academic_year, load, hours, note, created_at,
    history_date, history_type, course_id, created_by_id, history_user_id, teacher_id)
    SELECT id, component, academic_year, load, hours, note, created_at,
        '2026-02-01 08:30:00', '-', course_id, created_by_id, 2, teacher_id
    FROM attributions_attribution WHERE id <= 3;
INSERT INTO axes_accessattempt (user_agent, ip_address, username, http_accept, path_info, attempt_time, get_data,
    post_data, failures_since_start)
    VALUES ('curl', '192.0.2.1', 'aubry', '*/*', '/login/', '2026-01-31 12:00:00', '', 'username=aubry', 3),
        ('', NULL, NULL, '', '', '2026-01-31 12:00:01.5', '', '', 0);
INSERT INTO axes_accessattemptexpiration VALUES (1, '2026-01-31 13:00:00');
INSERT INTO axes_accesslog (user_agent, ip_address, username, http_accept, path_info, attempt_time, logout_time,
    session_hash)
    VALUES ('curl', '2001:db8::1', 'aubry', '*/*', '/login/', '2026-01-31 12:00:00', NULL, 'abc');
INSERT INTO axes_accessfailurelog (user_agent, ip_address, username, http_accept, path_info, attempt_time, locked_out)
    VALUES ('curl', '::1', 'aubry', '*/*', '/login/', '2026-01-31 12:00:00', 1);
INSERT INTO django_admin_log
    (object_id, object_repr, action_flag, change_message, content_type_id, user_id, action_time)
VALUES ('1', 'AGV211', 1, '[{"added": {}}]', 7, 1, '2026-01-31 12:00:00'),
    (NULL, '', 2, '', NULL, 2, '2026-02-01 08:30:00.25');
INSERT INTO django_session VALUES ('abcdefghijklmnopqrstuvwxyz012345', '.eJxVjDEOwj', '2026-12-31 23:59:59.999999'),
    ('ABCDEFGHIJKLMNOPQRSTUVWXYZ012345', '', '2025-01-01 00:00:00');
"""


@pytest.fixture(scope="session")
def healthy(make_source: MakeSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each table holds rows; nothing is wrong with any."""
    path = Path(shutil.copy(make_source(), tmp_path_factory.mktemp("healthy") / "db.sqlite3"))
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript(MORE)
    return path


@pytest.fixture
def fuzzer(
    healthy: Path,
    servers: dict[int, Server],
    tmp_path: Path,
    django_db_blocker: DjangoDbBlocker,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Fuzzer]:
    """Rounds in this process, against one server."""
    if not os.environ.get("START_COLD"):
        monkeypatch.setattr(stage_tables, "run_migrations", replay_migrations)
    with django_db_blocker.unblock():
        yield Fuzzer(healthy, servers[SERVER_VERSIONS[0]], tmp_path)
