"""Things that refer to each other."""

from __future__ import annotations

from django.db import models


class Part(models.Model):
    """A part of a thing, or of another part."""

    name = models.CharField(max_length=20, unique=True)
    whole = models.ForeignKey("self", on_delete=models.CASCADE, null=True)
    twin = models.OneToOneField("self", on_delete=models.CASCADE, null=True, related_name="other")

    def __str__(self) -> str:
        return self.name
