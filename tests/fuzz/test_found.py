"""What rounds have found, each in its smallest form, and how it must end now."""

from __future__ import annotations

import pytest

from tests.fuzz.rounds import PLAIN, Fuzzer
from tests.tiers import these_in_ci

#: name -> (script, stage in which the run ends; "" where it publishes, words of what it says).
FOUND: dict[str, tuple[list[str], str, str]] = {
    # A REAL was taken for no number at all, so that ids were given again.
    "a real in sqlite_sequence": (["UPDATE sqlite_sequence SET seq = 1e12 WHERE name = 'courses_course'"], "", ""),
    # max() prefers texts to integers, and then nothing was left of the highest id.
    "a text beside the number": (
        [
            "UPDATE sqlite_sequence SET seq = 1000 WHERE name = 'courses_course'",
            "INSERT INTO sqlite_sequence VALUES ('courses_course', 'x')",
        ],
        "", "",
    ),
    # Were called a damaged schema of a file that was no longer there.
    "bytes in sqlite_sequence": (["UPDATE sqlite_sequence SET seq = CAST(x'ff' AS TEXT)"], "", ""),
    "bytes in django_migrations": (
        ["UPDATE django_migrations SET name = CAST(x'ff' AS TEXT) WHERE name = '0008_alter_user_username_max_length'"],
        "stage", "but not auth.0008_alter_user_username_max_length",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", these_in_ci(FOUND, "a text beside the number", "bytes in django_migrations"))
def test_what_was_found_ends_as_it_must(fuzzer: Fuzzer, name: str) -> None:
    script, stage, words = FOUND[name]
    ran = fuzzer.run(fuzzer.damaged([script]), PLAIN)
    assert not ran.lies
    assert ran.published == (not stage)
    assert ran.published or ran.stage == stage
    assert words in str(ran.report["failure"])
