# ruff: noqa: DJ008 - nobody reads these by name
"""A table and its many-to-many table that PostgreSQL calls alike: Django counts characters, PostgreSQL bytes."""

from django.db import models

from tests.projects.cut.models import Plain


class Broad(models.Model):
    many = models.ManyToManyField(Plain)

    class Meta:
        db_table = "à" * 40
