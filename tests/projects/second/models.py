"""An app without migrations: ``migrate --run-syncdb`` makes its tables."""

from django.db import models


class Loose(models.Model):
    parent = models.ForeignKey("self", models.CASCADE, null=True)
    friends = models.ManyToManyField("self")
    name = models.CharField(max_length=20, unique=True)

    def __str__(self) -> str:
        return self.name
