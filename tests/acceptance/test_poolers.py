"""A pooler before PostgreSQL: refused by what it does; with the direct URL beside it, the application uses it."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest

from migrate_to_pg.errors import TargetError
from migrate_to_pg.postgres import target
from tests.acceptance.test_projects import SCHEMAS
from tests.conftest import run_sql
from tests.debian import cluster, free_port, pgbouncer
from tests.projects import Project

pytestmark = pytest.mark.full

POOLED = "is in transaction or statement mode, but a run needs sessions of its own"


@pytest.fixture(scope="module")
def server_port() -> Iterator[int]:
    """Where a private server of Debian's listens."""
    chosen = free_port()
    with cluster(f"-c port={chosen} -c listen_addresses=127.0.0.1"):
        yield chosen


@pytest.fixture
def direct_url(server_port: int) -> str:
    name = f"test_{uuid.uuid4().hex[:12]}"
    run_sql(f"postgres://postgres@127.0.0.1:{server_port}/postgres", f"CREATE DATABASE {name}")
    return f"postgres://postgres@127.0.0.1:{server_port}/{name}"


@pytest.fixture
def make_pooled_url(server_port: int, direct_url: str) -> Iterator[Callable[..., str]]:
    """mode, settings -> the same database through a PgBouncer."""
    name = direct_url.rsplit("/", 1)[1]
    with ExitStack() as stack:

        def make(mode: str, **settings: str) -> str:
            databases = f"* = host=127.0.0.1 port={server_port} user=postgres"
            through = stack.enter_context(pgbouncer(databases, pool_mode=mode, **settings))
            return f"postgres://postgres@127.0.0.1:{through}/{name}"

        yield make


@pytest.mark.parametrize(
    ("asked", "mode", "settings"),
    [
        ("--undo", "transaction", {}),
        ("--purge", "transaction", {}),
        ("--verify-only", "transaction", {}),
        ("move", "transaction", {}),
        ("move", "transaction", {"server_round_robin": 1, "min_pool_size": 5}),
        ("move", "transaction", {"default_pool_size": 1}),
        ("move", "transaction", {"ignore_startup_parameters": "options"}),
        ("move", "statement", {}),
        ("--purge", "statement", {}),
    ],
)
def test_a_pooled_url_alone_is_refused_in_one_line(
    objects: Project,
    direct_url: str,
    make_pooled_url: Callable[..., str],
    asked: str,
    mode: str,
    settings: dict[str, int | str],
) -> None:
    url = make_pooled_url(mode, **settings)
    if settings.get("min_pool_size"):
        warm(url)
    if asked == "move":
        refused = objects.move(url, ok=False)
    else:
        source = ("--source", objects.source) if asked == "--verify-only" else ()
        refused = objects.run("migrate_to_pg", asked, *source, "--target", url, ok=False)
    told = refused.stdout + refused.stderr
    assert refused.returncode == 1
    assert POOLED in told
    assert "Name PostgreSQL itself with --target" in told
    assert run_sql(direct_url, SCHEMAS) == []
    assert run_sql(direct_url, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]


def warm(url: str, count: int = 5) -> None:
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(closing(psycopg.connect(url))).execute("SELECT 1")


def test_a_pool_that_an_application_uses_meanwhile_is_refused_each_time(
    objects: Project, direct_url: str, make_pooled_url: Callable[..., str]
) -> None:
    """By chance the same process may serve us twice; not in every round."""
    url = make_pooled_url("transaction", default_pool_size=4)
    done = threading.Event()

    def use() -> None:
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
            while not done.is_set():
                connection.execute("SELECT pg_sleep(random() * 0.002)")

    users = [threading.Thread(target=use) for _ in range(6)]
    for user in users:
        user.start()
    try:
        for _ in range(20):
            with pytest.raises(TargetError, match=POOLED):
                target.connect(url, schema="public").close()
    finally:
        done.set()
        for user in users:
            user.join()


@pytest.mark.parametrize("settings", [{}, {"ignore_startup_parameters": "options"}])
def test_a_pool_of_sessions_that_loses_what_a_connection_asks_for_is_refused(
    objects: Project, direct_url: str, make_pooled_url: Callable[..., str], settings: dict[str, str]
) -> None:
    refused = objects.move(make_pooled_url("session", **settings), ok=False)
    assert refused.returncode == 1
    assert "ignores the connection parameter `options`, which a run needs" in refused.stderr
    assert run_sql(direct_url, SCHEMAS) == []


def test_a_pool_of_one_session_is_refused_within_seconds(
    objects: Project, direct_url: str, make_pooled_url: Callable[..., str]
) -> None:
    refused = objects.move(make_pooled_url("session", default_pool_size=1), ok=False)
    assert refused.returncode == 1
    assert POOLED in refused.stderr


def test_options_in_the_url_that_the_pooler_refuses_are_told_as_what_they_are(
    objects: Project, make_pooled_url: Callable[..., str]
) -> None:
    refused = objects.move(make_pooled_url("transaction") + "?options=-c%20role%3Dpostgres", ok=False)
    assert refused.returncode == 1
    assert "unsupported startup parameter: options" in refused.stderr
    assert "Name PostgreSQL itself with --target" in refused.stderr


PROGRAM = """
from tests.projects.objects.models import Category, Item
print([c.name for c in Category.objects.order_by("id")], [i.shouted for i in Item.objects.order_by("id")])
print(Category.objects.create(name="through the pool").id)
"""


@pytest.mark.parametrize("setting", [False, True], ids=["option", "setting"])
def test_with_the_direct_url_beside_the_pooled_one_all_works(
    objects: Project, direct_url: str, make_pooled_url: Callable[..., str], setting: bool
) -> None:
    through = make_pooled_url("transaction")
    given = {"PROJECT_MIGRATE_TO_PG": json.dumps({"TARGET": direct_url})} if setting else {}
    named = () if setting else ("--target", direct_url)
    source = ("--source", objects.source)
    for mode in (("--rehearse",), (), ("--verify-only", "--verify", "orm")):
        objects.run("migrate_to_pg", *mode, *source, *named, DATABASE_URL=through, ok=True, **given)
    read = objects.run("shell", "-v0", "-c", PROGRAM, DATABASE_URL=through).stdout.splitlines()
    assert read == ["['forgot using', 'default connection', 'alias'] ['ALPHA', 'BETA']", "4"]
    objects.run("migrate", "--check", DATABASE_URL=through)
    objects.run("migrate_to_pg", "--undo", "--replace", *named, DATABASE_URL=through, ok=True, **given)
    objects.run("migrate_to_pg", "--purge", "--no-input", *named, DATABASE_URL=through, ok=True, **given)
    assert run_sql(direct_url, SCHEMAS) == []
