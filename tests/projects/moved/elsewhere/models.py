# ruff: noqa: DJ008 - nobody reads these by name
"""Models that were once another application's."""

from django.db import models


class Kept(models.Model):
    """Its table is called as it was."""

    value = models.IntegerField()

    class Meta:
        db_table = "moved_kept"


class Taken(models.Model):
    """Its table got a name of this application's."""

    value = models.IntegerField(unique=True)
