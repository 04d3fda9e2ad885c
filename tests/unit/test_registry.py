"""What content types stand for: the installed models, those of the applied migrations, and generic keys."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.migrations.state import ModelState
from django.test.utils import isolate_apps

from migrate_to_pg import registry
from migrate_to_pg.records import GenericKey


def test_installed_models_have_their_tables() -> None:
    found = registry.content_models([])
    assert found["courses", "course"] == "courses_course"
    assert found["auth", "user_groups"] == "auth_user_groups"


def test_a_model_that_only_the_migrations_know_has_its_table_too() -> None:
    states = {
        ("old", "thing"): ModelState("old", "Thing", []),
        ("old", "named"): ModelState("old", "Named", [], options={"db_table": '"odd name"'}),
        ("old", "proxy"): ModelState("old", "Proxy", [], options={"proxy": True}, bases=("old.thing",)),
        ("old", "second"): ModelState("old", "Second", [], options={"proxy": True}, bases=("old.Proxy",)),
        ("old", "lost"): ModelState("old", "Lost", [], options={"proxy": True}, bases=("gone.model",)),
        ("old", "x" * 70): ModelState("old", "X" * 70, []),
    }
    found = dict(registry._historical(states))
    assert found.pop(("old", "x" * 70)).startswith("old_xxxx")
    assert found == {
        ("old", "thing"): "old_thing",
        ("old", "named"): "odd name",
        ("old", "proxy"): "old_thing",
        ("old", "second"): "old_thing",
    }


@isolate_apps("courses")
def test_generic_keys_are_found_where_they_are_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tag(models.Model):  # noqa: DJ008 - never shown
        kind = models.ForeignKey(ContentType, models.CASCADE)
        row = models.CharField(max_length=99, db_column="row_no")
        content_object = GenericForeignKey("kind", "row")

        class Meta:
            app_label = "courses"

    class Special(Tag):  # noqa: DJ008 - never shown
        class Meta:
            app_label = "courses"

    monkeypatch.setattr(apps, "get_models", lambda **_: [Tag, Special])
    assert registry.generic_keys() == (
        GenericKey(table="courses_tag", content_type_column="kind_id", object_column="row_no"),
        GenericKey(table="django_admin_log", content_type_column="content_type_id", object_column="object_id"),
    )
