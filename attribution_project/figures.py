"""Write hours and counts as people read them: 1 234,50 in French and 1,234.50 in English.

Pages, letters and messages do. Fields, files and the API have figures without anything between the thousands, because a
program or a form reads them again.
"""

from decimal import Decimal
from functools import lru_cache

from django import template
from django.utils.formats import number_format
from django.utils.translation import get_language

register = template.Library()


def hours_text(hours: Decimal) -> str:
    """Return hours as a sentence has them: 20, or 20,25 in French."""
    return _hours_text(hours, get_language())


@lru_cache(maxsize=4096)
def _hours_text(hours: Decimal, _language: str | None) -> str:
    """Format the same hours once: the pages and letters of a department show hundreds of few values."""
    exact = hours.quantize(Decimal(1)) if hours == int(hours) else hours.quantize(Decimal("0.01"))
    return number_format(exact, force_grouping=True)


def count_text(count: int) -> str:
    """Return a count as a sentence has it: 5 000 in French."""
    return number_format(count, force_grouping=True)


register.filter("hours", hours_text)
register.filter("count", count_text)
