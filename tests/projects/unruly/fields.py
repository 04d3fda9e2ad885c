"""A field of the project's own: what is stored is not what is read."""

from typing import TYPE_CHECKING, Any, NoReturn

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

if TYPE_CHECKING:
    CharField = models.CharField[str, str]
else:
    CharField = models.CharField


class ReversedField(CharField):
    """Text that is stored from its end to its beginning."""

    def from_db_value(self, value: str | None, expression: object, connection: BaseDatabaseWrapper) -> str | None:
        return value if value is None else value[::-1]

    def get_prep_value(self, value: Any) -> str | None:
        value = super().get_prep_value(value)
        return value if value is None else value[::-1]

    def pre_save(self, instance: Model, add: bool) -> NoReturn:
        raise RuntimeError("pre_save was called")
