"""The walks through the application, with each of their queries asked of a copy on PostgreSQL."""

import json
from pathlib import Path

import pytest

from tests.browser import test_application
from tests.conftest import Run


@pytest.mark.full
def test_no_query_of_a_walk_answers_otherwise_on_postgresql(
    university: Path, postgres_url: str, tmp_path: Path, manage: Run
) -> None:
    walks = f"pytest -q -n 2 -p no:cacheprovider {test_application.__file__} -k sqlite-desktop"
    where = ("--source", university, "--target", postgres_url, "--report", tmp_path)
    result = manage("pg_behaviour", *where, "--queries", walks, "--fail-on", "different", "--json")
    document = json.loads(result.stdout)
    assert document["findings"] == []
    assert document["complete"]
    # The pages make some hundred statements; where none is seen, the hook was not in the server's processes.
    (compared,) = [note for note in document["notes"] if note.startswith("Statements compared")]
    assert int(compared.rstrip(".").rsplit(" ", 1)[1]) > 100
