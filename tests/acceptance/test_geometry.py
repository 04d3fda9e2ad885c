"""GeoDjango with Debian's GDAL and SpatiaLite: geometry is refused by name, everything else moves."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Run

pytestmark = pytest.mark.full
#: SpatiaLite is an extension of SQLite's, which not every Python may load.
PYTHON = sys.executable if hasattr(sqlite3.Connection, "enable_load_extension") else "/usr/bin/python3"


@pytest.fixture
def django(tmp_path: Path) -> Run:
    """Run a command of Django's in the project; ``geometry=False`` leaves out the model that has a point."""

    def run(*arguments: str | Path, geometry: bool = True) -> subprocess.CompletedProcess[str]:
        places = [str(ROOT), *(path for path in sys.path if path.endswith("site-packages"))]
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONUTF8": "1", "PYTHONPATH": ":".join(places),
            "DJANGO_SETTINGS_MODULE": "tests.projects.geometry.settings",
            "GEOMETRY": "yes" if geometry else "no",
        }  # fmt: skip
        return subprocess.run(
            [PYTHON, "-m", "django", *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip

    return run


@pytest.mark.parametrize(
    "command",
    [
        ["sqlite_doctor"],
        ["migrate_to_pg", "--check"],
        ["migrate_to_pg", "--dump", "all.dump"],
        ["migrate_to_pg", "--rehearse", "--target", "postgis://u@127.0.0.1:1/db"],
        ["migrate_to_pg", "--target", "postgres://u@127.0.0.1:1/db"],
    ],
    ids=" ".join,
)
def test_a_project_with_geometry_is_refused_by_the_names_of_its_fields(django: Run, command: list[str]) -> None:
    migrated = django("migrate", "--run-syncdb")
    assert migrated.returncode == 0, migrated.stderr
    ended = django(*command)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "geometry.Place.point" in ended.stderr


def test_what_spatialite_holds_without_geometry_moves_to_postgis(django: Run, postgres_url: str) -> None:
    assert django("migrate", geometry=False).returncode == 0
    target = postgres_url.replace("postgres", "postgis", 1)
    moved = django("migrate_to_pg", "--target", target, "--leftovers", "skip", "--verify", "orm", geometry=False)
    assert moved.returncode == 0, moved.stdout + moved.stderr
    assert moved.stdout.startswith("Published")
