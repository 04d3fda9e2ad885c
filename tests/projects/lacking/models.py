"""One model, with what LACKING asks for."""

from django.db import models

from tests.projects.lacking import fields


class Customer(models.Model):
    name = fields.field()

    class Meta:
        indexes = [*fields.indexes()]

    def __str__(self) -> str:
        return self.name
