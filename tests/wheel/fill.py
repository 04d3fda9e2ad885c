"""Any project in, random rows in each of its tables out, through the ORM on SQLite; what its rules refuse is not there.

Called within the project: python -m tests.wheel.fill SEED
"""

import datetime
import decimal
import random
import sys
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import django
from django.apps import apps
from django.core.exceptions import FieldError, ValidationError
from django.db import DatabaseError, connection, models, transaction
from django.db.models.base import ModelState

if TYPE_CHECKING:
    Field = models.Field[Any, Any]
else:
    Field = models.Field

ROWS = 12
TEXT = "aàéœçßñ日本語🌱 '\"\\%_<&\n\tZ09"
EPOCH = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)
#: What other rows are made from: they are made by Django itself.
NOT_FILLED = {"contenttypes.ContentType", "auth.Permission"}


def text(chance: random.Random, field: Field) -> str:
    length = chance.randint(0 if field.blank else 1, min(field.max_length or 60, 60))
    return "".join(chance.choice(TEXT) for _ in range(length))


def whole(chance: random.Random, field: Field) -> int:
    """What PostgreSQL's column holds, and twice of it: projects compute from their columns. SQLite knows no range."""
    kind = field.get_internal_type()
    most = {"SmallIntegerField": 2**14, "PositiveSmallIntegerField": 2**14, "BigIntegerField": 2**62}.get(kind, 2**30)
    return chance.choice([0, 1, 0 if "Positive" in kind else -7, chance.randint(1, 16_000), most - 1])


def exact(chance: random.Random, field: "models.DecimalField[Any, Any]") -> decimal.Decimal:
    return decimal.Decimal(chance.randint(0, 10**field.max_digits - 1)).scaleb(-field.decimal_places)


def moment(chance: random.Random, field: Field) -> datetime.datetime:
    return EPOCH + datetime.timedelta(microseconds=chance.randint(-(10**17), 10**15))


#: The first that a field is an instance of.
VALUES: tuple[tuple[type[Field], Callable[[random.Random, Any], object]], ...] = (
    (models.UUIDField, lambda chance, field: uuid.UUID(int=chance.getrandbits(128))),
    (models.BooleanField, lambda chance, field: chance.random() < 0.5),
    (models.DecimalField, exact),
    (models.FloatField, lambda chance, field: chance.choice([0.1, -0.0, 1e-300, 1e308, chance.random()])),
    (models.DurationField, lambda chance, field: datetime.timedelta(microseconds=chance.randint(-(10**14), 10**14))),
    (models.DateTimeField, moment),
    (models.DateField, lambda chance, field: moment(chance, field).date()),
    (models.TimeField, lambda chance, field: moment(chance, field).time()),
    (models.JSONField, lambda chance, field: {"é": [chance.randint(0, 9), None, {"x": chance.random()}]}),
    (models.BinaryField, lambda chance, field: chance.randbytes(chance.randint(0, 40))),
    (models.GenericIPAddressField, lambda chance, field: chance.choice(["192.0.2.1", "2001:db8::1"])),
    (models.URLField, lambda chance, field: f"https://example.org/{chance.randint(0, 999)}"),
    (models.EmailField, lambda chance, field: f"a{chance.randint(0, 999)}@example.org"),
    (models.SlugField, lambda chance, field: f"slug-{chance.getrandbits(40)}"[: field.max_length]),
    (models.IntegerField, whole),
    (models.CharField, text),
    (models.TextField, text),
    (models.FileField, lambda chance, field: f"files/{chance.randint(0, 999)}.txt"),
)


class NoValueError(Exception):
    """A field that this cannot fill: its row is not made."""


def value(chance: random.Random, field: Field) -> Any:
    if field.null and chance.random() < 0.3:
        return None
    if field.remote_field:
        assert isinstance(field, models.ForeignKey)
        keys = list(models.QuerySet(field.remote_field.model).values_list(field.target_field.attname, flat=True)[:50])
        if keys:
            return chance.choice(keys)
        if field.null:
            return None
        raise NoValueError(field)
    if field.choices:
        flat = [key for key, label in field.flatchoices]
        if flat:
            return chance.choice(flat)
    for kind, make in VALUES:
        if isinstance(field, kind):
            return make(chance, field)
    if field.has_default():
        return field.get_default()
    raise NoValueError(field)


def fill(model: type[models.Model], chance: random.Random) -> int:
    """Make rows of a model; return how many there are."""
    for _ in range(ROWS):
        try:
            # Its constructor may want more than this knows.
            row = models.Model.__new__(model)
            row._state = ModelState()
            row.__dict__.update((field.attname, None) for field in model._meta.concrete_fields)
            for field in model._meta.concrete_fields:
                if not (field.primary_key and isinstance(field, models.AutoField)) and not generated(field):
                    # Not by setattr: an image would be opened for its width.
                    row.__dict__[field.attname] = value(chance, field)
            with transaction.atomic():
                insert(row)
        except (NoValueError, DatabaseError, ValidationError, FieldError, ValueError, TypeError, OverflowError):
            continue
    return models.QuerySet(model).count()


def insert(row: models.Model) -> None:
    """One row into the model's own table, past its managers and signals."""
    automatic = models.AutoField
    wanted = [
        field
        for field in row._meta.local_concrete_fields
        if not generated(field) and not (isinstance(field, automatic) and row.__dict__[field.attname] is None)
    ]
    # Private, and unknown to django-stubs.
    rows: Any = models.QuerySet(type(row))
    rows._insert([row], fields=wanted, using="default", raw=True)


def generated(field: Field) -> bool:
    return bool(getattr(field, "generated", False))


def main() -> None:
    django.setup()
    chance = random.Random(int(sys.argv[1]))  # noqa: S311 - invented data
    there = set(connection.introspection.table_names())
    found = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.db_table in there and not model._meta.proxy and model._meta.label not in NOT_FILLED
    ]
    counts = {}
    with transaction.atomic():
        for _ in range(3):  # again: what others refer to may only be there now
            for model in found:
                counts[model._meta.label] = fill(model, chance)
    print(f"{sum(counts.values())} rows in {sum(map(bool, counts.values()))} of {len(counts)} models")


if __name__ == "__main__":
    main()
