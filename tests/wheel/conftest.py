"""A project run with the wheel that is installed here, and the server that it moves to."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where --target embedded keeps its data, for all of them."""
    folder = tmp_path_factory.mktemp("server")
    folder.chmod(0o777)
    yield folder / "postgresql"
    subprocess.run(
        [sys.executable, "-m", "migrate_to_pg.postgres.embedded", "--stop", folder / "postgresql"], check=False
    )


def run(
    settings: str, folder: Path, *arguments: str | Path, ok: bool = True, **variables: str
) -> subprocess.CompletedProcess[str]:
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "XDG_DATA_HOME") if key in os.environ}
    environment = kept | {
        "PYTHONPATH": str(HERE), "PYTHONUTF8": "1", "DJANGO_SETTINGS_MODULE": settings,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)], cwd=folder, env=environment | variables,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert not ok or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done
