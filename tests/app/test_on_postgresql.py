"""The same claims on PostgreSQL."""

import pytest

from tests.conftest import Run

#: Two runs, so that neither takes more than a process may.
PAGES = (
    "shares",
    "service_hours",
    "office",
    "share_imports",
    "attribute",
    "page",
    "lists",
    "exports",
    "changes",
    "access",
    "accounts",
    "kept_form",
    "body",
    "client_address",
    "years",
    "codes",
    "teachers",
)
DATA = ("imports", "import_changes", "health", "scale", "openapi", "constraints", "demo_data")


@pytest.mark.parametrize("names", [PAGES, DATA], ids=["pages", "data"])
def test_the_claims_about_pages_answers_and_constraints_hold_on_postgresql(
    python: Run, postgres_url: str, names: tuple[str, ...]
) -> None:
    files = [f"tests/app/test_{name}.py" for name in names]
    result = python(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "--override-ini=addopts=", *files, DATABASE_URL=postgres_url
    )
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr
    assert "passed" in result.stdout
