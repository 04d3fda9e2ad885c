"""A table of 1,000 columns, and one with a column of large values."""

from __future__ import annotations

from django.db import models

from benchmarks.odd_shapes import COLUMNS


class Large(models.Model):
    """A text of any length."""

    text = models.TextField()

    def __str__(self) -> str:
        return self.text[:20]


#: Integers, texts and decimals in turn, beside the id.
KINDS = (
    models.IntegerField,
    lambda: models.CharField(max_length=20),
    lambda: models.DecimalField(max_digits=8, decimal_places=2),
)
Wide = type(
    "Wide",
    (models.Model,),
    {"__module__": __name__, **{f"column_{number}": KINDS[number % 3]() for number in range(COLUMNS - 1)}},
)
