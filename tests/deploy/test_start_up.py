"""The start of the containers: the entrypoint of the image against a real server, several at once, without Docker."""

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy.conftest import Container, Database, as_nobody, files_of

REPLICAS = 3


@pytest.fixture(scope="module")
def replicas(container: Callable[..., Container], server: Database) -> Iterator[list[Container]]:
    """Three containers started at the same moment on an empty database."""
    url = server.fresh()
    with contextlib.ExitStack() as stack:
        started = [container(url) for _ in range(REPLICAS)]
        for one in started:
            stack.enter_context(one)
        for one in started:
            one.wait_until_healthy()
        yield started


def test_several_containers_at_once_apply_each_migration_once_and_all_serve(
    replicas: list[Container], server: Database
) -> None:
    url = replicas[0].environment["DATABASE_URL"]
    rows = server.execute(url, "SELECT count(*), count(DISTINCT (app, name)) FROM django_migrations")
    assert rows[0][0] == rows[0][1]
    applied = [re.findall(r"Applying (\S+)\.\.\. OK", one.log) for one in replicas]
    # A squashed migration is one line and several rows.
    assert sorted(len(names) > 20 for names in applied) == [False] * (REPLICAS - 1) + [True]
    names = [name for names in applied for name in names]
    assert sorted(names) == sorted(set(names))
    assert sum(len(names) > 0 for names in applied) == 1
    for one in replicas:
        assert "Traceback" not in one.log
        assert one.get("/healthz")[0] == 200


def test_whoever_starts_later_waits_for_the_lock_and_goes_on(
    container: Callable[..., Container], url: str, server: Database
) -> None:
    from deploy.migrate_once import LOCK

    with server.connect(url) as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        with container(url) as one:
            wait_for(one, "waiting for it")
            assert "Applying" not in one.log
            holder.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
            one.wait_until_healthy()
            assert "Applying" in one.log


def wait_for(one: Container, words: str) -> None:
    deadline = time.monotonic() + 60
    while words not in one.log:
        assert one.process.poll() is None, one.log
        assert time.monotonic() < deadline, one.log
        time.sleep(0.1)


def test_sessions_and_static_files_are_the_same_in_every_container(replicas: list[Container], image_code: Path) -> None:
    environment = replicas[0].environment
    code = (
        "from django.contrib.auth import get_user_model as user; from django.test import Client;"
        "client = Client(); client.force_login(user().objects.create_superuser('a'));"
        "print('cookie', client.cookies['sessionid'].value)"
    )
    command = as_nobody("python", "manage.py", "shell", "--verbosity", "0", "--command", code)
    made = subprocess.run(command, cwd=image_code, env=environment, capture_output=True, text=True, check=True)
    cookie = made.stdout.rpartition("cookie ")[2].strip()
    for one in replicas:
        status, page = one.get("/base-de-donnees/", Host="localhost", Cookie=f"sessionid={cookie}")
        assert status == 200, page
        assert "PostgreSQL" in page
    styles = {
        style
        for one in replicas
        for style in re.findall(r'href="(/static/style\.[0-9a-f]+\.css)"', one.get("/login/", Host="localhost")[1])
    }
    assert len(styles) == 1
    assert {one.get(style) for style in styles for one in replicas} == {replicas[0].get(styles.pop())}


def test_health_is_told_under_any_name_and_nothing_else_is(replicas: list[Container]) -> None:
    one = replicas[0]
    assert one.get("/healthz", Host="172.18.0.5:8000")[0] == 200
    assert one.get("/login/", Host="172.18.0.5:8000")[0] == 400
    assert one.get("/login/", Host="localhost")[0] == 200


@pytest.mark.full
def test_under_a_name_of_its_own_it_asks_for_https_but_tells_its_health(
    container: Callable[..., Container], migrated_url: str
) -> None:
    with container(migrated_url, ALLOWED_HOSTS="attribution.example.org", DJANGO_BEHIND_PROXY="on") as one:
        one.wait_until_healthy()
        secure = {"Host": "attribution.example.org", "X-Forwarded-Proto": "https"}
        assert one.get("/login/", **secure)[0] == 200
        # Redirected to https, where nobody listens here.
        with pytest.raises(OSError, match="urlopen error"):
            one.get("/login/", Host="attribution.example.org")


def test_where_the_database_has_gone_it_cannot_serve_and_is_no_container_to_replace(
    container: Callable[..., Container], migrated_url: str, server: Database
) -> None:
    with container(migrated_url) as one:
        one.wait_until_ready()
        server.execute("postgres", f"DROP DATABASE {migrated_url.rpartition('/')[2]} WITH (FORCE)")
        assert one.get("/healthz")[0] == 503
        assert one.check_health().returncode == 0
    assert one.check_health().returncode == 1


def test_the_code_cannot_be_written_to_and_nothing_wants_to(replicas: list[Container], image_code: Path) -> None:
    if os.getuid() == 0:
        denied = subprocess.run(as_nobody("touch", image_code / "x"), capture_output=True, text=True, check=False)
        assert "Permission denied" in denied.stderr
        for one in replicas:
            assert Path(f"/proc/{one.process.pid}").stat().st_uid != 0
    assert files_of(image_code) == (image_code.parent / "files").read_text()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"SECRET_KEY_FILE": "/nowhere/secret_key"}, "SECRET_KEY_FILE='/nowhere/secret_key' cannot be read"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is not set"),
        ({"DATABASE_URL": "postgres://u:pl4nted@127.0.0.1:1/d", "DATABASE_PATIENCE": "1"}, "onnection refused"),
    ],
)
def test_what_keeps_it_from_starting_is_said_in_a_line(
    container: Callable[..., Container], url: str, more: dict[str, str], says: str
) -> None:
    with container(url, **more) as one:
        assert one.process.wait(30) == 1
    assert says in one.log
    assert "Traceback" not in one.log
    assert "pl4nted" not in one.log


def test_a_migration_that_fails_keeps_the_container_from_serving(
    container: Callable[..., Container], url: str, server: Database
) -> None:
    server.execute(url, "CREATE TABLE courses_course (id int)")
    with container(url) as one:
        assert one.process.wait(30) == 1
    assert "The migrations were not applied" in one.log
    assert 'relation "courses_course" already exists' in one.log


def test_a_command_that_does_not_exist_is_said_in_a_line(container: Callable[..., Container], url: str) -> None:
    with container(url, "no-such-program") as one:
        assert one.process.wait(30) == 1
    assert "no-such-program could not be started" in one.log


def test_another_command_runs_at_once_and_migrates_nothing(
    container: Callable[..., Container], url: str, server: Database
) -> None:
    with container(url, "python", "manage.py", "check", "--deploy") as one:
        one.process.wait(30)
    assert server.execute(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


def test_check_deploy_is_clean_under_a_name_of_its_own(container: Callable[..., Container], url: str) -> None:
    command = ("python", "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    with container(url, *command, ALLOWED_HOSTS="attribution.example.org") as one:
        assert one.process.wait(30) == 0, one.log
    assert "no issues" in one.log


@pytest.mark.full
def test_the_trial_on_localhost_lacks_nothing_but_https(container: Callable[..., Container], url: str) -> None:
    with container(url, "python", "manage.py", "check", "--deploy") as one:
        one.process.wait(30)
    assert set(re.findall(r"security\.W\d+", one.log)) == {
        "security.W004", "security.W008", "security.W012", "security.W016"
    }  # fmt: skip
