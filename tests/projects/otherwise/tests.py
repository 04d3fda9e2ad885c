# ruff: noqa: PT009 - what is read here is never executed
# mypy: disable-error-code="attr-defined"
"""Tests that nobody runs."""

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
