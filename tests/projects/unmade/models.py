# ruff: noqa: DJ008 - nobody reads these by name
"""An unmanaged model with a key to it, one over a view, and one that no migration was written for."""

from django.db import models
from django.db.models import CASCADE


class Customer(models.Model):
    """Its table was made by hand."""

    name = models.CharField(max_length=30)
    is_active = models.BooleanField(default=True)
    up = models.ForeignKey("self", CASCADE, null=True)

    class Meta:
        managed = False
        db_table = "legacy_customer"


class Call(models.Model):
    customer = models.ForeignKey(Customer, CASCADE)
    note = models.CharField(max_length=30)


class Named(models.Model):
    """Its view was made by hand."""

    name = models.CharField(max_length=30)

    class Meta:
        managed = False
        db_table = "named_customers"


class Absent(models.Model):
    """It has permissions, and no table anywhere."""

    class Meta:
        managed = False
