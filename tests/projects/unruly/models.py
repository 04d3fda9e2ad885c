"""Multi-table inheritance, a relation through a model, a generic key, a history table; all guarded against use."""

from typing import Any, NoReturn

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models

from tests.projects.unruly.fields import ReversedField


class RefusingManager(models.Manager["Guarded"]):
    """As one that asks a thread-local for the present tenant."""

    def get_queryset(self) -> NoReturn:
        raise RuntimeError("a manager was asked outside of a request")


class Guarded(models.Model):
    objects = RefusingManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def __init__(self, request: object, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    def save(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError("save() was called")


class Document(Guarded):
    title = ReversedField(max_length=50)

    def __str__(self) -> str:
        return self.title


class Letter(Document):
    """Multi-table inheritance."""

    sent = models.DateField(null=True)
    readers = models.ManyToManyField("auth.User", through="Reading")


class Draft(Document):
    class Meta:
        proxy = True


class Reading(Guarded):
    letter = models.ForeignKey(Letter, models.CASCADE)
    reader = models.ForeignKey("auth.User", models.CASCADE)
    seconds = models.FloatField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["letter", "reader"], name="one_reading")]

    def __str__(self) -> str:
        return str(self.seconds)


class Tag(models.Model):
    name = models.CharField(max_length=20)
    content_type = models.ForeignKey(ContentType, models.CASCADE, null=True)
    object_id = models.BigIntegerField()
    of = GenericForeignKey()

    def __str__(self) -> str:
        return self.name


class HistoricalDocument(models.Model):
    """As applications of history make it: keys without constraints, rows of objects that are gone."""

    id = models.BigIntegerField(db_index=True)
    title = ReversedField(max_length=50)
    history_id = models.AutoField(primary_key=True)
    history_date = models.DateTimeField(db_index=True)
    history_type = models.CharField(max_length=1)
    history_user = models.ForeignKey("auth.User", models.DO_NOTHING, null=True, db_constraint=False, related_name="+")

    class Meta:
        ordering = ("-history_date", "-history_id")

    def __str__(self) -> str:
        return self.title


class OnlyThere(models.Model):
    """A table that somebody made on PostgreSQL alone."""

    class Meta:
        managed = False
        db_table = "only_there"

    def __str__(self) -> str:
        return str(self.pk)


class OnlyHere(models.Model):
    """A table that somebody made on SQLite alone."""

    class Meta:
        managed = False
        db_table = "only_here"

    def __str__(self) -> str:
        return str(self.pk)
