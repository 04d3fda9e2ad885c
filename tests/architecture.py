"""Draw the map of the package from its imports, into docs/explanation/architecture.md: ``make map``."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "migrate_to_pg"
PAGE = ROOT / "docs" / "explanation" / "architecture.md"
BEGIN = "<!-- Made by `make map` from the imports. Do not edit by hand. -->"
END = "<!-- End of what `make map` made. -->"

#: From the ground up. A module imports from its own room and from rooms of the layers below it. Rooms of one layer do
#: not know each other: a stage takes a record and returns one, and only the pipeline and the commands know them all.
LAYERS = (
    {"errors", "i18n"},
    {"records"},
    {"system"},
    {"sqlite", "postgres"},
    {"codecs", "project"},
    {"planning", "rules", "staging", "leftovers", "dumpfile"},
    {"examine", "load", "move_back", "verify"},
    {"row_repair"},
    {"doctor", "publish"},
    {"report"},
    {"pipeline"},
    {"trial"},
    {"behaviour", "rebuild"},
    {"checks"},
    {"apps"},
    {"management"},
    {"__main__"},
)
#: Django stays at the edge: in project, and where its own functions are what is asked (verify, i18n).
WITHOUT_DJANGO = {
    "errors", "records", "postgres", "codecs", "rules", "staging", "load", "publish", "row_repair", "examine",
}  # fmt: skip


@cache
def modules() -> dict[str, Path]:
    """Map the dotted name of every module to its file."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(PACKAGE.rglob("*.py"))
    }


@cache
def imports(path: Path) -> frozenset[str]:
    """Name every module that a file imports, those within functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return frozenset(found)


def room(module: str) -> str:
    """Name the room of a module: its folder, or the module itself in the top folder. Empty outside the package."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "migrate_to_pg" else ""


def purpose(name: str) -> str:
    """Quote the first line of a room's docstring."""
    text = ast.get_docstring(ast.parse(modules()[f"migrate_to_pg.{name}"].read_text())) or ""
    return text.partition("\n")[0].replace("``", "`")


def rooms_imported(name: str) -> set[str]:
    """Name the rooms that the modules of a room import from."""
    rooms = {name for layer in LAYERS for name in layer}
    files = [path for module, path in modules().items() if room(module) == name]
    return {room(imported) for path in files for imported in imports(path)} & rooms - {name}


def necessary_arrows() -> Iterator[tuple[str, str]]:
    """Leave out of the picture each import that a longer way through other rooms implies."""
    below: dict[str, set[str]] = {}
    for name in (name for layer in LAYERS for name in sorted(layer)):
        imported = rooms_imported(name)
        implied = set().union(*(below[other] for other in imported))
        below[name] = imported | implied
        yield from ((name, other) for other in sorted(imported - implied))


def block() -> str:
    """Return the generated part of the page: a picture, and a table of the layers from the top down."""
    lines = ["```mermaid", "flowchart TD"]
    lines += [f"    {name} --> {other}" for name, other in necessary_arrows()]
    lines += ["```", "", "| layer | room | purpose | imports from |", "|---|---|---|---|"]
    for height, layer in reversed(list(enumerate(LAYERS, start=1))):
        for name in sorted(layer):
            lines.append(f"| {height} | `{name}` | {purpose(name)} | {', '.join(sorted(rooms_imported(name)))} |")
    return "\n".join(lines)


def with_block(page: str) -> str:
    """Return the page with the generated part as the imports are now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{block()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_block(PAGE.read_text()))
    sys.stdout.write(f"The map in {PAGE.relative_to(ROOT)} is up to date.\n")
