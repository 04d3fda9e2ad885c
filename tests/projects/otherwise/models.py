# ruff: noqa: DJ008 - nobody reads these by name
"""Authors, their books, and labels that refer to either by a key that is text."""

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models.functions import Cast


class Label(models.Model):
    """A generic key of text."""

    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.CharField(max_length=20)
    what = GenericForeignKey()


class Author(models.Model):  # -> order-nulls, order-ties, json-key-order, integer-range
    """Ordered by a column with NULLs and equal values."""

    name = models.CharField(max_length=20)
    rank = models.IntegerField(null=True)
    sold = models.IntegerField(default=0)
    data = models.JSONField(default=dict)
    price = models.DecimalField(max_digits=6, decimal_places=2, default=0)
    active = models.BooleanField(default=True)
    api_token = models.JSONField(default=dict)
    labels = GenericRelation(Label)

    class Meta:
        ordering = ["rank"]
        get_latest_by = "rank"


class BySecret(Author):  # -> order-text
    """Ordered by what is made of a secret column."""

    class Meta:
        proxy = True
        ordering = [Cast("api_token", models.TextField())]


class Book(models.Model):
    """In no order."""

    author = models.ForeignKey(Author, models.CASCADE, null=True)
    title = models.CharField(max_length=40)
    pages = models.IntegerField(default=1)
