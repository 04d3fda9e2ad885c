"""How the application comes to the target: in the style in which its own settings name a database."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from migrate_to_pg.project.settings_entry import how_to_switch

ENTRY = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": "shop",
    "USER": "app",
    "PASSWORD": "pl4nted",
    "HOST": "db.example.org",
    "PORT": "5433",
}
SQLITE = '{"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}'


@pytest.fixture
def settings_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """settings_step(source of the settings, alias, entry): the step for settings like these."""

    def step(
        source: str, alias: str = "default", entry: dict[str, Any] = ENTRY, databases: Any = None, **more: str
    ) -> str:
        package = tmp_path / "mysettings"
        package.mkdir()
        for name, text in {"__init__": "", "local": source, **more}.items():
            (package / f"{name}.py").write_text(text)
        for name in (*more, "local"):
            module = type(sys)(f"mysettings.{name}")
            module.__file__, module.__package__ = str(package / f"{name}.py"), "mysettings"
            monkeypatch.setitem(sys.modules, module.__name__, module)
        chosen = SimpleNamespace(SETTINGS_MODULE="mysettings.local", DATABASES=databases or {})
        monkeypatch.setattr("migrate_to_pg.project.settings_entry.settings", chosen)
        told = how_to_switch(alias, entry)
        assert "pl4nted" not in told
        return told

    return step


URL = "DATABASE_URL=postgres://app:PASSWORD@db.example.org:5433/shop"
OTHER = URL.replace("DATABASE_URL", "SHOP_DB")


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('DATABASES = {"default": dj_database_url.config(default="sqlite:///db.sqlite3")}', URL),
        ('DATABASES = {"default": dj_database_url.config(env="SHOP_DB")}', OTHER),
        ('DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}', URL),
        ('DATABASES = {"default": env.db()}', URL),
        ('DATABASES = {"default": env.db("SHOP_DB", default="sqlite:///db.sqlite3")}', OTHER),
        ('DATABASES = {"default": env.dj_db_url("DATABASE_URL")}', URL),
        ('DATABASES = {}\nDATABASES["default"] = database(os.getenv("DATABASE_URL"))', URL),
        ('DATABASES = {}\nDATABASES["default"] = env.db("SHOP_DB")', OTHER),
        ('url = config("DATABASE_URL")\nDATABASES = {"default": parsed(url)}', URL),
    ],
)  # fmt: skip
def test_settings_that_read_a_url_are_given_the_variable(
    settings_step: Callable[..., str], source: str, line: str
) -> None:
    first, last = settings_step(source).splitlines()
    assert last == line
    assert first.endswith(f"its settings read {line.split('=')[0]}.")


def test_settings_with_a_dictionary_are_given_one_that_python_reads(settings_step: Callable[..., str]) -> None:
    first, *rest = settings_step(f'DATABASES = {{"default": {SQLITE}}}').splitlines()
    assert first == "Point the application to this database, in local.py:"
    assert not [line for line in rest if "\t" in line]
    scope: dict[str, Any] = {}
    exec(compile(ast.parse("\n".join(rest)), "settings", "exec"), scope)  # noqa: S102 - Python, to be pasted
    assert scope["DATABASES"] == {"default": ENTRY | {"PASSWORD": "..."}}


def test_another_alias_keeps_the_other_databases(settings_step: Callable[..., str]) -> None:
    lines = settings_step(f'DATABASES = {{"default": {SQLITE}, "shop": {SQLITE}}}', alias="shop").splitlines()
    scope: dict[str, Any] = {"DATABASES": {"default": 1}}
    exec(compile(ast.parse("\n".join(lines[1:])), "settings", "exec"), scope)  # noqa: S102 - Python, to be pasted
    assert scope["DATABASES"] == {"default": 1, "shop": ENTRY | {"PASSWORD": "..."}}


def test_the_file_is_the_one_that_sets_them(settings_step: Callable[..., str]) -> None:
    told = settings_step("from .base import *\nDEBUG = True", base=f'DATABASES = {{"default": {SQLITE}}}')
    assert told.startswith("Point the application to this database, in base.py:")


def test_a_database_without_a_password_is_given_none(settings_step: Callable[..., str]) -> None:
    entry = {key: value for key, value in ENTRY.items() if key != "PASSWORD"} | {"HOST": "/run/postgresql"}
    assert settings_step('DATABASES = {"default": env.db()}', entry=entry).endswith(
        "postgres://app@/shop?host=/run/postgresql&port=5433"
    )


def test_a_socket_that_is_an_option_of_the_url_is_the_same_database(settings_step: Callable[..., str]) -> None:
    entry = ENTRY | {"HOST": "/run/postgresql"}
    by_option = ENTRY | {"HOST": "", "PORT": "", "OPTIONS": {"host": "/run/postgresql", "port": 5433}}
    assert "already" in settings_step(
        'DATABASES = {"default": env.db()}', entry=entry, databases={"default": by_option}
    )


def test_settings_that_have_it_already_are_left_as_they_are(settings_step: Callable[..., str]) -> None:
    assert "already" in settings_step('DATABASES = {"default": env.db()}', databases={"default": ENTRY})


def test_settings_that_cannot_be_read_are_given_a_dictionary(settings_step: Callable[..., str]) -> None:
    assert "in settings.py:\nDATABASES = {" in settings_step("DATABASES = (")
