"""Filters for shares. A page shows hundreds of them: a filter costs less than an included template."""

from django import template

from ..share_marks import marks, period

register = template.Library()
register.filter(marks)
register.filter(period)
