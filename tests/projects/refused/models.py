# ruff: noqa: DJ008 - nobody reads these by name
"""A column that is computed when it is read, and names of more than 63 bytes."""

from django.db import models


class Tag(models.Model):
    name = models.CharField(max_length=10)


class Item(models.Model):
    quantity = models.IntegerField()
    # PostgreSQL has such columns since 18, Django knows it since 6.1.
    twice = models.GeneratedField(
        expression=models.F("quantity") * 2, output_field=models.IntegerField(), db_persist=False
    )
    a_number_whose_name_is_longer_than_the_names_that_postgresql_has_room_for = models.IntegerField(default=0)
