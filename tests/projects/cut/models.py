# ruff: noqa: DJ008 - nobody reads these by name
"""Names that Django cuts once or twice on PostgreSQL, that PostgreSQL cuts itself, and that need their quotes."""

from django.db import models
from django.db.models import CASCADE

from tests.projects.cut.names import EXACT, LIVE, OVER, WIDE


class Plain(models.Model):
    v = models.IntegerField()


class RequestAttachment(models.Model):
    """The name of its many-to-many table is cut once."""

    documents_that_were_once_related_to_the_case_of_the_request = models.ManyToManyField(Plain)


class AModelWhoseOwnTableHasANameThatPostgresqlCannotTakeAsItIsAll(models.Model):
    """The name of its many-to-many table is cut twice."""

    many = models.ManyToManyField(Plain)


class Odd(models.Model):
    plains = models.ManyToManyField(Plain)

    class Meta:
        db_table = '"odd""name"'


class OddChild(models.Model):
    odd = models.ForeignKey(Odd, CASCADE)

    class Meta:
        db_table = "Mixed.Case"


class Special(Odd):
    """Multi-table inheritance from a quoted table."""


class Exact(models.Model):
    class Meta:
        db_table = EXACT


class Over(models.Model):
    exact = models.ForeignKey(Exact, CASCADE, db_column="k" * 70)
    value = models.IntegerField(db_column="v" * 63)

    class Meta:
        db_table = OVER


class Live(models.Model):
    value = models.CharField(max_length=10)

    class Meta:
        db_table = LIVE


class Wide(models.Model):
    v = models.IntegerField()

    class Meta:
        db_table = WIDE


class Placed(models.Model):
    pk = models.CompositePrimaryKey("shelf", "place")
    shelf = models.IntegerField()
    place = models.IntegerField()
    plain = models.ForeignKey(Plain, CASCADE)
