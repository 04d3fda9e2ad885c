"""A release is made whole, or not at all: make release."""

import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import release
from tests.conftest import ROOT

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n{}## [0.1.0]\n\n- Old.\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "A")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@localhost")
    subprocess.run(["git", "clone", "--quiet", "--shared", "--no-tags", ROOT, tmp_path / "clone"], check=True)
    root = tmp_path / "clone"
    release.git(root, "switch", "--quiet", "--force-create", "main")
    # As it is in this checkout, whether or not that is committed.
    (root / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n### Fixed\n\n- A fault.\n\n## [0.1.0]\n\n- Old.\n"
    )
    (root / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    release.git(root, "commit", "--quiet", "--all", "--message", "Prepare")
    return root


def built_by_hand(root: Path, version: str, lacking: str = "") -> Path:
    """A wheel without an index to ask for hatchling."""
    wheel = root / "dist" / f"django_migrate_to_pg-{version}-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in (root / "migrate_to_pg").rglob("*.*"):
            if path.name != lacking:
                archive.write(path, path.relative_to(root))
    return wheel


def test_a_release_is_committed_and_tagged_with_its_notes(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "build", built_by_hand)
    notes = release.release(checkout, "0.2.0")
    assert notes.read_text() == "### Fixed\n\n- A fault.\n"
    assert '__version__ = "0.2.0"' in (checkout / "migrate_to_pg" / "__init__.py").read_text()
    assert "## [Unreleased]\n\n## [0.2.0] - 20" in (checkout / "CHANGELOG.md").read_text()
    assert release.git(checkout, "cat-file", "-t", "v0.2.0") == "tag"
    assert "### Fixed\n\n- A fault." in release.git(checkout, "tag", "--list", "--format=%(contents)", "v0.2.0")
    assert release.git(checkout, "log", "-1", "--format=%s") == "Release 0.2.0"
    assert release.git(checkout, "status", "--porcelain") == ""


@pytest.mark.parametrize("lacking", [Path(name).name for name in release.DATA])
def test_a_wheel_without_its_data_is_no_release(checkout: Path, monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    monkeypatch.setattr(release, "build", lambda root, version: built_by_hand(root, version, lacking))
    with pytest.raises(release.ReleaseError, match=lacking):
        release.release(checkout, "0.2.0")
    assert release.git(checkout, "status", "--porcelain") == ""
    assert release.git(checkout, "tag", "--list", "v*") == ""


@pytest.mark.parametrize(
    ("prepare", "version", "reason"),
    [
        (lambda root: None, "0.2", "no version"),
        (lambda root: (root / "new.txt").touch(), "0.2.0", "not committed"),
        (lambda root: release.git(root, "switch", "--quiet", "--create", "other"), "0.2.0", "branch is other"),
        (lambda root: release.git(root, "tag", "v0.10.0"), "0.9.0", "not newer than the last release, 0.10.0"),
    ],
)
def test_what_is_not_ready_is_not_released(
    checkout: Path, prepare: Callable[[Path], object], version: str, reason: str
) -> None:
    prepare(checkout)
    with pytest.raises(release.ReleaseError, match=reason):
        release.release(checkout, version)
    assert not (checkout / "dist").exists()


def test_a_release_without_a_change_is_refused(checkout: Path) -> None:
    (checkout / "CHANGELOG.md").write_text(CHANGELOG.format(""))
    release.git(checkout, "commit", "--quiet", "--all", "--message", "Empty it")
    with pytest.raises(release.ReleaseError, match="nothing under Unreleased"):
        release.release(checkout, "0.2.0")
