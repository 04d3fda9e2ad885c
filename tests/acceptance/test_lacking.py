"""What PostgreSQL lacks is found from the models alone, and no advice is given that does not help."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.debian import cluster
from tests.projects import Project
from tests.tiers import first_in_ci


@pytest.fixture
def lacking(tmp_path: Path) -> Callable[[str], Project]:
    """lacking(what): the project with a row, whose model asks for that."""

    def make(what: str) -> Project:
        made = Project("lacking", tmp_path)
        made.migrate(LACKING=what)
        made.run("shell", "-v0", "-c", INSERT, LACKING=what)
        return made

    return make


INSERT = "from tests.projects.lacking.models import Customer; Customer.objects.create(name='Ann')"


@pytest.mark.parametrize(
    ("what", "level", "says"),
    [
        ("NOCASE", "error", "lacking.Customer.name asks for the collation NOCASE."),
        ("RTRIM", "error", "lacking.Customer.name asks for the collation RTRIM."),
        ("own", "error", "lacking.Customer.name asks for the collation own."),
        ("index", "error", "name_nocase asks for the collation NOCASE."),
        ("hex", "error", "name_hex calls the function hex."),
        ("datetime", "error", "lacking.Customer.name has the type datetime."),
        ("en-x-icu", "warning", "lacking.Customer.name asks for the collation en-x-icu."),
        ("hstore", "warning", "lacking.Customer.name needs the extension hstore."),
        ("vector(3)", "warning", "lacking.Customer.name needs the extension vector."),
    ],
)
def test_check_finds_what_only_sqlite_has(what: str, level: str, says: str, lacking: Callable[[str], Project]) -> None:
    project = lacking(what) if what != "en-x-icu" else lacking("nothing")
    ended = project.run("migrate_to_pg", "--check", "--json", ok=False, LACKING=what)
    told = json.loads(ended.stdout)
    (finding,) = [finding for finding in told["findings"] if finding["rule"] == "missing-on-postgresql"]
    assert (finding["level"], finding["table"]) == (level, "lacking_customer")
    assert finding["explanation"].startswith(says)
    assert ended.returncode == (1 if level == "error" else 0)


@pytest.mark.parametrize("what", first_in_ci("NOCASE+made", "hex+function", "trigram", "nothing", count=2))
def test_check_finds_nothing_where_a_migration_makes_it(what: str, lacking: Callable[[str], Project]) -> None:
    ended = lacking(what).run("migrate_to_pg", "--check", "--json", LACKING=what)
    assert not json.loads(ended.stdout)["findings"]


def test_what_a_migration_makes_moves(lacking: Callable[[str], Project], postgres_url: str) -> None:
    lacking("hex+function").move(postgres_url, LACKING="hex+function")


@pytest.mark.full
@pytest.mark.parametrize(
    ("what", "advice"),
    [
        ("NOCASE", 'CreateCollation("NOCASE", provider="icu"'),
        ("hex", "--schema models does not help: PostgreSQL does not take the model "),
        ("datetime", "--schema models does not help: PostgreSQL does not take the model lacking.Customer: "),
    ],
)
def test_models_are_not_advised_where_they_would_fail_too(
    what: str, advice: str, lacking: Callable[[str], Project], postgres_url: str
) -> None:
    project = lacking(what)
    refused = project.move(postgres_url, ok=False, LACKING=what)
    assert refused.returncode == 1
    assert "Migration lacking.0001_initial does not run on PostgreSQL: " in refused.stderr
    assert "--schema models makes" not in refused.stderr
    assert advice in refused.stderr
    assert "ICU, and this server" not in refused.stderr
    tried = project.move(postgres_url, "--schema", "models", ok=False, LACKING=what)
    assert tried.returncode == 1


@pytest.mark.full
def test_what_is_advised_for_nocase_moves_to_a_server_with_icu(lacking: Callable[[str], Project]) -> None:
    project = lacking("NOCASE+made")
    with cluster() as folder:
        url = f"postgres://postgres@{quote(str(folder), safe='')}/postgres"
        moved = project.move(url, LACKING="NOCASE+made")
        assert moved.stdout.startswith("Published")
        count = "from tests.projects.lacking.models import Customer as C; print(C.objects.filter(name='ANN').count())"
        asked = project.run("shell", "-v0", "-c", count, DATABASE_URL=url, LACKING="NOCASE+made")
        assert asked.stdout.strip() == "1"
