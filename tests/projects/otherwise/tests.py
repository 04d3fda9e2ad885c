# ruff: noqa: PT009 - what is read here is never executed
# mypy: disable-error-code="attr-defined"
"""Tests that nobody runs."""

from unittest import skipIf, skipUnless

from django.conf import settings
from django.db import connection
from django.test import TestCase

from tests.projects.otherwise.models import Book


class BookTests(TestCase):
    """Expects a key."""

    def test_key(self) -> None:
        book = Book.objects.create(title="a")
        self.assertEqual(book.pk, 1)  # -> expected-key
        assert Book.objects.get(pk=1) == book


class FixtureTests(TestCase):
    """Has keys of a fixture."""

    fixtures = ["books.json"]

    def test_key(self) -> None:
        self.assertEqual(Book.objects.get(pk=1).title, "a")


class SqliteTests(TestCase):
    """Is skipped on PostgreSQL. Nothing may be said of it."""

    @skipUnless("sqlite" in settings.DATABASES["default"]["ENGINE"].lower(), "for SQLite")
    def test_sequence(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE sqlite_sequence SET seq = 1001")

    @skipIf(connection.vendor == "postgresql", "for SQLite")
    def test_pragma(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA optimize")

    @skipUnless(connection.vendor == "postgresql", "for PostgreSQL")
    def test_catalogue(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA optimize")  # -> sqlite-catalogue
