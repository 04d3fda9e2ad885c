"""Content types and generic foreign keys, which no database checks."""

from __future__ import annotations

from tests.corpus import Case, Found

_MODELS = {
    ("app", "item"): "item",
    ("app", "leaf"): "leaf",
    ("app", "word"): "word",
    ("app", "proxy"): "item",
    ("contenttypes", "contenttype"): "django_content_type",
}
_TARGET = """
    CREATE TABLE django_content_type (id bigint PRIMARY KEY, app_label varchar(100) NOT NULL,
        model varchar(100) NOT NULL);
    CREATE TABLE auth_permission (id bigint PRIMARY KEY, content_type_id bigint REFERENCES django_content_type (id));
    CREATE TABLE item (id bigint PRIMARY KEY);
    CREATE TABLE leaf (id uuid PRIMARY KEY);
    CREATE TABLE word (id varchar(9) PRIMARY KEY);
    CREATE TABLE tag (id bigint PRIMARY KEY, kind_id bigint REFERENCES django_content_type (id), row {row})
"""
_SOURCE = """
    CREATE TABLE django_content_type (id integer NOT NULL PRIMARY KEY, app_label varchar(100) NOT NULL,
        model varchar(100) NOT NULL);
    CREATE TABLE auth_permission (id integer NOT NULL PRIMARY KEY, content_type_id bigint
        REFERENCES django_content_type (id));
    CREATE TABLE item (id integer NOT NULL PRIMARY KEY);
    CREATE TABLE leaf (id char(32) NOT NULL PRIMARY KEY);
    CREATE TABLE word (id varchar(9) NOT NULL PRIMARY KEY);
    CREATE TABLE tag (id integer NOT NULL PRIMARY KEY, kind_id bigint REFERENCES django_content_type (id), row {row});
    INSERT INTO django_content_type VALUES (1, 'app', 'item'), (2, 'app', 'leaf'), (3, 'app', 'word'),
        (4, 'app', 'proxy');
    INSERT INTO item VALUES (1), (2);
    INSERT INTO leaf VALUES ('5c0d5a8fb7b34f7c9a3f3ac7f9e0a4d1');
    INSERT INTO word VALUES ('a'), ('1');
"""
_KEY = (("tag", "kind_id", "row"),)


def _case(
    name: str, rows: str, *found: Found, pg: str = "varchar(99)", sqlite: str = "varchar(99)", more: str = ""
) -> Case:
    """A table tag whose rows (id, kind_id, row) name items 1 and 2, one leaf by its uuid, and the words 'a' and '1'."""
    return Case(
        name=name,
        target=_TARGET.format(row=pg),
        source=_SOURCE.format(row=sqlite) + (f"INSERT INTO tag VALUES {rows};" if rows else "") + more,
        finds=found,
        blocked=False,
        models=_MODELS,
        generic_keys=_KEY,
    )


CASES = [
    _case("generic keys as text whose objects are gone", "(1, 1, '1'), (2, 1, '9'), (3, 1, 'x'), (4, 4, '7')",
          Found("generic-foreign-key-orphan", "tag", "kind_id, row", 3, ("2", "3", "4"))),
    _case("generic keys as integers whose objects are gone", "(1, 1, 2), (2, 1, 3), (3, 3, 1), (4, 3, 2)",
          Found("generic-foreign-key-orphan", "tag", "kind_id, row", 2, ("2", "4")), pg="integer", sqlite="integer"),
    _case("generic keys to uuids and words that are gone",
          "(1, 2, '5c0d5a8f-b7b3-4f7c-9a3f-3ac7f9e0a4d2'), (2, 3, 'A'), (3, 3, 'a'), (4, 2, '')",
          Found("generic-foreign-key-orphan", "tag", "kind_id, row", 3, ("1", "2", "4"))),
    _case("content types of models that are gone", "(1, 8, '1'), (2, 8, '2'), (3, 1, '1')",
          Found("content-type-gone", "django_content_type", "app_label, model", 2, ("8", "9")),
          more="INSERT INTO django_content_type VALUES (8, 'old', 'thing'), (9, 'app', 'renamed');"
          "INSERT INTO auth_permission VALUES (1, 8), (2, 8), (3, 1);"),
    _case("content type of another case", "",
          Found("content-type-gone", "django_content_type", "app_label, model", 1, ("8",)),
          more="INSERT INTO django_content_type VALUES (8, 'app', 'Item');"),
]  # fmt: skip

HEALTHY = [
    _case("generic keys to everything that is there",
          "(1, 1, '1'), (2, 1, ' 02 '), (3, 2, '5C0D5A8F-B7B3-4F7C-9A3F-3AC7F9E0A4D1'), (4, 3, 'a'), (5, 3, '1'),"
          " (6, NULL, '9'), (7, 1, NULL), (8, 4, '2')"),
]  # fmt: skip
