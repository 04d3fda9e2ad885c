"""The same claims on PostgreSQL."""

import pytest

from tests.conftest import Run

#: What the database itself decides most.
WRITES = ("attribute", "constraints", "import_changes", "shares", "years")
#: Two more runs, so that neither takes more than a process may.
PAGES = (
    "service_hours",
    "office",
    "share_imports",
    "page",
    "lists",
    "exports",
    "changes",
    "access",
    "accounts",
    "kept_form",
    "body",
    "client_address",
    "codes",
    "teachers",
)
DATA = ("imports", "health", "scale", "openapi", "demo_data")
RUNS = {"writes": WRITES, "pages": PAGES, "data": DATA}


@pytest.mark.full
@pytest.mark.parametrize("names", RUNS.values(), ids=RUNS)
def test_the_claims_about_pages_answers_and_constraints_hold_on_postgresql(
    python: Run, postgres_url: str, names: tuple[str, ...]
) -> None:
    files = [f"tests/app/test_{name}.py" for name in names]
    result = python(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "--override-ini=addopts=", *files, DATABASE_URL=postgres_url
    )
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr
    assert "passed" in result.stdout
