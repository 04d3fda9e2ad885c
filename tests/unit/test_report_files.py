"""The two files on disk: private, whole, and where they were asked for."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from migrate_to_pg.report import write
from migrate_to_pg.report.to_html import to_html
from tests.unit.reports import (
    PUBLISHED,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_both_files_are_written_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        page, data = write(PUBLISHED, tmp_path / "new" / "deep")
    finally:
        os.umask(before)
    assert (page.name, data.name) == ("report.html", "report.json")
    assert (mode(page), mode(data)) == (0o600, 0o600)
    assert (mode(tmp_path / "new"), mode(tmp_path / "new" / "deep")) == (0o700, 0o700)
    assert json.loads(data.read_text())["ok"] is True
    assert page.read_text(encoding="utf-8") == to_html(PUBLISHED)


def test_no_file_is_readable_by_others_even_for_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    original = Path.replace

    def spy(self: Path, target: Path) -> Path:
        modes.append(mode(self))
        return original(self, target)

    (tmp_path / "report.json").write_text("old")
    (tmp_path / "report.json").chmod(0o644)
    monkeypatch.setattr(Path, "replace", spy)
    monkeypatch.setattr(Path, "chmod", lambda *_: pytest.fail("a file that needs chmod was open before"))
    before = os.umask(0)
    try:
        write(PUBLISHED, tmp_path)
    finally:
        os.umask(before)
    assert modes == [0o600, 0o600]
    assert mode(tmp_path / "report.json") == 0o600


def test_a_link_at_the_files_name_is_replaced_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    (tmp_path / "out").mkdir(mode=0o755)
    (tmp_path / "out" / "report.html").symlink_to(elsewhere)
    write(PUBLISHED, tmp_path / "out")
    assert elsewhere.read_text() == "mine"
    assert mode(tmp_path / "out") == 0o755


def test_a_report_that_cannot_be_rendered_leaves_no_half_file(tmp_path: Path) -> None:
    broken = replace(PUBLISHED, versions={"x": object()})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        write(broken, tmp_path)
    assert list(tmp_path.iterdir()) == []
