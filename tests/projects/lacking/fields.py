"""The field and the index of the one model, as LACKING asks: the same for the migration and for the model."""

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.operations import CreateCollation, TrigramExtension
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import StateApps
from django.db.models.functions import Collate

ASKED = os.environ.get("LACKING", "nothing").split("+")


if TYPE_CHECKING:
    TextField = models.TextField[str, str]
else:
    TextField = models.TextField


class Typed(TextField):
    """A text with a type of its own."""

    def __init__(self, *args: Any, type_sql: str = "text", **options: Any) -> None:
        super().__init__(*args, **options)
        self.type_sql = type_sql

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return self.type_sql

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, options = super().deconstruct()
        return name, path, args, {**options, "type_sql": self.type_sql}


def field() -> "models.Field[str, str]":
    collations = [name for name in ("NOCASE", "RTRIM", "own", "en-x-icu") if name in ASKED]
    types = [name for name in ("datetime", "hstore", "vector(3)") if name in ASKED]
    if types:
        return Typed(type_sql=types[0])
    return models.CharField(max_length=40, db_collation=collations[0] if collations else None)


def indexes() -> Iterator[models.Index]:
    if "hex" in ASKED:
        yield models.Index(models.Func("name", function="hex"), name="name_hex")
    if "index" in ASKED:
        yield models.Index(Collate("name", "NOCASE"), name="name_nocase")


def operations() -> Iterator[Operation]:
    """What a project does about it."""
    if "made" in ASKED:
        yield CreateCollation("NOCASE", provider="icu", locale="und-u-ks-level2", deterministic=False)
    if "trigram" in ASKED:
        yield TrigramExtension()
    if "function" in ASKED:
        yield migrations.RunPython(make_function, migrations.RunPython.noop)


def make_function(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE FUNCTION hex(varchar) RETURNS text LANGUAGE sql IMMUTABLE"
            " RETURN encode(convert_to($1, 'UTF8'), 'hex')"
        )
