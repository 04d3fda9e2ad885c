# ruff: noqa: DJ008 - nobody reads these by name
"""Books in an order that both databases agree on."""

from django.db import models


class Book(models.Model):
    """NULLs have their place, and the key decides between equal values."""

    title = models.CharField(max_length=40)
    pages = models.IntegerField(null=True)
    data = models.JSONField(default=list)

    class Meta:
        ordering = [models.F("pages").asc(nulls_first=True), "pk"]
