"""Vectors kept as text on both databases, indexed as vectors on PostgreSQL."""

from django.db import models


class Document(models.Model):
    embedding = models.TextField()

    def __str__(self) -> str:
        return self.embedding
