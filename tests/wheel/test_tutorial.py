"""docs/tutorial.md, typed in an empty folder, its project first; what it shows must be what is printed."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import django
import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Beside this file where the wheel is tried, and in the documentation where the checkout is.
TUTORIAL = next(p for p in (Path(__file__).with_name("tutorial.md"), ROOT / "docs/tutorial.md") if p.exists())
#: A file, and then what is to be in it: named in the lines before its block of Python.
PYTHON = re.compile(r"```python\n(.*?)```", re.S)
NAMED = re.compile(r"`([a-z/]+\.py)`")
#: This environment has them.
INSTALLED = ("python3 -m venv", ". .venv/", "pip install")


def files(text: str) -> Iterator[tuple[str, str]]:
    """Each file of the tutorial, and its text; the settings are added to those that startproject makes."""
    for block in PYTHON.finditer(text):
        yield NAMED.findall(text[: block.start()])[-1], block[1]


def steps(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each command, and the lines that are shown below it."""
    for block in re.findall(r"(?:^    .*\n)+", text, re.M):
        for step in re.split(r"^    \$ ", block, flags=re.M)[1:]:
            command, *shown = step.rstrip("\n").split("\n")
            yield command, [line.strip() for line in shown]


def shape(line: str) -> str:
    """Amounts of time and space differ from machine to machine; words, and numbers of rows, do not."""
    return re.sub(r"[\d.]+ (KiB|ms|s)\b", "#", " ".join(line.split()))


@pytest.mark.skipif(django.VERSION[:2] != (5, 2), reason="the tutorial names this version")
def test_the_tutorial_is_what_happens(tmp_path: Path) -> None:
    page, heading, project = TUTORIAL.read_text().partition("\n## A project to try it with\n")
    assert heading
    text = project + page
    tmp_path.chmod(0o755)
    asked = [(command, shown) for command, shown in steps(text) if not command.startswith(INSTALLED)]
    script = "set -e\n" + "\n".join(f"echo '@@@ {n}'\n{command}" for n, (command, _) in enumerate(asked))
    made = next(n for n, (command, _) in enumerate(asked) if "startapp" in command) + 1
    script = script.replace(f"echo '@@@ {made}'", f"{sys.executable} {tmp_path / 'write.py'}\necho '@@@ {made}'")
    (tmp_path / "write.py").write_text(writer(dict(files(text))))
    folder = tmp_path / "library"
    folder.mkdir()
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
    }
    # Beside the built wheel no fixture says where servers put their data.
    environment |= {name: os.environ[name] for name in ("XDG_DATA_HOME",) if name in os.environ}
    done = typed(script, folder, environment)
    # The reader's goes on.
    stopped = typed("python -m migrate_to_pg.postgres.embedded --stop postgresql", folder, environment)
    assert stopped.returncode == 0, stopped.stdout
    assert done.returncode == 0, done.stdout[-3000:]
    printed = dict(re.findall(r"^@@@ (\d+)\n(.*?)(?=^@@@ |\Z)", done.stdout, re.M | re.S))
    for number, (command, shown) in enumerate(asked):
        lines = {shape(line) for line in printed[str(number)].splitlines()}
        for line in shown:
            assert shape(line) in lines, (command, line, printed[str(number)])


def typed(script: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What a shell made of it, both outputs together."""
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False,
    )  # fmt: skip


def writer(wanted: dict[str, str]) -> str:
    """A program that writes the tutorial's files, once the folders are there."""
    mode = {"library/settings.py": "a"}
    lines = [f"open({name!r}, {mode.get(name, 'w')!r}).write({body!r})" for name, body in wanted.items()]
    return "\n".join(lines)
