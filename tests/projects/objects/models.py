"""Constraints and indexes of every kind; PostgreSQL's own objects are made by the migrations."""

from django.db import models
from django.db.models.functions import Lower, Now, Upper


class Category(models.Model):
    name = models.CharField(max_length=50, unique=True)
    later = models.IntegerField(default=7)

    def __str__(self) -> str:
        return self.name


class Item(models.Model):
    category = models.ForeignKey(Category, models.CASCADE)
    title = models.CharField(max_length=50, db_comment="what it's called")
    mood = models.CharField(max_length=10, default="calm")
    position = models.IntegerField()
    price = models.DecimalField(max_digits=8, decimal_places=2, default=1, db_default=1)
    stock = models.PositiveSmallIntegerField(null=True)
    data = models.JSONField(default=dict)
    made = models.DateTimeField(db_default=Now())
    double = models.GeneratedField(
        expression=models.F("position") * 2, output_field=models.IntegerField(), db_persist=True
    )
    shouted = models.GeneratedField(
        expression=Upper("title"), output_field=models.CharField(max_length=50), db_persist=True
    )

    class Meta:
        db_table_comment = "the items"
        indexes = [
            models.Index(fields=["title"], condition=models.Q(position__gt=3), name="item_partial"),
            models.Index(Lower("title").desc(), "position", name="item_expression"),
            models.Index(fields=["position"], include=["price"], name="item_covering"),
            models.Index(fields=["mood"], name="item_opclass", opclasses=["varchar_pattern_ops"]),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(price__gte=0), name="item_price"),
            models.UniqueConstraint(
                fields=["category", "position"], name="item_position", deferrable=models.Deferrable.DEFERRED
            ),
            models.UniqueConstraint(fields=["title"], condition=models.Q(position=1), name="item_first"),
            models.UniqueConstraint(
                fields=["position", "price"], condition=models.Q(mood__in=["wild", "calm"]), name="item_moods"
            ),
            models.UniqueConstraint(Lower("title"), "category", name="item_lower"),
            models.UniqueConstraint(fields=["category", "stock"], name="item_stock", nulls_distinct=False),
        ]

    def __str__(self) -> str:
        return self.title


class Audit(models.Model):
    """Filled by a trigger, on PostgreSQL alone; no migration writes to it."""

    text = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.text
