"""Hundreds of models, each with indexes, a key to itself and a many-to-many table."""

from django.db import models

HOW_MANY = 320


def model(number: int) -> type[models.Model]:
    fields = {
        "name": models.CharField(max_length=20, unique=True),
        "text": models.TextField(db_index=True),
        "parent": models.ForeignKey("self", models.CASCADE, null=True, related_name="+"),
        "others": models.ManyToManyField("self"),
    }
    return type(f"Model{number}", (models.Model,), {"__module__": __name__, **fields})


for number in range(HOW_MANY):
    model(number)
