"""A healthy database of the application, to be damaged."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "db.sqlite3"
    command = [sys.executable, "manage.py", "make_legacy_db", str(path), "--damage", "none"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return path


@pytest.fixture
def copy_of_sound(sound: Path, tmp_path: Path) -> Callable[[], Path]:
    def make() -> Path:
        return Path(shutil.copy(sound, tmp_path / "db.sqlite3"))

    return make
