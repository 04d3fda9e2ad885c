"""Every model field that both databases have: random values saved on SQLite are read alike on PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import preloaded
from tests.conftest import Server
from tests.projects import Project
from tests.projects.fields.definitions import FIELDS, KEYS

#: Values of each field.
EXAMPLES = [60, pytest.param(5000, marks=pytest.mark.full)]
ZONES = {
    "UTC in the database": {},
    "the source's own zone": {"PROJECT_SOURCE_ZONE": "Asia/Kolkata"},
    "no zones": {"PROJECT_USE_TZ": "0"},
    "no zones, far away": {"PROJECT_USE_TZ": "0", "PROJECT_TIME_ZONE": "Pacific/Apia"},
}


def python(project: Project, module: str, *arguments: str, **variables: str) -> str:
    command = ("-m", f"tests.projects.fields.{module}", *arguments)
    done = preloaded.run(command, cwd=project.folder, env=project.environment(variables), timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_crosses(project: Project, url: str, examples: int, *names: str, **variables: str) -> dict[str, int]:
    """Fill, move, and read both; the number of rows of each model."""
    project.migrate(**variables)
    python(project, "fill", str(examples), *names, **variables)
    project.move(url, ok=True, **variables)
    told = json.loads(python(project, "compare", TARGET_URL=url, **variables))
    assert not told["wrong"], told["wrong"]
    counts: dict[str, int] = told["counts"]
    return counts


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize("version", [18, pytest.param(16, marks=pytest.mark.full)])
def test_what_is_saved_in_any_field_is_read_alike(
    tmp_path: Path, servers: dict[int, Server], version: int, examples: int
) -> None:
    counts = check_crosses(Project("fields", tmp_path), servers[version].database(), examples)
    assert counts.keys() >= {*FIELDS, *KEYS, "Doubled", "Marked", "Both", "Group", "Group_members"}
    # Keys are unique, and some have few values; a foreign key one to one has as many as its parent.
    assert min(counts[name] for name in FIELDS if name != "ToUUID") >= examples
    assert min(counts[name] for name in counts if name != "MoodKey") >= examples // 4


@pytest.mark.full
@pytest.mark.parametrize("zones", list(ZONES)[1:])
@pytest.mark.parametrize("examples", EXAMPLES)
def test_dates_and_times_are_read_alike_in_every_zone(
    tmp_path: Path, postgres_url: str, zones: str, examples: int
) -> None:
    names = ("Date", "DateTime", "Time", "Duration", "DateKey")
    counts = check_crosses(Project("fields", tmp_path), postgres_url, examples, *names, **ZONES[zones])
    assert min(counts[name] for name in names) >= examples // 4
