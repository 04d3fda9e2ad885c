"""Whatever is typed for an address or an option ends with a status and a sentence: no traceback, no password."""

import contextlib
import io
import re
import signal
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from urllib.parse import quote, unquote

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, note
from hypothesis import settings as trying
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from psycopg import pq
from pytest_django import DjangoDbBlocker

from migrate_to_pg.management.commands import migrate_to_pg
from tests.conftest import MakeSource, Run
from tests.debian import cluster, free_port
from tests.tiers import first_in_ci

#: What a password is cut into where one of its characters ends an address early; no word of any message.
HALVES = ("Xq7ndl", "Zk4ndl")
SCHEMES = ("postgres", "postgresql", "postgis", "pgsql", "postgre", "mysql", "http", "")
HOSTS = (
    "127.0.0.1", "[::1]", "[fe80::1%25lo]", "::1", "[::1", "[zz]", "a..b", ".a", "a.", "h" * 300, f"{'h' * 64}.test",
    "", "%2Fnowhere", "127.0.0.1,127.0.0.1", "ü..ß", "a b", "*", "%00", "\udce9",
)  # fmt: skip
PORTS = ("", ":1", ":0", ":-1", ":65536", ":99999", ":x", ":", ":1,2", ":١")
DATABASES = ("", "/", "/db", "/d/b", "/%00", f"/{'d' * 64}", "/d;b", "/ü", "db")
#: libpq's options, Django's, others, and misspelt ones.
OPTIONS = (
    "sslmode", "sslrootcert", "connect_timeout", "keepalives_idle", "target_session_attrs", "options", "service",
    "hostaddr", "host", "port", "user", "password", "dbname", "client_encoding", "pool", "isolation_level", "context",
    "assume_role", "cursor_factory", "pasword", "ssl_mode", "", "currentSchema", "gssencmode", "channel_binding",
    "load_balance_hosts", "require_auth", "passfile", "application_name", "prepare_threshold",
)  # fmt: skip
VALUES = ("", "1", "-1", "on", "require", "maybe", "a..b", "/nowhere", "-c x", "%00", "é", "x" * 300, "[::1]")

marks = st.text(" @#%?/:;=&'\"\\![]<>*", max_size=3)
passwords = st.builds("{}{}{}{}{}".format, marks, st.just(HALVES[0]), marks, st.just(HALVES[1]), marks) | st.builds(
    lambda mark, count: mark.join(HALVES) * count, marks, st.integers(1, 40)
)
queries = st.lists(st.tuples(st.sampled_from(OPTIONS), st.sampled_from(VALUES)), max_size=3)


@st.composite
def addresses(draw: DrawFn) -> str:
    """A URL of parts, each of which may be what nobody should type."""
    user = draw(st.sampled_from(("", "u", "u%40x", "u" * 100, "%00", "ü")))
    password = draw(passwords)
    written = draw(st.sampled_from((password, quote(password, safe=""))))
    query = "&".join(f"{name}={value}" for name, value in draw(queries))
    parts = [f"{draw(st.sampled_from(SCHEMES))}://{user}:{written}@", *(draw(st.sampled_from(p)) for p in PLACES)]
    return "".join(parts) + (f"?{query}" if query else "")


PLACES = (HOSTS, PORTS, DATABASES)
#: What else is typed in the place of an address.
OTHERS = st.sampled_from(
    (
        "postgres://", "postgis://", "postgresql:///", "postgres:", "://", "embedded:/dev/null", "embedded:/dev/null/x",
        f"embedded:/{'d' * 300}", f"embedded:/{'d/' * 3000}", "default", "nothing", "", " ", "x" * 300, "-", "--",
    )
)  # fmt: skip


@pytest.fixture
def run_typed(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process; return its status and what it printed on each stream."""

    def run(*words: str, command: ModuleType = migrate_to_pg) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            with (
                django_db_blocker.unblock(),
                contextlib.chdir(tmp_path),
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
                pytest.raises(SystemExit) as ended,
            ):
                command.Command().run_from_argv(["manage.py", command.__name__.rpartition(".")[2], *words])
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        assert isinstance(ended.value.code, int)
        return ended.value.code, out.getvalue(), err.getvalue()

    return run


def check_refused(ended: tuple[int, str, str], *, may_be_unreachable: bool = False) -> None:
    """Status 2, or 1 where a server was looked for; one error on stderr, nothing on stdout, nothing secret."""
    status, out, err = ended
    assert "Traceback" not in err
    assert not [half for half in HALVES if half.lower() in unquote(err + out).lower()], err
    assert not out
    (error,) = (line for line in err.splitlines() if line.startswith("Error: "))
    if status == 1 and may_be_unreachable:
        assert "cannot be reached" in error, err
    else:
        assert status == 2, err
        assert "Nothing was published. " in err.splitlines()[-1], err


def reads(url: str) -> bool:
    """Whether libpq itself reads the address, but for what only Django knows, and signs that it wants encoded."""
    url = re.sub(r"%(?![0-9a-fA-F]{2})", "%25", re.sub(r"\s", "%20", url))
    url = re.sub(r"(?<=[?&])(pool|assume_role|currentSchema)=[^&]*&?", "", url.replace("postgis:", "postgres:", 1))
    with contextlib.suppress(Exception):
        return bool(pq.Conninfo.parse(url.encode()))
    return False


@pytest.mark.parametrize("count", first_in_ci(300, 5000))
def test_any_address_ends_with_a_sentence(run_typed: Callable[..., tuple[int, str, str]], count: int) -> None:
    @trying(max_examples=count, deadline=None, suppress_health_check=(HealthCheck.function_scoped_fixture,))
    @given(address=addresses() | OTHERS, mode=st.sampled_from((["--undo"], ["--purge", "--no-input"])))
    @example(address="postgres://u:p@a..b/db", mode=["--undo"])
    @example(address="postgis://", mode=["--undo"])
    @example(address=f"postgres://:{HALVES[0]}]@[::1/db", mode=["--undo"])
    @example(address=f"postgres://u:{''.join(HALVES) * 25}@127.0.0.1:1/db", mode=["--undo"])
    @example(address=f"postgres://u:{''.join(HALVES)}@[::1]:1/db", mode=["--undo"])
    def check(address: str, mode: list[str]) -> None:
        note(ascii(address))
        # An argument of a process has no NUL.
        check_refused(run_typed("--target", address.replace("\0", ""), *mode), may_be_unreachable=reads(address))

    check()


#: Of the command's options, but --help and --version; those that take nothing are given a value all the same.
NAMES = sorted(
    name
    for action in migrate_to_pg.Command().create_parser("manage.py", "migrate_to_pg")._actions
    for name in action.option_strings
    if action.dest not in ("help", "version", "explain", "settings", "pythonpath", "traceback")
)
MISSPELT = st.sampled_from(NAMES).flatmap(lambda name: st.sampled_from([name[:-1], name + "s", name.upper(), name[1:]]))
TYPED = st.sampled_from(
    (
        "", " ", ",", "a,,b", "all", "x" * 300, "\udce9", "é", "-1", "0", "1e9", "99999999999999999999", "١", "a.b",
        "auth.User", "/dev/null/x", "/" + "d" * 300, "/" + "d/" * 3000, "cells", "foreign-key-orphan", "--", "-", "~x",
        "postgres://u:secret@h/d", "\\", "'", '"', "{x}", "%s", "[bold]", "\x1b[31m", "a=b", "*",
    )
)  # fmt: skip


@st.composite
def lines(draw: DrawFn) -> list[str]:
    """A command line of options and values in any order; the target is one that nobody answers at."""
    words = ["--target", "postgres://u@127.0.0.1:1/db", draw(st.sampled_from(("--undo", "--purge", "--verify-only")))]
    for name in draw(st.lists(st.sampled_from(NAMES) | MISSPELT, max_size=4)):
        form = draw(st.sampled_from(("alone", "apart", "joined")))
        value = draw(TYPED)
        words += {"alone": [name], "apart": [name, value], "joined": [f"{name}={value}"]}[form]
    return words


@pytest.mark.parametrize("count", first_in_ci(300, 5000))
def test_any_options_end_with_a_sentence(run_typed: Callable[..., tuple[int, str, str]], count: int) -> None:
    @trying(max_examples=count, deadline=None, suppress_health_check=(HealthCheck.function_scoped_fixture,))
    @given(words=lines())
    @example(words=["--reherse"])
    @example(words=["--verify", "cell", "--undo"])
    def check(words: list[str]) -> None:
        status, out, err = run_typed(*words)
        assert status in (1, 2), err
        assert "Traceback" not in err
        assert "secret" not in err + out
        errors = [line for line in err.splitlines() if line.startswith("Error: ")]
        assert len(errors) == 1, err
        if status == 2:
            assert "Nothing was published. " in err.splitlines()[-1], err

    check()


def with_passwords(data: Path) -> None:
    """Whoever comes over the network needs one."""
    rules = data / "pg_hba.conf"
    rules.write_text(re.sub(r"^(host .*)trust$", r"\1scram-sha-256", rules.read_text(), flags=re.M))


@pytest.mark.full
def test_a_server_at_an_address_of_ipv6_takes_a_password_of_900_characters(
    make_source: MakeSource, manage: Run, tmp_path: Path
) -> None:
    password, port = "p@/ü% " * 150, free_port()
    with cluster(f"-c port={port} -c listen_addresses=::1", prepare=with_passwords) as folder:
        with psycopg.connect(host=str(folder), port=port, user="postgres", dbname="postgres", autocommit=True) as own:
            own.execute(f"CREATE ROLE app LOGIN PASSWORD '{password}'")
            own.execute("CREATE DATABASE app OWNER app")
        target = ("--target", f"postgres://app:{quote(password, safe='')}@[::1]:{port}/app")
        export = ("--export", tmp_path / "all.dump", "--report", tmp_path / "report")
        moved = manage("migrate_to_pg", "--source", make_source("none"), *target, *export, "--verify")
        undone = manage("migrate_to_pg", "--undo", *target)
        wrong = manage("migrate_to_pg", "--undo", "--target", f"postgres://app:{'x' * 300}@[::1]:{port}/app", ok=False)
    assert f"postgres://app@[::1]:{port}/app" in moved.stdout
    assert (tmp_path / "all.dump").exists()
    assert wrong.returncode == 1
    assert f"Error: PostgreSQL at [::1]:{port} cannot be reached as user app." in wrong.stderr
    for printed in (moved, undone, wrong):
        assert "p@/" not in unquote(printed.stdout + printed.stderr)
        assert "xxx" not in printed.stdout + printed.stderr
