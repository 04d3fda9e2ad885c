"""Make a release: version, dated changelog, sdist and wheel, notes, commit and tag. ``make release VERSION=x.y.z``.

Nothing is pushed. A failure before the commit restores the files of the checkout.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UNRELEASED = "## [Unreleased]\n"
#: Files of the wheel that no import would miss.
DATA = (
    "migrate_to_pg/report/report.html",
    "migrate_to_pg/report/report.css",
    "migrate_to_pg/locale/fr/LC_MESSAGES/migrate_to_pg.mo",
    "migrate_to_pg/py.typed",
)


class ReleaseError(Exception):
    """The release cannot be made. The message says why, and what to do."""


def release(root: Path, version: str) -> Path:
    """Make the release of a checkout.

    Args:
        root: The checkout.
        version: Three numbers, such as 1.2.0, newer than the last tag.

    Returns:
        The file with the release notes.

    Raises:
        ReleaseError: Something is not ready. Nothing was changed.
    """
    require_ready(root, version)
    changelog, package = root / "CHANGELOG.md", root / "migrate_to_pg" / "__init__.py"
    notes = unreleased(changelog.read_text())
    with restored_on_error(changelog, package):
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        changelog.write_text(
            changelog.read_text().replace(UNRELEASED, f"{UNRELEASED}\n## [{version}] - {today}\n", 1),
        )
        line = f'__version__ = "{version}"'
        package.write_text(re.sub(r'^__version__ = ".*"$', line, package.read_text(), count=1, flags=re.MULTILINE))
        require_complete(build(root, version), version)
        written = root / "dist" / f"release-notes-{version}.md"
        written.write_text(notes)
        git(root, "commit", "--quiet", "--message", f"Release {version}", "--", str(changelog), str(package))
    # Notes have headings, which git would take for comments.
    git(root, "tag", "--annotate", f"v{version}", "--cleanup=verbatim", "--file", str(written))
    return written


def require_ready(root: Path, version: str) -> None:
    """Refuse a release from a dirty tree or another branch, of an old version, or without changes."""
    wanted = parse(version)
    if git(root, "status", "--porcelain"):
        raise ReleaseError("The checkout has changes that are not committed. Commit or remove them first.")
    branch = git(root, "branch", "--show-current")
    if branch != "main":
        raise ReleaseError(f"The branch is {branch or 'none'}. Releases are made on main: git switch main.")
    tags = re.findall(r"^v(\d+\.\d+\.\d+)$", git(root, "tag", "--list", "v*"), re.MULTILINE)
    last = max(tags, key=parse, default=None)
    if last and wanted <= parse(last):
        raise ReleaseError(f"Version {version} is not newer than the last release, {last}. Choose a newer one.")
    if not unreleased((root / "CHANGELOG.md").read_text()).strip():
        raise ReleaseError("CHANGELOG.md has nothing under Unreleased. Write what changed first.")


def parse(version: str) -> tuple[int, ...]:
    """Split a version into its three numbers."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise ReleaseError(
            f"{version or 'An empty text'} is no version. Give three numbers: make release VERSION=1.2.0"
        )
    return tuple(map(int, version.split(".")))


def unreleased(changelog: str) -> str:
    """Return the entries between the heading Unreleased and the next one."""
    if UNRELEASED not in changelog:
        raise ReleaseError(f"CHANGELOG.md has no heading {UNRELEASED.strip()!r}. Add it first.")
    return re.split(r"^## ", changelog.partition(UNRELEASED)[2], maxsplit=1, flags=re.MULTILINE)[0].strip() + "\n"


@contextmanager
def restored_on_error(*paths: Path) -> Iterator[None]:
    """Restore the files if the release fails."""
    before = {path: path.read_bytes() for path in paths}
    try:
        yield
    except BaseException:
        for path, content in before.items():
            path.write_bytes(content)
        raise


def build(root: Path, version: str) -> Path:
    """Build sdist and wheel into dist/, and return the wheel."""
    run(root, sys.executable, "-m", "uv", "build", "--quiet", "--out-dir", str(root / "dist"))
    return root / "dist" / f"django_migrate_to_pg-{version}-py3-none-any.whl"


def require_complete(wheel: Path, version: str) -> None:
    """Refuse a wheel that lacks data files or imports as another version."""
    with zipfile.ZipFile(wheel) as archive:
        lacking = sorted(set(DATA) - set(archive.namelist()))
    if lacking:
        raise ReleaseError(f"{wheel.name} lacks {', '.join(lacking)}. See [tool.hatch.build] in pyproject.toml.")
    # Python imports from a wheel as from any zip archive. -P keeps the checkout out of its path.
    program = "import sys; sys.path.insert(0, sys.argv[1]); import migrate_to_pg as m; print(m.__file__, m.__version__)"
    output = run(wheel.parent, sys.executable, "-P", "-c", program, str(wheel))
    if str(wheel) not in output or not output.endswith(f" {version}"):
        raise ReleaseError(f"{wheel.name} does not import as version {version}: {output}")


def git(root: Path, *arguments: str) -> str:
    """Run git in the checkout, and return what it printed."""
    return run(root, "git", *arguments)


def run(folder: Path, *command: str) -> str:
    """Run a program, and return what it printed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()


def main(arguments: list[str]) -> int:
    """Release the version that the command line names."""
    try:
        notes = release(ROOT, arguments[0] if arguments else "")
    except ReleaseError as error:
        sys.stderr.write(f"{error}\nNo release was made.\n")
        return 1
    if "urls" not in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]:
        sys.stderr.write("Warning: pyproject.toml has no [project.urls]. Add them before you upload the files.\n")
    sys.stdout.write(f"Released, committed and tagged. Notes: {notes.relative_to(ROOT)}. Nothing was pushed.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
