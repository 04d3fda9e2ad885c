"""The walks through the application, with each of their queries asked of a copy on PostgreSQL."""

import json
import shlex
from pathlib import Path

import pytest

from tests.browser import test_application
from tests.conftest import Run
from tests.tiers import first_in_ci

#: Every page is among them, and an attribution, its changes, an import and a year that is carried over.
MOST = "sqlite-desktop and (fits or attributes or edited or imported or carried or print)"


@pytest.mark.parametrize("which", first_in_ci(MOST, "sqlite-desktop"), ids=["most", "all"])
def test_no_query_of_a_walk_answers_otherwise_on_postgresql(
    university: Path, postgres_url: str, tmp_path: Path, manage: Run, which: str
) -> None:
    walks = f"pytest -q -n 2 -p no:cacheprovider {test_application.__file__} -k {shlex.quote(which)}"
    where = ("--source", university, "--target", postgres_url, "--report", tmp_path)
    result = manage("pg_behaviour", *where, "--queries", walks, "--fail-on", "different", "--json")
    document = json.loads(result.stdout)
    assert document["findings"] == []
    assert document["complete"]
    # The pages make some hundred statements; where none is seen, the hook was not in the server's processes.
    (compared,) = [note for note in document["notes"] if note.startswith("Statements compared")]
    assert int(compared.rstrip(".").rsplit(" ", 1)[1]) > 100
