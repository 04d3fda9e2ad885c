"""Filters for shares. A page shows hundreds of them: a filter costs less than an included template."""

from django import template

from ..part_hours import hours_text
from ..share_marks import marks, period

register = template.Library()
register.filter("hours", hours_text)
register.filter(marks)
register.filter(period)
