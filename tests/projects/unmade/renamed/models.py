# ruff: noqa: DJ008 - nobody reads these by name
"""Tables that go by the old label."""

from django.db import models


class Item(models.Model):
    name = models.CharField(max_length=30)
    also = models.ManyToManyField("self", db_table="shop_item_also")

    class Meta:
        db_table = "shop_item"
