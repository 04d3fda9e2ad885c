# ruff: noqa: DJ008 - nobody reads these by name
"""Relations of every kind between models that no migration state has; ``migrate --run-syncdb`` makes their tables."""

from django.db import models
from django.db.models import CASCADE


class Person(models.Model):
    plain = models.ForeignKey("cut.Plain", CASCADE, null=True)


class Fan(models.Model):
    person = models.OneToOneField(Person, CASCADE, primary_key=True)
    since = models.DateField()


class Pin(models.Model):
    fan = models.ForeignKey(Fan, CASCADE)


class AModelWithoutMigrationsWhoseTableHasANameOfMoreThan63Bytes(models.Model):
    many = models.ManyToManyField(Person)


class Seat(models.Model):
    pk = models.CompositePrimaryKey("person", "number")
    person = models.ForeignKey(Person, CASCADE)
    number = models.IntegerField()
