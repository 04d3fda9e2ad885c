"""What the models are now; how they became so is another matter."""

from django.db import models


class Shop(models.Model):
    name = models.CharField(max_length=40, unique=True)

    def __str__(self) -> str:
        return self.name


class Order(models.Model):
    shop = models.ForeignKey(Shop, models.CASCADE)
    placed = models.DateTimeField()
    year = models.IntegerField(null=True)
    note = models.TextField(default="")

    class Meta:
        indexes = [models.Index(fields=["year"], name="order_year")]

    def __str__(self) -> str:
        return self.note
