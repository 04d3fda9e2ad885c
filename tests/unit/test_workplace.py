"""Each run has a directory of its own."""

from __future__ import annotations

import threading
from pathlib import Path

from pytest_django import Settings

from migrate_to_pg.system.workdir import REPORTS, WorkDirectory


def test_runs_that_begin_in_the_same_second_have_directories_of_their_own(tmp_path: Path, settings: Settings) -> None:
    settings.BASE_DIR = tmp_path
    places: list[Path] = []
    threads = [threading.Thread(target=lambda: places.append(WorkDirectory(None).directory)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(places)) == 20
    assert {place.parent for place in places} == {tmp_path / REPORTS}
    assert {place.stat().st_mode & 0o777 for place in places} == {0o700}
