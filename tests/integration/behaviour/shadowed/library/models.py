"""Writers, their works, and labels on anything."""

from typing import Any, ClassVar

from django.db import models


class Numbered(models.Model):
    objects: ClassVar[Any] = models.Manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.pk)


class Writer(Numbered):
    name = models.CharField(max_length=20)
    born = models.IntegerField(null=True)
    code = models.CharField(max_length=10, default="")
    note = models.TextField(default="")
    alive = models.BooleanField(default=True)
    seen = models.DateTimeField()
    data = models.JSONField(default=dict)
    fee = models.DecimalField(max_digits=6, decimal_places=2, default=0)
    rank = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["born"]


class Work(Numbered):
    writer = models.ForeignKey(Writer, null=True, on_delete=models.CASCADE)
    title = models.CharField(max_length=40)
    pages = models.IntegerField(default=1)


class Member(Numbered):
    name = models.CharField(max_length=20)
    api_token = models.CharField(max_length=40)
    rank = models.IntegerField(null=True)


class Label(Numbered):
    object_id = models.CharField(max_length=20)
    text = models.CharField(max_length=20)
    onShelf = models.IntegerField(default=0)  # noqa: N815 - its capital is what is tested
