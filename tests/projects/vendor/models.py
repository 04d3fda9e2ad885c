# ruff: noqa: DJ008 - nobody reads these by name
"""What the models say, and the databases do not."""

from django.db import connection, models


class Content(models.Model):
    """Its unique key was dropped in the database, on purpose; its other one is PostgreSQL's alone."""

    language = models.CharField(max_length=5)
    page = models.IntegerField()
    slug = models.CharField(max_length=20)
    note = models.CharField(max_length=20, null=True)  # noqa: DJ001 - NOT NULL on PostgreSQL alone

    class Meta:
        unique_together = [("language", "page")]
        constraints = [models.UniqueConstraint(fields=["slug"], name="vendor_slug")]


class Label(models.Model):
    """Made wider in the database."""

    code = models.CharField(max_length=3)


class Entry(models.Model):
    """Searched by FTS5 on SQLite, by a column of its own on PostgreSQL."""

    body = models.TextField()
    if connection.vendor == "postgresql":
        words = models.TextField()


if connection.vendor == "sqlite":

    class Search(models.Model):
        """A virtual table seen through a model."""

        entry = models.OneToOneField(Entry, models.CASCADE, primary_key=True, db_column="rowid")
        body = models.TextField()

        class Meta:
            db_table = "vendor_search"
