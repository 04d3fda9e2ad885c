"""Two fields, made by two migrations that were squashed into one; a third follows."""

from django.db import models


class Thing(models.Model):
    name = models.CharField(max_length=20)
    size = models.IntegerField(default=1)
    colour = models.CharField(max_length=20, default="red")

    def __str__(self) -> str:
        return self.name
