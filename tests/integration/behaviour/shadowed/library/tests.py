"""Call each of the queries, on a database with a few rows of one table alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.test import TestCase

from .models import Work
from .queries import FEATURES


class QueriesTest(TestCase):
    """One test for each query."""

    @classmethod
    def setUpTestData(cls) -> None:
        Work.objects.bulk_create(Work(title="of the tests", pages=5) for _ in range(30))


def _test(feature: Callable[[], Any]) -> Callable[[QueriesTest], None]:
    return lambda self: feature() and None


for _name, _feature in FEATURES.items():
    setattr(QueriesTest, f"test_{_name}", _test(_feature))
