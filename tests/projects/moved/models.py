# ruff: noqa: DJ008 - nobody reads these by name
"""What is left after the migrations."""

from django.db import models


class Author(models.Model):
    """Its column was renamed by SQL."""

    pen_name = models.CharField(max_length=9)


class Book(models.Model):
    """Its relation got a model of its own."""

    title = models.CharField(max_length=9)
    authors = models.ManyToManyField(Author, through="AuthorBook")


class AuthorBook(models.Model):
    """Once a many-to-many table that Django made."""

    author = models.ForeignKey(Author, models.DO_NOTHING)
    book = models.ForeignKey(Book, models.DO_NOTHING)
    role = models.CharField(max_length=9, default="author")


class Score(models.Model):
    """Other types on PostgreSQL, by SQL that it alone understands."""

    points = models.IntegerField()
    word = models.CharField(max_length=3)
    note = models.CharField(max_length=9, null=True)  # noqa: DJ001 - a default of PostgreSQL's alone


class Renamed(models.Model):
    """Its table was renamed where its name was found."""

    value = models.IntegerField()

    class Meta:
        db_table = "moved_by_introspection"
