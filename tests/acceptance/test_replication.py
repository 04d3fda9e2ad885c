"""A real subscriber of Debian's PostgreSQL: what it has after a move, and what the printed lines make of it."""

import json
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import ROOT, MakeSource, Query, Run, captured
from tests.debian import cluster, free_port

pytestmark = pytest.mark.full

PAGE = ROOT / "docs" / "how-to" / "replication.md"
#: They refer to each other alone.
TABLES = "attributions_attribution, attributions_teacher, courses_course"
STOPPED = "SELECT apply_error_count > 0 FROM pg_stat_subscription_stats WHERE subname = 'reader'"


@pytest.fixture(scope="module")
def addresses() -> Iterator[list[str]]:
    """Of a publisher and of a subscriber."""
    with ExitStack() as stack:
        ports = free_port(), free_port()
        for port in ports:
            stack.enter_context(cluster(f"-c port={port} -c listen_addresses=127.0.0.1 -c wal_level=logical"))
        yield [f"postgres://postgres@127.0.0.1:{port}" for port in ports]


class Pair:
    """A database that the application moved to, and a subscriber's of the same name."""

    def __init__(self, addresses: list[str], manage: Run, source: Path, folder: Path) -> None:
        self.servers = addresses
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.publisher, self.subscriber = (f"{server}/{name}" for server in addresses)
        self.connection = self.publisher.replace("postgres://", "postgresql://")
        self.manage, self.source, self.folder = manage, source, folder
        for server in addresses:
            ask(f"{server}/postgres", f"CREATE DATABASE {name}")

    def run(self, *arguments: str | Path, ok: bool = True) -> dict[str, Any]:
        done = self.manage("migrate_to_pg", *arguments, "--target", self.publisher, "--json", ok=ok)
        return json.loads(done.stdout) | {"stderr": done.stderr} if done.stdout else {"stderr": done.stderr}

    def move(self, *arguments: str | Path, ok: bool = True) -> dict[str, Any]:
        report = self.folder / uuid.uuid4().hex[:8]
        return self.run("--source", self.source, "--report", report, *arguments, ok=ok)

    def follow(self, publication: str) -> None:
        """Publish, and subscribe: the subscriber has all rows."""
        ask(self.publisher, f"CREATE PUBLICATION news {publication}")
        self.type(
            [line for line in lines_of(PAGE, "After the move") if not line.startswith('psql SUBSCRIBER -c "DROP')]
        )
        self.require_equal()

    def type(self, lines: list[str]) -> None:
        """What an operator types, of the page or of a report."""
        for line in lines:
            typed = line.replace("SUBSCRIBER", self.subscriber).replace("PUBLISHER", self.publisher)
            typed = typed.replace("'...'", f"'{self.connection}'").replace("NAME", "reader")
            done = subprocess.run(["sh", "-c", typed], capture_output=True, text=True, check=False)
            assert done.returncode == 0 or "DROP SUBSCRIPTION" in line, done.stderr

    def refresh(self) -> None:
        """REFRESH PUBLICATION, which the page says to be of no use."""
        self.type(['psql SUBSCRIBER -c "ALTER SUBSCRIPTION NAME REFRESH PUBLICATION"'])

    def differing(self) -> list[str]:
        """The published tables of schema public that the two do not have alike."""
        query = "SELECT tablename FROM pg_publication_tables WHERE pubname = 'news' AND schemaname = 'public'"
        tables = [name for (name,) in ask(self.publisher, query)]
        assert tables
        digest = "SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {} t"
        return [t for t in tables if ask(self.publisher, digest.format(t)) != ask(self.subscriber, digest.format(t))]

    def require_equal(self) -> None:
        """All is copied, and arrives; waits for it."""
        waiting = "SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'"
        until(lambda: ask(self.subscriber, waiting) == [(0,)])
        until(lambda: self.differing() == [])

    def close(self) -> None:
        name = self.publisher.rsplit("/", 1)[1]
        self.type(['psql SUBSCRIBER -c "DROP SUBSCRIPTION NAME"'])
        for server in self.servers:
            ask(f"{server}/postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def pair(addresses: list[str], manage: Run, make_source: MakeSource, tmp_path: Path, sqlite: Query) -> Iterator[Pair]:
    source = tmp_path / "db.sqlite3"
    shutil.copy(make_source("none"), source)
    one = Pair(addresses, manage, source, tmp_path)
    one.move()
    sqlite(source, "UPDATE attributions_teacher SET last_name = last_name || ' (new)'")
    yield one
    one.close()


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else []


def until(reached: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "the subscriber did not come so far"
        time.sleep(0.2)


def lines_of(page: Path, heading: str) -> list[str]:
    """The commands of the first block below a heading."""
    below = page.read_text().split(f"## {heading}\n", 1)[1]
    return captured(r"(?s)```sh\n(.*?)```", below).splitlines()


def printed(report: dict[str, Any]) -> list[str]:
    """The lines that bring the subscribers up to date."""
    step: str
    (step,) = [step for step in report["next_steps"] if "CREATE SUBSCRIPTION" in step]
    return step.split("\n")[1:]


def finding(report: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = [finding for finding in report["findings"] if finding["rule"] == "logical-replication"]
    return found


def test_tables_of_a_publication(pair: Pair) -> None:
    pair.follow(f"FOR TABLE {TABLES}")
    moved = pair.move("--replace")
    assert "replication slot reader (pgoutput): active, reader from 127.0.0.1" in finding(moved)["explanation"]
    # Nothing but what is written from now on arrives, and whoever refreshes gets no more.
    pair.refresh()
    ask(
        pair.publisher,
        "UPDATE courses_course SET title = 'written since' WHERE id = (SELECT min(id) FROM courses_course)",
    )
    written = "SELECT count(*) FROM courses_course WHERE title = 'written since'"
    until(lambda: ask(pair.subscriber, written) == [(1,)])
    assert pair.differing() == ["attributions_teacher"]
    assert printed(moved) == lines_of(PAGE, "After the move")
    pair.type(printed(moved))
    pair.require_equal()
    undone = pair.run("--undo", "--replace")
    assert pair.differing() != []
    pair.type(printed(undone))
    pair.require_equal()


def test_some_tables_of_many(pair: Pair) -> None:
    pair.follow("FOR TABLE auth_group, auth_permission, django_content_type")
    ask(pair.publisher, "INSERT INTO auth_group (name) VALUES ('of the old table')")
    pair.require_equal()
    pair.move("--replace")
    assert pair.differing() == ["auth_group"]
    pair.type(lines_of(PAGE, "Some tables of many"))
    pair.require_equal()


@pytest.mark.parametrize(
    "publication",
    ["FOR TABLES IN SCHEMA public", "FOR ALL TABLES", "FOR ALL TABLES WITH (publish_via_partition_root = true)"],
)
def test_what_enters_a_publication_is_accepted_after_its_subscription_was_dropped(pair: Pair, publication: str) -> None:
    pair.follow(publication)
    refused = pair.move("--replace", ok=False)
    assert "slot reader (pgoutput): active, reader from 127.0.0.1" in refused["stderr"]
    assert "--accept-publications" in refused["stderr"]
    assert pair.differing() == []
    pair.type(lines_of(PAGE, "Before the move"))
    assert ask(pair.publisher, "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()") == [
        (0,)
    ]
    moved = pair.move("--replace", "--accept-publications")
    assert "attributions_teacher" in pair.differing()
    pair.type(printed(moved))
    pair.require_equal()
    ask(pair.publisher, "UPDATE courses_course SET title = title || '.'")
    pair.require_equal()
    undone = pair.run("--undo", "--replace", "--accept-publications")
    pair.type(printed(undone))
    pair.require_equal()


def test_a_rehearsal_stops_the_subscriber_of_all_tables_and_the_same_lines_help(pair: Pair) -> None:
    pair.follow("FOR ALL TABLES")
    rehearsed = pair.move("--rehearse", "--replace", "--accept-publications")
    assert any("has stopped" in step for step in rehearsed["next_steps"])
    until(lambda: ask(pair.subscriber, STOPPED) == [(True,)])
    refused = pair.move("--replace", ok=False)
    assert "Publication news is FOR ALL TABLES" in refused["stderr"]
    pair.type(lines_of(PAGE, "After the move"))
    pair.require_equal()


def test_a_key_that_the_subscriber_has_already_stops_it_and_the_same_lines_help(pair: Pair, sqlite: Query) -> None:
    sqlite(pair.source, "DELETE FROM attributions_attribution")
    pair.follow(f"FOR TABLE {TABLES}")
    (highest,) = ask(pair.publisher, "SELECT max(id) FROM attributions_attribution")[0]
    row = ask(pair.publisher, f"SELECT to_jsonb(a)::text FROM attributions_attribution a WHERE id = {highest}")[0][0]
    moved = pair.move("--replace")
    record = f"jsonb_populate_record(NULL::attributions_attribution, $${row}$$)"
    ask(pair.publisher, f"INSERT INTO attributions_attribution SELECT (r).* FROM (SELECT {record} AS r) AS s")
    until(lambda: ask(pair.subscriber, STOPPED) == [(True,)])
    pair.type(printed(moved))
    pair.require_equal()
