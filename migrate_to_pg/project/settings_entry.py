"""Write the target as the project's settings name a database: a URL in a variable, or an entry of DATABASES."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.alias_override import location
from migrate_to_pg.system.redact import address

#: Methods that read the URL of a database from a variable: dj-database-url's, django-environ's, environs'.
_READERS = ("config", "db", "db_url", "dj_db_url")
_USUAL_VARIABLE = "DATABASE_URL"


def how_to_switch(alias: str, entry: Mapping[str, Any]) -> str:
    """Describe the step by which the application finds the target. The password is not in it.

    ``alias`` is the database that was moved, ``entry`` the target as an entry of DATABASES.
    """
    if is_in_force(alias, entry):
        return _(
            "The settings have this database as {alias!r} already: keep them so for the application, wherever it runs.",
            alias=alias,
        )
    settings_file, variable = _read_from()
    if variable:
        return _(
            "Point the application to this database: its settings read {variable}.\n{line}",
            variable=variable,
            line=f"{variable}={_url(entry)}",
        )
    return _(
        "Point the application to this database, in {settings}:\n{lines}",
        settings=settings_file,
        lines="\n".join(_lines(alias, entry)),
    )


def how_to_use_file(sqlite: str) -> str:
    """Describe the step by which the application finds a SQLite file."""
    entry = {"ENGINE": "django.db.backends.sqlite3", "NAME": sqlite}
    settings_file, variable = _read_from()
    if variable:
        return _(
            "Point the application to this file: its settings read {variable}.\n{line}",
            variable=variable,
            line=f"{variable}=sqlite:///{quote(sqlite)}",
        )
    return _(
        "Point the application to this file, in {settings}:\n{lines}",
        settings=settings_file,
        lines="\n".join(_lines(DEFAULT_DB_ALIAS, entry)),
    )


def how_to_go_back(entry: Mapping[str, Any], sqlite: str) -> str:
    """Describe the step by which the application returns from the target, ``entry``, to that SQLite file."""
    alias = next((name for name in settings.DATABASES if is_in_force(name, entry)), DEFAULT_DB_ALIAS)
    former = {"ENGINE": "django.db.backends.sqlite3", "NAME": sqlite}
    if is_in_force(alias, former):
        return _(
            "The settings have {source}, which was published, as {alias!r}: keep them so for the application, wherever"
            " it runs.",
            source=sqlite,
            alias=alias,
        )
    settings_file, variable = _read_from()
    if variable:
        return _(
            "Point the application back to the SQLite database that was published: its settings read {variable}.\n"
            "{line}",
            variable=variable,
            line=f"{variable}=sqlite:///{quote(sqlite)}",
        )
    return _(
        "Point the application back to the SQLite database that was published, in {settings}:\n{lines}",
        settings=settings_file,
        lines="\n".join(_lines(alias, former)),
    )


def _read_from() -> tuple[str, str]:
    """Return the name of the file that sets DATABASES, and the variable with the URL, or '' where it reads none."""
    for path in _files(getattr(settings, "SETTINGS_MODULE", "") or ""):
        module = _parsed(path)
        nodes = [node for node in ast.walk(module) if isinstance(node, ast.Assign)]
        if values := [n.value for n in nodes if any("DATABASES" in ast.unparse(target) for target in n.targets)]:
            return path.name, _variable(values, module)
    return "settings.py", ""


def is_in_force(alias: str, entry: Mapping[str, Any]) -> bool:
    """Report whether the settings have the target as that database already."""
    ours = settings.DATABASES.get(alias, {})
    return ours.get("ENGINE") == entry.get("ENGINE") and location(ours) == location(entry)


def _files(name: str) -> Iterator[Path]:
    """Yield the file of a settings module, then those of the modules of which it imports everything."""
    module = sys.modules.get(name)
    path = Path(getattr(module, "__file__", None) or "")
    if module is None or path.suffix != ".py":
        return
    yield path
    package = getattr(module, "__package__", "") or ""
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.ImportFrom) and any(imported.name == "*" for imported in node.names):
            parent = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            yield from _files(".".join([*parent, *([node.module] if node.module else [])]))


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ast.Module(body=[], type_ignores=[])


def _variable(values: Sequence[ast.expr], module: ast.Module) -> str:
    """Return the variable from which a URL is read, or ''."""
    nodes = (node for value in values for node in ast.walk(value))
    for call in (node for node in nodes if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Attribute) and call.func.attr in _READERS:
            named = [keyword.value for keyword in call.keywords if keyword.arg in ("env", "var")]
            return next(_texts([*named, *call.args[:1]]), _USUAL_VARIABLE)
    # A function of the project, or one that is given the text of the variable.
    texts = (text for part in (*values, module) for text in _texts(ast.walk(part)))
    return next((text for text in texts if text.isidentifier() and text.endswith(_USUAL_VARIABLE)), "")


def _texts(nodes: Iterable[ast.AST]) -> Iterator[str]:
    yield from (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def _url(entry: Mapping[str, Any]) -> str:
    """Return the target's URL, with a placeholder for the password."""
    user, host, port, name = (str(entry.get(key) or "") for key in ("USER", "HOST", "PORT", "NAME"))
    shown = address(user=user, host=host, port=port, name=name)
    if host.startswith("/"):
        # django-environ takes a percent-encoded folder for the name of a host. All of them read it as an option.
        socket = urlencode({"host": host, **({"port": port} if port else {})}, safe="/")
        shown = f"postgres://{quote(user, safe='')}@/{quote(name, safe='')}?{socket}"
    return shown.replace("@", ":PASSWORD@", 1) if entry.get("PASSWORD") else shown


def _lines(alias: str, entry: Mapping[str, Any]) -> Iterator[str]:
    yield "DATABASES = {" if alias == DEFAULT_DB_ALIAS else f"DATABASES[{alias!r}] = {{"
    shown = {**entry, "PASSWORD": entry.get("PASSWORD") and "..."}
    inner = {key: shown[key] for key in ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT") if shown.get(key)}
    before = ""
    if alias == DEFAULT_DB_ALIAS:
        before = "    "
        yield f'{before}"{alias}": {{'
    for key, value in inner.items():
        text = repr(str(value))
        quoted = text if '"' in text else f'"{text[1:-1]}"'
        yield f'{before}    "{key}": {quoted},'
    if before:
        yield f"{before}}},"
    yield "}"
