"""Hours that a database computes, and those of each component of a course."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import DecimalField, ExpressionWrapper, F

if TYPE_CHECKING:
    _DecimalField = DecimalField[Decimal, Decimal]
else:
    _DecimalField = DecimalField  # generic in the stubs alone


class HoursField(_DecimalField):
    """Hours that a database computed: SQLite computes with floating-point numbers, and returns 202.740000000000."""

    def __init__(self) -> None:
        super().__init__(max_digits=12, decimal_places=2)

    def from_db_value(self, value: Decimal | None, expression: Any, connection: Any) -> Decimal | None:
        """Return the hours with two decimals."""
        return None if value is None else value.quantize(Decimal("0.01"))


def to_give(component: str, prefix: str = "") -> Any:
    """Return ``hours_to_give`` of a course of a year for a query. ``prefix`` is the way to that course."""
    end = component.lower()
    return ExpressionWrapper(F(f"{prefix}hours_{end}") * F(f"{prefix}groups_{end}"), output_field=HoursField())
