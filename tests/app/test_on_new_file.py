"""The same claims on a SQLite file that came back from PostgreSQL: its tables, indexes, constraints and next ids."""

import shutil
from pathlib import Path

import pytest

from tests.app.test_on_postgresql import DATA, PAGES
from tests.conftest import Run, Server, run_manage


@pytest.fixture(scope="module")
def came_back(servers: dict[int, Server], migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file made of a database with the rows of the migrations alone, as the tests expect it."""
    folder, url = tmp_path_factory.mktemp("came_back"), servers[18].database()
    source, made = shutil.copy(migrated_file, folder / "db.sqlite3"), folder / "new.sqlite3"
    run_manage("migrate_to_pg", "--source", source, "--target", url, "--report", folder / "there")
    run_manage("migrate_from_pg", "--source", url, "--target", made, "--report", folder / "back")
    servers[18].drop(url)
    return made


@pytest.mark.full
@pytest.mark.parametrize("names", [PAGES, DATA], ids=["pages", "data"])
def test_the_claims_of_the_application_hold_on_a_file_that_came_back(
    came_back: Path, python: Run, tmp_path: Path, names: tuple[str, ...]
) -> None:
    copy = Path(shutil.copy(came_back, tmp_path / "copy.sqlite3"))
    files = [f"tests/app/test_{name}.py" for name in names]
    options = ("-p", "no:cacheprovider", "--override-ini=addopts=", "--ds=tests.app.settings_on_file", "--reuse-db")
    result = python("-m", "pytest", "-q", *options, *files, DATABASE_URL=f"sqlite:///{copy}")
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr
    assert "passed" in result.stdout
