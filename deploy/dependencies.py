"""Say why each package reaches production, from requirements/app.txt and pyproject.toml.

``python -m deploy.dependencies > docs/reference/dependencies.md``. The installed packages state their licences.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from deploy.supported import table

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "requirements" / "app.txt"
PROJECT = ROOT / "pyproject.toml"
_PIN = re.compile(
    r"^(?P<name>[\w.-]+)(?:\[[\w,]+\])?==(?P<version>[^\s;]+)(?: ; (?P<where>[^\\\n]+?))?"
    r"(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n(?:    # via (?P<via>.+))?",
    re.MULTILINE,
)
_REASON = re.compile(r'^ +"(?P<name>[\w.-]+)[^"]*", +# (?P<reason>.+)$', re.MULTILINE)
_CLASSIFIER = "License :: OSI Approved :: "
_HEAD = """# What reaches production

Every package that the application and the command bring along, from requirements/app.txt: installed with
`--require-hashes`, so that no other file than the one that was looked at is ever taken. Made by
`python -m deploy.dependencies`; a test holds it to the pins. `make audit` asks for the known vulnerabilities of exactly
these versions, and fails where nobody can be asked: a mirror of the package index often does not serve them.

| package | version | licence | why it is there |
|---|---|---|---|"""

_SUPPORTED = """
## Until when it is supported

What the images are made of, and Django, get corrections of security until these days. `make audit` fails from the day
after, and where an image or a Django is shipped whose end nobody has looked up (deploy/supported.py).
"""


@dataclass(frozen=True)
class Pin:
    """A pinned version of a package."""

    name: str
    version: str
    #: The marker of the systems that it is for; empty for all.
    where: str
    hashes: int
    #: What asked for it.
    via: tuple[str, ...]


def pins() -> list[Pin]:
    """Read all pins of requirements/app.txt."""
    return [
        Pin(
            name=match["name"],
            version=match["version"],
            where=(match["where"] or "").strip(),
            hashes=match["hashes"].count("--hash"),
            via=tuple(re.findall(r"[\w.-]+", (match["via"] or "").replace("(pyproject.toml", ""))),
        )
        for match in _PIN.finditer(PINS.read_text())
    ]


def reasons() -> dict[str, str]:
    """Map each package to the comment beside it in pyproject.toml."""
    found: dict[str, list[str]] = {}
    for match in _REASON.finditer(PROJECT.read_text()):
        found.setdefault(match["name"], []).append(match["reason"])
    return {name: "; ".join(each) for name, each in found.items()}


def direct() -> set[str]:
    """Return the packages that pyproject.toml requires in production."""
    project = tomllib.loads(PROJECT.read_text())
    asked = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["app"],
    ]
    return {re.split(r"[^\w.-]", text)[0] for text in asked}


def page() -> Iterator[str]:
    """Yield the lines of the document."""
    yield _HEAD
    known, ours = reasons(), direct()
    for pin in pins():
        why = known[pin.name] if pin.name in ours else f"for {', '.join(sorted(set(pin.via) - ours) or pin.via)}"
        yield f"| {pin.name} | {pin.version} | {licence(pin)} | {why}{f' ({pin.where})' if pin.where else ''} |"
    yield _SUPPORTED
    yield from table()


def licence(pin: Pin) -> str:
    """Return the licence that the package states."""
    try:
        fields = metadata.metadata(pin.name).json
    except metadata.PackageNotFoundError:
        return "not installed here"
    classified = [line.removeprefix(_CLASSIFIER) for line in fields.get("classifier", ()) if _CLASSIFIER in line]
    stated = str(fields.get("license_expression") or ", ".join(classified) or fields.get("license") or "").strip()
    return stated.splitlines()[0] if stated else "not stated"


if __name__ == "__main__":
    sys.stdout.write("\n".join(page()) + "\n")
