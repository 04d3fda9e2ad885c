"""What each side calls the models' tables, what content types stand for, and generic keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import DEFAULT_DB_ALIAS, models
from django.db.migrations.state import ModelState, ProjectState
from django.test.utils import isolate_apps

from migrate_to_pg.project import registry
from migrate_to_pg.project.identifiers import backend, called
from migrate_to_pg.project.registry import Registry
from migrate_to_pg.records import GenericKey

Made = Callable[..., Registry]


@pytest.fixture
def make_registry(monkeypatch: pytest.MonkeyPatch) -> Made:
    """The registry of such migrated models, beside those that are installed."""

    def make(*states: ModelState) -> Registry:
        known = {(state.app_label, state.name_lower): state for state in states}
        monkeypatch.setattr(registry, "_state", lambda _: ProjectState(models=known))
        return Registry([("old", "0001_initial")], DEFAULT_DB_ALIAS)

    return make


def test_installed_models_have_their_tables(make_registry: Made) -> None:
    found = make_registry().content_models()
    assert found["courses", "course"] == "courses_course"
    assert found["auth", "user_groups"] == "auth_user_groups"


def test_the_models_of_both_sides_are_made_once_where_they_are_the_same(make_registry: Made) -> None:
    short = make_registry(ModelState("old", "Thing", []))
    assert short.source is short.target
    long = make_registry(ModelState("old", "X" * 70, []))
    assert long.source is not long.target


def test_a_model_that_only_the_migrations_know_has_its_table_too(make_registry: Made) -> None:
    many = models.ManyToManyField("auth.Group")
    known = make_registry(
        ModelState("old", "Thing", []),
        ModelState("old", "Named", [], options={"db_table": '"odd ""name"'}),
        ModelState("old", "Proxy", [], options={"proxy": True}, bases=("old.thing",)),
        ModelState("old", "Second", [], options={"proxy": True}, bases=("old.Proxy",)),
        ModelState("old", "X" * 70, [("many", many)]),
    )
    found = {name: table for (app, name), table in known.content_models().items() if app == "old"}
    # Django cuts the second of these from the first, which it cut already.
    long, linked = found.pop("x" * 70), found.pop("x" * 70 + "_many")
    assert (long[:50], linked[:50]) == ("old_" + "x" * 46,) * 2
    assert (len(long), len(linked)) == (63, 63)
    assert long != linked
    assert found == {
        "thing": "old_thing",
        "named": 'odd "name',
        "proxy": "old_thing",
        "second": "old_thing",
    }
    sources = {names.target: names.source for names in known.names}
    assert (sources[long], sources[linked]) == ("old_" + "x" * 70, "old_" + "x" * 70 + "_many")


@pytest.mark.parametrize(
    ("name", "on_sqlite", "on_postgresql"),
    [
        ("plain", "plain", "plain"),
        ("Mixed.Case", "Mixed.Case", "Mixed.Case"),
        ('"odd""name"', 'odd"name', 'odd"name'),
        ('odd""name_many', 'odd"name_many', 'odd"name_many'),
        ('"main"."there"', "there", "there"),
        ("e" * 63, "e" * 63, "e" * 63),
        ("o" * 64, "o" * 64, "o" * 63),
        ("é" * 32, "é" * 32, "é" * 31),
    ],
)
def test_a_name_is_read_as_the_database_reads_it(name: str, on_sqlite: str, on_postgresql: str) -> None:
    assert (called(name, backend("sqlite3")), called(name, backend("postgresql"))) == (on_sqlite, on_postgresql)


@isolate_apps("courses")
def test_generic_keys_are_found_where_they_are_declared(make_registry: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    class Tag(models.Model):  # noqa: DJ008 - never shown
        kind = models.ForeignKey(ContentType, models.CASCADE)
        row = models.CharField(max_length=99, db_column="row_no")
        content_object = GenericForeignKey("kind", "row")

        class Meta:
            app_label = "courses"

    class Special(Tag):  # noqa: DJ008 - never shown
        class Meta:
            app_label = "courses"

    known = make_registry(ModelState.from_model(Tag))
    assert known.target.get_model(Tag._meta.label)
    monkeypatch.setattr(apps, "get_models", lambda **_: [Tag, Special])
    assert known.generic_keys() == (
        GenericKey(table="courses_tag", content_type_column="kind_id", object_column="row_no"),
        GenericKey(table="django_admin_log", content_type_column="content_type_id", object_column="object_id"),
    )
