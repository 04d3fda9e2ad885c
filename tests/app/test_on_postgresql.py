"""The same claims on PostgreSQL."""

from tests.conftest import Run

FILES = (
    "attribute",
    "page",
    "lists",
    "exports",
    "changes",
    "imports",
    "import_changes",
    "access",
    "accounts",
    "kept_form",
    "body",
    "client_address",
    "health",
    "scale",
    "openapi",
    "constraints",
    "demo_data",
)


def test_the_claims_about_pages_answers_and_constraints_hold_on_postgresql(python: Run, postgres_url: str) -> None:
    files = [f"tests/app/test_{name}.py" for name in FILES]
    result = python(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "--override-ini=addopts=", *files, DATABASE_URL=postgres_url
    )
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr
    assert "passed" in result.stdout
