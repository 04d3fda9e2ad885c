"""One table; STRAY chooses what the second migration does that it should not."""

from django.db import models


class Thing(models.Model):
    name = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name
