"""A password that is planted wherever one can be typed or set: nothing of it is shown, written or passed on."""

import contextlib
import io
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as trying
from hypothesis import strategies as st
from pytest_django import DjangoDbBlocker, Settings

from migrate_to_pg.management.commands import migrate_to_pg, sqlite_doctor
from tests.conftest import MakeSource

#: What a password is cut into where one of its characters ends an address early; no word of any message.
HALVES = ("Xq7ndl", "Zk4ndl")
NOWHERE = "127.0.0.1:1"

#: Ways to write an address, and what only looks like one; {raw} is the password, {url} its encoded form.
ADDRESSES = (
    "postgres://u:{raw}@NOWHERE/db",
    "postgres://u:{url}@NOWHERE/db",
    "postgres://u:1{raw}@NOWHERE/db",
    "postgres://u:p@NOWHERE/db?sslpassword={raw}",
    "postgres://u@NOWHERE/db?password={raw}",
    "postgres://u@NOWHERE/db?PASSWORD={url}",
    "postgres://u@NOWHERE/db?sslmode={url}",
    "postgres://u@NOWHERE/db?sslmode=verify-full&sslrootcert={url}",
    "postgres://u@NOWHERE/db?connect_timeout={url}",
    "postgres://u@NOWHERE/db?port={url}",
    "postgres://u@NOWHERE/db?options=-c%20my.secret%3D{url}",
    "postgres://u@NOWHERE/db?service={url}",
    "postgres://u@NOWHERE/db?target_session_attrs={url}",
    "postgres://u@NOWHERE/db;password={raw}",
    "postgres:/u:{raw}@NOWHERE/db",
    "u:{raw}@NOWHERE/db",
    "mysql://u:{raw}@NOWHERE/db",
    "{raw}://u@NOWHERE/db",
    "jdbc:postgresql://NOWHERE/db?user=u&password={raw}",
    "host=127.0.0.1 port=1 dbname=db user=u password={raw}",
    "PGPASSWORD={raw}",
    "sqlite:///PGPASSWORD={raw}",
)
#: Options that are shown as they were typed.
NAMING = (
    "--source", "--owner", "--publish-to", "--report", "--fix", "--quarantine", "--exclude-data", "--dump",
    "--from-dump", "--export", "--jobs", "--verify", "--leftovers", "--schema", "--engine", "--lang", "--verbosity",
    "--nothing",
)  # fmt: skip

marks = st.text(" @#%?/:;=&'\"\\![]<>*", max_size=3)
passwords = st.builds("{}{}{}{}{}".format, marks, st.just(HALVES[0]), marks, st.just(HALVES[1]), marks)
SLOW = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)
many = trying(max_examples=60, deadline=None, suppress_health_check=SLOW)

#: The arguments and the environment of every process that was started while it is a list.
started: list[str] | None = None


def _watch(event: str, arguments: object) -> None:
    if event == "subprocess.Popen" and started is not None:
        started.append(str(arguments))


sys.addaudithook(_watch)


def address(template: str, password: str) -> str:
    return template.replace("NOWHERE", NOWHERE).format(raw=password, url=quote(password, safe=""))


@pytest.fixture
def run_silently(
    tmp_path: Path, make_source: MakeSource, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Run a command in this process; whatever it printed, wrote or started holds nothing of the password."""
    source = shutil.copy(make_source("none"), tmp_path / "source.sqlite3")
    runs = iter(range(10_000))

    def run(*arguments: str, command: ModuleType = migrate_to_pg, environment: Mapping[str, str] | None = None) -> str:
        global started
        folder = tmp_path / str(next(runs))
        folder.mkdir()
        replaced = {"{source}": str(source), "{report}": str(folder / "report")}
        words = [replaced.get(word, word) for word in arguments]
        out, started = io.StringIO(), []
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        name = command.__name__.rpartition(".")[2]
        before = dict(os.environ)
        os.environ.update(environment or {})
        try:
            with (
                django_db_blocker.unblock(),
                contextlib.chdir(folder),
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(out),
                pytest.raises(SystemExit) as ended,
            ):
                command.Command().run_from_argv(["manage.py", name, *words])
        finally:
            os.environ.clear()
            os.environ.update(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)
        places = {"printed": out.getvalue(), "started": " ".join(started)}
        started = None
        for path in folder.rglob("*"):
            if path.is_file():
                places[str(path)] = path.read_bytes().decode("latin-1")
        for place, text in places.items():
            for form in (text, unquote(text)):
                assert not [half for half in HALVES if half.lower() in form.lower()], (place, words, text)
        assert ended.value.code in (1, 2), out.getvalue()
        assert "Traceback" not in out.getvalue()
        return out.getvalue()

    return run


@pytest.mark.parametrize(
    "mode", [("--undo",), ("--purge", "--no-input"), ("--source", "{source}", "--report", "{report}")]
)
@many
@given(template=st.sampled_from(ADDRESSES), password=passwords)
@example(template="{raw}", password="".join(HALVES))
@example(template=ADDRESSES[0], password="@/".join(HALVES))
@example(template=ADDRESSES[0], password="/w?x=1".join(HALVES))
@example(template=ADDRESSES[5], password="&".join(HALVES) + "=1")
def test_as_the_target(mode: tuple[str, ...], run_silently: Callable[..., str], template: str, password: str) -> None:
    run_silently("--target", address(template, password), *mode, "-v", "3")


@many
@given(option=st.sampled_from(NAMING), template=st.sampled_from(ADDRESSES), password=passwords)
def test_in_the_place_of_something_else(
    run_silently: Callable[..., str], option: str, template: str, password: str
) -> None:
    written = address(template, password)
    run_silently(option, written, "--target", f"postgres://u@{NOWHERE}/db", "--report", "{report}")
    run_silently(f"{option}={written}", "--undo")
    run_silently(*written.split(" "), "--undo")
    run_silently(written, command=sqlite_doctor)
    run_silently("--repair", written, "{source}", command=sqlite_doctor)


PLACES = ("NAME", "HOST", "USER", "PORT", "PASSWORD")
OPTIONS = ("password", "sslpassword", "pasword", "passfile", "service", "options", "sslmode", "sslrootcert", "hostaddr")


@pytest.mark.full
@many
@given(place=st.sampled_from([*PLACES, *OPTIONS]), template=st.sampled_from(ADDRESSES), password=passwords)
def test_in_an_entry_of_databases(
    run_silently: Callable[..., str],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    template: str,
    password: str,
) -> None:
    # What stands where a name is expected is shown as one, unless it looks like an address.
    value = address(template, password) if place in PLACES[:3] else password
    entry: dict[str, Any] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "db",
        "USER": "u",
        "HOST": "127.0.0.1",
        "PORT": "1",
    }
    entry |= {place: value} if place in PLACES else {"OPTIONS": {place: value}}
    monkeypatch.setitem(settings.DATABASES, "elsewhere", entry)
    run_silently("--target", "elsewhere", "--undo")
    run_silently("--target", "elsewhere", "--source", "{source}", "--report", "{report}", "-v", "3")


KEYS = ("SOURCE", "TARGET", "PUBLISH_TO", "OWNER", "FIX", "QUARANTINE", "EXCLUDE_DATA", "REPORT", "VERIFY", "JOBS")


@pytest.mark.full
@many
@given(key=st.sampled_from([*KEYS, "ENGINE"]), template=st.sampled_from(ADDRESSES), password=passwords)
def test_in_settings(
    run_silently: Callable[..., str], settings: Settings, key: str, template: str, password: str
) -> None:
    written = address(template, password)
    settable = [{key: written}, {key: {"PASSWORD": written}}, {key: [written]}, {written: key}, [written]]
    for given_so in settable:
        settings.MIGRATE_TO_PG = given_so
        run_silently("--check", "--report", "{report}", "--source", "nowhere.sqlite3")
        run_silently("--undo", "--target", f"postgres://u@{NOWHERE}/db")


def test_in_the_environment_and_in_a_service_file(run_silently: Callable[..., str], tmp_path: Path) -> None:
    password = "@".join(HALVES)
    file = tmp_path / "services"
    file.write_text(
        f"[one]\nhost=127.0.0.1\nport=1\npassword={password}\n[two]\n{password}\n[three]\nsslmode={password}\n"
    )
    environment = {"PGPASSWORD": password, "PGSERVICEFILE": str(file), "PGSSLPASSWORD": password, "PGOPTIONS": password}
    for service in ("one", "two", "three"):
        run_silently("--undo", "--target", f"postgres:///db?service={service}", environment=environment)


def test_what_is_shown_is_rebuilt_from_its_parts(run_silently: Callable[..., str]) -> None:
    said = run_silently(
        "--target",
        f"postgres://u:{HALVES[0]}%40@{NOWHERE}/db?sslmode=prefer",
        "--source",
        "{source}",
        "--report",
        "{report}",
        "--json",
    )
    assert (
        json.loads(said[said.index("{") : said.rindex("}") + 1])["command"]
        .split("--target ")[1]
        .startswith(f"postgres://u@{NOWHERE}/db ")
    )
    assert f"PostgreSQL at {NOWHERE} cannot be reached as user u." in said
    assert "Connection refused" in said
