"""PgBouncer: gunicorn goes through PgBouncer, migrations do not. Debian's PgBouncer with our own settings."""

import contextlib
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.debian import free_port
from tests.deploy.conftest import Container, Database, as_nobody

pytestmark = pytest.mark.full

#: Logs in by the form and asks for a page that reads many rows: no cursor and no setting may outlive a transaction.
VISIT = """
import os, psycopg
from django.contrib.auth import get_user_model
user = get_user_model().objects.create_superuser("a", password="pl4nted-p")
from django.test import Client
client = Client(headers={"host": "localhost", "accept": "text/html"})
assert client.post("/login/", {"username": "a", "password": "pl4nted-p"}).url == "/"
print("pages", [client.get(path).status_code for path in ("/attribution/tableau-de-bord/", "/cours/", "/enseignants/")])
print("rows", len(list(get_user_model().objects.iterator(chunk_size=1))))
"""


@dataclass
class Bouncer:
    """PgBouncer on the settings of the image, but for addresses."""

    program: str
    settings: Path
    url: str

    @contextlib.contextmanager
    def run(self) -> Iterator[None]:
        with subprocess.Popen(as_nobody(self.program, "--quiet", self.settings)) as process:
            yield
            process.send_signal(signal.SIGINT)


@pytest.fixture
def bouncer(server: Database, url: str, shared_folder: Path) -> Bouncer:
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
    assert program, "pgbouncer is missing: make test-full installs it when it runs as root"
    port, name = free_port(), url.rpartition("/")[2]
    text = (ROOT / "deploy/pgbouncer.ini").read_text()
    for ours, here in (
        ("attribution = host=db port=5432 dbname=attribution", f"{name} = host=127.0.0.1 port={server.port}"),
        ("listen_addr = 0.0.0.0", "listen_addr = 127.0.0.1"),
        ("listen_port = 6432", f"listen_port = {port}"),
        ("/secrets/", f"{server.secrets}/"),
    ):
        assert ours in text
        text = text.replace(ours, here)
    settings = shared_folder / "pgbouncer.ini"
    settings.write_text(text)
    return Bouncer(program, settings, f"postgres://attribution@127.0.0.1:{port}/{name}")


def test_pages_come_through_the_pool_and_migrations_do_not(
    container: Callable[..., Container], url: str, server: Database, bouncer: Bouncer
) -> None:
    pooled = {"PGBOUNCER_REPLICAS": "1", "POOL_DATABASE_URL": bouncer.url}
    with container(url, **pooled) as one:
        deadline = time.monotonic() + 60
        while "Listening at" not in one.log:
            assert time.monotonic() < deadline, one.log
            time.sleep(0.2)
        assert "Applying courses.0001_initial... OK" in one.log
        assert '"unavailable"' in one.get("/healthz")[1]
        with bouncer.run():
            one.wait_until_ready()
            assert one.get("/login/", Host="localhost")[0] == 200
        assert one.get("/healthz")[0] == 503


def test_the_application_works_through_the_pool(
    container: Callable[..., Container], url: str, bouncer: Bouncer
) -> None:
    with container(url) as one:
        one.wait_until_healthy()
    with bouncer.run():
        command = ("python", "manage.py", "shell", "--verbosity", "0", "--command", VISIT)
        with container(bouncer.url, *command, DATABASE_BEHIND_PGBOUNCER="on") as one:
            assert one.process.wait(60) == 0, one.log
    assert re.search(r"pages \[200, 200, 200\]\nrows 1", one.log)
