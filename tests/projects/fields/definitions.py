"""name -> how the field of that model is made; the models and the migration are both made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db import models
from django.db.models.functions import Concat

from tests.projects.fields import own

FIELDS: Mapping[str, Callable[[], models.Field[Any, Any]]] = {
    "BigInteger": lambda: models.BigIntegerField(null=True),
    "Binary": lambda: models.BinaryField(null=True),
    "Boolean": lambda: models.BooleanField(null=True),
    "Char": lambda: models.CharField(max_length=40, null=True),
    "Date": lambda: models.DateField(null=True),
    "DateTime": lambda: models.DateTimeField(null=True),
    "Decimal2": lambda: models.DecimalField(max_digits=5, decimal_places=2, null=True),
    "Decimal4": lambda: models.DecimalField(max_digits=15, decimal_places=4, null=True),
    "Decimal10": lambda: models.DecimalField(max_digits=20, decimal_places=10, null=True),
    "DecimalWhole": lambda: models.DecimalField(max_digits=25, decimal_places=0, null=True),
    "DecimalLong": lambda: models.DecimalField(max_digits=90, decimal_places=3, null=True),
    "Duration": lambda: models.DurationField(null=True),
    "Email": lambda: models.EmailField(null=True),
    "File": lambda: models.FileField(null=True),
    "FilePath": lambda: models.FilePathField(path="/", null=True),
    "Float": lambda: models.FloatField(null=True),
    "IPAddress": lambda: models.GenericIPAddressField(null=True),
    "Integer": lambda: models.IntegerField(null=True),
    "JSON": lambda: models.JSONField(null=True),
    "PositiveBigInteger": lambda: models.PositiveBigIntegerField(null=True),
    "PositiveInteger": lambda: models.PositiveIntegerField(null=True),
    "PositiveSmallInteger": lambda: models.PositiveSmallIntegerField(null=True),
    "Slug": lambda: models.SlugField(null=True),
    "SmallInteger": lambda: models.SmallIntegerField(null=True),
    "Text": lambda: models.TextField(null=True),
    "Time": lambda: models.TimeField(null=True),
    "URL": lambda: models.URLField(null=True),
    "UUID": lambda: models.UUIDField(null=True),
    "ToText": lambda: models.ForeignKey("fields.TextKey", models.CASCADE, null=True),
    "ToDate": lambda: models.ForeignKey("fields.DateKey", models.CASCADE, null=True),
    "ToDecimal": lambda: models.ForeignKey("fields.DecimalKey", models.CASCADE, null=True),
    "IntegerArray": lambda: own.IntegerArray(null=True),
    "TextArray": lambda: own.TextArray(null=True),
    "IntegerRange": lambda: own.IntegerRange(null=True),
    "Mood": lambda: own.Mood(null=True),
    "Network": lambda: own.Network(null=True),
    "Free": lambda: own.Free(null=True),
    "ToUUID": lambda: models.OneToOneField("fields.UUIDKey", models.CASCADE, null=True),
}
#: Fields that are keys themselves.
KEYS: Mapping[str, Callable[[], models.Field[Any, Any]]] = {
    "AutoKey": lambda: models.AutoField(primary_key=True),
    "BigAutoKey": lambda: models.BigAutoField(primary_key=True),
    "SmallAutoKey": lambda: models.SmallAutoField(primary_key=True),
    "TextKey": lambda: models.CharField(max_length=40, primary_key=True),
    "UUIDKey": lambda: models.UUIDField(primary_key=True),
    "DateKey": lambda: models.DateField(primary_key=True),
    "DecimalKey": lambda: models.DecimalField(max_digits=9, decimal_places=3, primary_key=True),
    "MoodKey": lambda: own.Mood(primary_key=True),
    "NetworkKey": lambda: own.Network(primary_key=True),
}


def doubled() -> models.Field[Any, Any]:
    """What both databases compute."""
    return models.GeneratedField(
        expression=models.F("value") * 2, output_field=models.BigIntegerField(), db_persist=True, null=True
    )


def marked() -> models.Field[Any, Any]:
    """The same of text."""
    return models.GeneratedField(
        expression=Concat("value", models.Value("é!")), output_field=models.TextField(), db_persist=True, null=True
    )


def both() -> Mapping[str, models.Field[Any, Any]]:
    """A key of two columns, which Django has since 5.2; a number before."""
    composite = getattr(models, "CompositePrimaryKey", None)
    return {
        **({"pk": composite("code", "day")} if composite else {"id": models.BigAutoField(primary_key=True)}),
        "code": models.CharField(max_length=40),
        "day": models.DateField(),
        "value": models.IntegerField(null=True),
    }


def members() -> models.ManyToManyField[Any, Any]:
    """Through a table that Django makes."""
    return models.ManyToManyField("fields.UUIDKey", related_name="+")
