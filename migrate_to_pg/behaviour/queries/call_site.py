"""Find the line of the project that a statement comes from."""

from __future__ import annotations

import ast
import asyncio
import linecache
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import django

import migrate_to_pg
from migrate_to_pg.behaviour.records import Certainty, Place
from migrate_to_pg.i18n import gettext as _

_DJANGO = Path(django.__file__).parent
_OURS = Path(migrate_to_pg.__file__).parent
_STANDARD_LIBRARY = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))
#: A Django template's node is rendered by a method of this name.
_RENDERS = "render_annotated"
_TEMPLATES = str(_DJANGO / "template" / "base.py")
_HANDLER = str(_DJANGO / "core" / "handlers" / "base.py")
_RAW_QUERYSET = "django.db.models.sql.query"
_NO_LIBRARIES = sys.stdlib_module_names | {
    "django",
    "pytest",
    "_pytest",
    "pluggy",
    "pytest_django",
    "xdist",
    "execnet",
    "asgiref",
}
_QUERYSETS = "django.db.models.query"
_DELETION = "django.db.models.deletion"
_SERIALIZERS = "django.core.serializers.base"
#: From the compiler to get() and in_bulk(), with room for other versions of Django.
_FRAMES_WITHIN_DJANGO = 12
#: What runs a synchronous function for a coroutine, in a thread.
_ASGIREF, _ASYNC = "asgiref.sync", "thread_handler"
_FOREIGN = {"site-packages", "dist-packages"}


@dataclass(frozen=True, slots=True)
class CallSite:
    """The place that a statement comes from."""

    place: Place
    #: The function's code, or None for a template.
    code: CodeType | None = None
    #: Who called that function, in another one of the project.
    caller: Place | None = None
    #: Where the project asked which database it runs on, before it made the query.
    branch: Place | None = None

    def names(self, attribute: str) -> bool:
        """Return whether the function names an attribute. A template may name anything."""
        return self.code is None or _names(self.code, attribute)

    def is_for_one_vendor(self, sql: str) -> bool:
        """Return whether the function asks which database it runs on, and has this SQL for one of them alone."""
        if self.code is None or not _names(self.code, "vendor"):
            return False
        # Written twice, it is for both.
        return _literals(self.code.co_filename)[sql] <= 1

    def explain(self, text: str = "") -> str:
        """Add the caller to an explanation."""
        called = _("Called from {place}.", place=self.caller) if self.caller else ""
        asked = (
            _("{place} asks which database it is: on PostgreSQL the query may be another one.", place=self.branch)
            if self.branch
            else ""
        )
        return " ".join(filter(None, (text, called, asked)))

    def certainty(self, certainty: Certainty) -> Certainty:
        """Return how sure it is that the project makes this query on PostgreSQL too, and that it differs."""
        return Certainty.HINT if self.branch else certainty


def find_call_site(project: Path, sql: str = "") -> CallSite | None:
    """Return the innermost frame that is a file of the project, a node of one of its templates, or else the view.

    Failing that, the library that asks. None for Django's own queries: its commands, its tests' databases.

    Args:
        project: The project's directory.
        sql: SQL that the project may have written itself. The function that has it in its code is preferred to one that
            only passes it on.
    """
    innermost, library = None, ""
    for frame in frames():
        filename = frame.f_code.co_filename
        if is_of_project(filename, project):
            innermost = innermost or _site(frame, project)
            if not sql:
                return innermost
            if _has_text(frame, sql):
                return _site(frame, project)
        elif innermost is None:
            if frame.f_code.co_name == _RENDERS and filename == _TEMPLATES and (found := _template(frame, project)):
                return CallSite(found)
            if filename == _HANDLER and (view := _view(frame.f_locals.get("callback"))):
                # What is further out, such as a test, asked for a page and for no rows.
                return CallSite(Place(name=view))
            library = library or _library(frame)
    if innermost:
        return innermost
    return CallSite(Place(name=library)) if library else None


def _site(frame: FrameType, project: Path) -> CallSite:
    name = str(Path(frame.f_code.co_filename).resolve().relative_to(project))
    return CallSite(Place(file=name, line=frame.f_lineno), frame.f_code, _caller_of(frame, project))


def _caller_of(frame: FrameType, project: Path) -> Place | None:
    outer = frame.f_back
    # A comprehension is a frame of its own.
    while (
        outer is not None and outer.f_lineno == frame.f_lineno and outer.f_code.co_filename == frame.f_code.co_filename
    ):
        outer = outer.f_back
    if outer is None or not is_of_project(outer.f_code.co_filename, project):
        return None
    name = Path(outer.f_code.co_filename).resolve().relative_to(project)
    # Which test it was says little of where it is used.
    is_test = any(part.startswith("test") for part in name.parts)
    return None if is_test else Place(file=str(name), line=outer.f_lineno)


def _library(frame: FrameType) -> str:
    """Return the name of a library's module, or '' for Django's, Python's, migrations, and those that run tests."""
    module = str(frame.f_globals.get("__name__", ""))
    if module == "__main__" or ".migrations." in module or module.partition(".")[0] in _NO_LIBRARIES:
        return ""
    return module


def _has_text(frame: FrameType, text: str) -> bool:
    code = frame.f_code
    return text in code.co_consts or any(frame.f_globals.get(name) == text for name in code.co_names)


def is_django_itself() -> bool:
    """Return whether Django wrote the SQL that is being executed: transactions, migrations, introspection."""
    module = _caller()
    return module.startswith("django.") and module != _RAW_QUERYSET


def is_get() -> bool:
    """Return whether ``QuerySet.get()`` asks. It takes a few rows of however many, to see whether there is one."""
    return any(
        frame.f_code.co_name == "get" and frame.f_globals.get("__name__") == _QUERYSETS
        for frame in islice(frames(), _FRAMES_WITHIN_DJANGO)
    )


def is_order_lost() -> bool:
    """Return whether Django itself takes the rows, and loses their order: a dictionary, or what is to be deleted."""
    return any(
        frame.f_globals.get("__name__") == _DELETION
        or (frame.f_code.co_name == "in_bulk" and frame.f_globals.get("__name__") == _QUERYSETS)
        for frame in islice(frames(), _FRAMES_WITHIN_DJANGO)
    )


def is_fixture() -> bool:
    """Return whether Django loads a fixture. It sets the sequences itself."""
    within = islice(frames(), _FRAMES_WITHIN_DJANGO)
    return any(frame.f_globals.get("__name__") == _SERIALIZERS for frame in within)


def is_raw_queryset() -> bool:
    """Return whether Model.objects.raw() executes it."""
    return _caller() == _RAW_QUERYSET


def _caller() -> str:
    """Return the module that executes a statement, by one of Django's cursors."""
    for frame in frames():
        module = str(frame.f_globals.get("__name__", ""))
        if not module.startswith(("django.db.backends.utils", "django.db.utils", "django.utils", "contextlib")):
            return module
    return ""


@lru_cache(maxsize=4096)
def is_of_project(filename: str, project: Path) -> bool:
    """Return whether a file belongs to the project: neither a library's, nor Python's, nor ours."""
    if filename.startswith("<"):
        return False
    path = Path(filename).resolve()
    # What runs a command, and what both databases have run already.
    if path.name == "manage.py" or path.parent.name == "migrations":
        return False
    if not path.is_relative_to(project) or _FOREIGN & set(path.parts):
        return False
    return not any(path.is_relative_to(other) for other in (_DJANGO, _OURS, *_STANDARD_LIBRARY))


@lru_cache(maxsize=256)
def _literals(filename: str) -> Counter[str]:
    """Count how often each text stands in a file."""
    try:
        tree = ast.parse("".join(linecache.getlines(filename)))
    except SyntaxError:
        return Counter()
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return Counter(value for value in constants if isinstance(value, str))


def frames() -> Iterator[FrameType]:
    """Go outwards from whoever executes a statement. Our own frames are left out."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(str(_OURS / "behaviour")):
            yield frame
        if frame.f_code.co_name == _ASYNC and frame.f_globals.get("__name__") == _ASGIREF:
            yield from _awaiting(frame)
        frame = frame.f_back


def _awaiting(frame: FrameType) -> Iterator[FrameType]:
    """Go outwards from whoever awaits a function that asgiref runs in this thread."""
    caller, loop = frame.f_locals.get("self"), frame.f_locals.get("loop")
    if loop is None:
        return
    for task in asyncio.all_tasks(loop):
        frames: list[FrameType] = []
        awaited: Any = task.get_coro()
        while awaited is not None and (inner := getattr(awaited, "cr_frame", None)):
            frames.append(inner)
            awaited = getattr(awaited, "cr_await", None)
        if frames and frames[-1].f_locals.get("self") is caller:
            yield from reversed(frames)
            return


def _template(frame: FrameType, project: Path) -> Place | None:
    node: Any = frame.f_locals.get("self")
    origin, token = getattr(node, "origin", None), getattr(node, "token", None)
    path = Path(str(getattr(origin, "name", "")))
    if token is None or not path.is_absolute() or not is_of_project(str(path), project):
        return None
    return Place(file=str(path.resolve().relative_to(project)), line=token.lineno)


def _view(callback: Any) -> str:
    view = getattr(callback, "view_class", callback)
    name = getattr(view, "__qualname__", type(view).__qualname__)
    return f"{view.__module__}.{name}" if view is not None else ""


def _names(code: CodeType, attribute: str) -> bool:
    if attribute in code.co_names or attribute in code.co_consts:
        return True
    return any(_names(inner, attribute) for inner in code.co_consts if isinstance(inner, CodeType))
