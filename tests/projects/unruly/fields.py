"""A field of the project's own: what is stored is not what is read."""

from django.db import models


class ReversedField(models.CharField):
    """Text that is stored from its end to its beginning."""

    def from_db_value(self, value, expression, connection):
        return value if value is None else value[::-1]

    def get_prep_value(self, value):
        value = super().get_prep_value(value)
        return value if value is None else value[::-1]

    def pre_save(self, instance, add):
        raise RuntimeError("pre_save was called")
