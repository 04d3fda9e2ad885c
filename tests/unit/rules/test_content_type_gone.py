"""Content types of models that no installed application has."""

from __future__ import annotations

from migrate_to_pg.records import Level
from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values

TYPES = table("django_content_type", "id bigint", "app_label text", "model text")
PERMISSION = table("auth_permission", "id bigint", "content_type_id bigint")
TAG = table("tag", "id bigint", "kind_id bigint", "row text")
SCRIPT = """
    CREATE TABLE django_content_type (id integer PRIMARY KEY, app_label text, model text);
    INSERT INTO django_content_type VALUES (1, 'app', 'item'), (2, 'old', 'thing'), (3, 'app', 'gone');
    CREATE TABLE auth_permission (id integer PRIMARY KEY, content_type_id bigint);
    INSERT INTO auth_permission VALUES (1, 1), (2, 2), (3, 2);
    CREATE TABLE tag (id integer PRIMARY KEY, kind_id bigint, row text);
    INSERT INTO tag VALUES (1, 2, '1'), (2, 1, '1');
"""
MODELS = {("app", "item"): "tag"}


def test_what_hangs_on_them_is_counted() -> None:
    finding = check_finds(
        "content-type-gone", SCRIPT, TYPES, PERMISSION, TAG, models=MODELS, generic_keys=[("tag", "kind_id", "row")]
    )
    assert (finding.level, finding.table, finding.column, finding.count) == (
        Level.WARNING, "django_content_type", "app_label, model", 2,
    )  # fmt: skip
    assert keys(finding) == ["2", "3"]
    assert values(finding) == ["'old.thing'", "'app.gone'"]
    assert "old.thing (2 permissions, 1 row of tag); app.gone (nothing refers to it)" in finding.explanation


def test_without_the_installed_models_nothing_is_told() -> None:
    check_healthy(SCRIPT, TYPES, PERMISSION, TAG)


def test_many_are_told_shortly() -> None:
    more = "".join(f"INSERT INTO django_content_type VALUES ({n}, 'old', 'thing{n}');" for n in range(4, 20))
    finding = check_finds("content-type-gone", SCRIPT + more, TYPES, PERMISSION, TAG, models=MODELS)
    assert (finding.count, len(finding.samples)) == (18, 5)
    assert "; and 8 more" in finding.explanation
