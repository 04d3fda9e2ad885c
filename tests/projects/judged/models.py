"""Constraints of every kind of expression; those of PostgreSQL alone are made by the second migration."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Length, Lower

from tests.projects.judged.constraints import CHECKS


class Thing(models.Model):
    kind = models.CharField(max_length=20, default="kind")
    code = models.CharField(max_length=20, default="AB12")
    slug = models.CharField(max_length=20, default="a-b")
    title = models.CharField(max_length=20, default="title")
    email = models.CharField(max_length=20)
    n = models.IntegerField(default=50)
    low = models.IntegerField(null=True)
    shift = models.IntegerField(default=0)
    even = models.IntegerField(default=2)
    at = models.DateTimeField()
    data = models.JSONField(default=dict)
    stock = models.PositiveIntegerField(default=0)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            *(models.CheckConstraint(condition=condition, name=name) for name, condition in CHECKS.items()),
            models.UniqueConstraint(Lower("email"), condition=Q(active=True), name="one_active"),
            models.UniqueConstraint(Length("email"), condition=Q(kind__startswith="long"), name="one_length"),
        ]

    def __str__(self) -> str:
        return self.title
