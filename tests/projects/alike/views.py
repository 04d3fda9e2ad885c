# mypy: disable-error-code="attr-defined"
"""Ask in ways that are equal on both databases."""

from django.db import connection, transaction
from django.db.models import Sum

from tests.projects.alike.models import Book


def books(word: str) -> object:
    """Search without case."""
    return Book.objects.filter(title__icontains=word)[:10]


def pages() -> object:
    """Let the ORM add."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM alike_book WHERE pages > %s", [3])
        return cursor.fetchone(), Book.objects.aggregate(n=Sum("pages")), Book.objects.select_for_update().count()


def numbers() -> object:
    """Ask for rows with numbers that PostgreSQL writes without their exponent."""
    found = Book.objects.filter(title__icontains="b").count(), Book.objects.filter(pages__gt=0).exists()
    return found, list(Book.objects.order_by("title")), Book.objects.filter(pages__gt=0)[:2].count()
