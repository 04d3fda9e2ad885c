"""A place on the map."""

from django.contrib.gis.db import models


class Place(models.Model):
    name = models.CharField(max_length=10)
    point = models.PointField()
