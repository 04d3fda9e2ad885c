"""A healthy database of the application, to be damaged."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def sound(made: Callable[..., Path]) -> Path:
    return made()


@pytest.fixture
def copy_of_sound(sound: Path, tmp_path: Path) -> Callable[[], Path]:
    def make() -> Path:
        return Path(shutil.copy(sound, tmp_path / "db.sqlite3"))

    return make
