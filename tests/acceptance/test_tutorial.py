"""The tutorial, with this checkout in the wheel's place; ``make test-wheel`` does the same with the wheel."""

import pytest

from tests.wheel.test_tutorial import test_the_tutorial_is_what_happens

__all__ = ["test_the_tutorial_is_what_happens"]

pytestmark = pytest.mark.full
