"""What each side calls the tables of models: cut, quoted or alike, each is paired, and read by the ORM."""

import html
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SERVER_VERSIONS, Server, run_sql
from tests.projects import Project
from tests.projects.cut.names import EXACT, HAND, LIVE, OVER, WIDE

LONG = "cut_amodelwhoseowntablehasanamethatpostgresqlcannottakeasitisall"
BARE = "without_amodelwithoutmigrationswhosetablehasanameofmorethan63bytes"
DOCUMENTS = "documents_that_were_once_related_to_the_case_of_the_request"
ROWS = f"""
INSERT INTO cut_plain VALUES (1, 10), (2, 20), (3, 30);
INSERT INTO cut_requestattachment VALUES (1);
INSERT INTO cut_requestattachment_{DOCUMENTS} VALUES (1, 1, 1), (2, 1, 2);
INSERT INTO {LONG} VALUES (1), (2);
INSERT INTO {LONG}_many VALUES (1, 1, 1), (2, 1, 2), (3, 2, 3), (4, 2, 1), (5, 2, 2), (6, 1, 3);
INSERT INTO "odd""name" VALUES (1), (2), (3);
INSERT INTO "odd""name_plains" VALUES (1, 1, 3);
INSERT INTO "Mixed.Case" VALUES (1, 1), (2, 2), (3, 2);
INSERT INTO cut_special VALUES (3);
INSERT INTO {EXACT} VALUES (7);
INSERT INTO {OVER} (id, {"k" * 70}, {"v" * 63}) VALUES (1, 7, 5);
INSERT INTO {LIVE} VALUES (1, 'LIVE');
INSERT INTO "{WIDE}" VALUES (1, 1);
INSERT INTO cut_placed VALUES (1, 1, 1), (1, 2, 2);
INSERT INTO without_person VALUES (1, 1), (2, NULL), (3, 2);
INSERT INTO without_fan VALUES (1, '2026-01-01'), (2, '2026-02-01'), (3, '2026-03-01');
INSERT INTO without_pin VALUES (1, 1), (2, 2), (3, 3);
INSERT INTO without_seat VALUES (1, 1), (1, 2), (2, 1);
INSERT INTO {BARE} VALUES (1);
INSERT INTO {BARE}_many VALUES (1, 1, 2), (2, 1, 3)
"""
#: PostgreSQL's table of each model -> rows, and foreign keys that lead to their row.
READ = {
    "cut.Plain": (3, 0),
    "cut.RequestAttachment": (1, 0),
    f"cut.RequestAttachment_{DOCUMENTS}": (2, 4),
    "cut.AModelWhoseOwnTableHasANameThatPostgresqlCannotTakeAsItIsAll": (2, 0),
    "cut.AModelWhoseOwnTableHasANameThatPostgresqlCannotTakeAsItIsAll_many": (6, 12),
    "cut.Odd": (3, 0),
    "cut.Odd_plains": (1, 2),
    "cut.OddChild": (3, 3),
    "cut.Special": (1, 1),
    "cut.Exact": (1, 0),
    "cut.Over": (1, 1),
    "cut.Live": (1, 0),
    "cut.Wide": (1, 0),
    "cut.Placed": (2, 2),
    "without.Person": (3, 2),
    "without.Fan": (3, 3),
    "without.Pin": (3, 3),
    "without.Seat": (3, 3),
    "without.AModelWithoutMigrationsWhoseTableHasANameOfMoreThan63Bytes": (1, 0),
    "without.AModelWithoutMigrationsWhoseTableHasANameOfMoreThan63Bytes_many": (2, 4),
}
#: What the application itself reads, where PostgreSQL is its default database.
COUNTS = """
import json
from django.apps import apps
print(json.dumps({m._meta.label: [m._meta.db_table, m._base_manager.count()]
                  for m in apps.get_models(include_auto_created=True)}))
"""


@pytest.fixture
def cut(tmp_path: Path) -> Project:
    made = Project("cut", tmp_path)
    made.migrate()
    made.sqlite(*ROWS.strip().split(";\n"))
    return made


def read_by_application(project: Project, url: str) -> dict[str, Any]:
    return dict(json.loads(project.run("shell", "-v0", "-c", COUNTS, DATABASE_URL=url).stdout))


@pytest.mark.full
@pytest.mark.parametrize("version", SERVER_VERSIONS)
def test_every_model_is_paired_by_the_name_that_django_gives_it_there_and_read(
    cut: Project, servers: dict[int, Server], version: int
) -> None:
    url = servers[version].database()
    # A copy that somebody made by hand, whose name PostgreSQL would cut as it cuts the model's.
    cut.sqlite(f"CREATE TABLE {LIVE}_backup_2019 AS SELECT 1 AS id, 'OLD' AS value")
    checked = json.loads(cut.run("migrate_to_pg", "--check", "--json").stdout)
    told = json.loads(cut.move(url, "--json").stdout)
    for report in (checked, told):
        found = {(f["rule"], f["level"], f["table"]) for f in report["findings"]}
        # Without a server nobody knows that RunSQL makes the other.
        assert found - {("leftover-table", "warning", HAND)} == {("leftover-table", "warning", f"{LIVE}_backup_2019")}
    application = read_by_application(cut, url)
    assert {label: application[label][1] for label in READ} == {label: rows for label, (rows, __) in READ.items()}
    read = {table["table"]: (table["rows"], table["keys_followed"]) for table in told["orm"]}
    names = {label: unquoted(table) for label, (table, __) in application.items()}
    assert {label: read[names[label].encode()[:63].decode(errors="ignore")] for label in READ} == READ
    assert len(read) == len(application)
    assert told["orm_unread"] == []
    assert run_sql(url, f"SELECT value FROM {LIVE}") == [("LIVE",)]
    cut.run("migrate_to_pg", "--verify-only", "--target", url, "--verify", "orm")
    # From a dump, with settings whose default database is PostgreSQL: the models are named as there.
    cut.run("migrate_to_pg", "--dump", cut.folder / "dump")
    again = servers[version].database()
    loaded = cut.run(
        "migrate_to_pg", "--from-dump", cut.folder / "dump", "--verify", "orm", "--json", DATABASE_URL=again
    )
    assert len(json.loads(loaded.stdout)["orm"]) == len(application)
    assert read_by_application(cut, again) == application
    # By the models alone they are the same.
    cut.move(url, "--schema", "models", "--replace")
    assert read_by_application(cut, url) == application


def unquoted(name: str) -> str:
    return name.removeprefix('"').removesuffix('"').replace('""', '"')


def test_tables_that_are_named_are_left_out_by_any_of_their_names(cut: Project, postgres_url: str) -> None:
    names = f"cut.Odd_plains,{LONG}_many,without.Pin"
    told = json.loads(cut.move(postgres_url, "--rehearse", "--exclude-data", names, "--json").stdout)
    assert sorted(table["rows"] for table in told["excluded"]) == [1, 3, 6]
    assert {(one["model"], one["accepted"]) for one in told["orm_unread"]} == {
        ("cut.Odd_plains", True),
        ("cut.AModelWhoseOwnTableHasANameThatPostgresqlCannotTakeAsItIsAll_many", True),
        ("without.Pin", True),
    }


def test_two_tables_that_would_fit_one_of_postgresqls_stop_the_run_and_are_named(
    cut: Project, postgres_url: str
) -> None:
    """No model says which of them a migration's RunSQL has made; without the copy it can be but one."""
    cut.sqlite(f"INSERT INTO {HAND} VALUES (1, 2)")
    cut.move(postgres_url)
    assert run_sql(postgres_url, f"SELECT * FROM {HAND[:63]}") == [(1, 2)]
    cut.sqlite(f"CREATE TABLE {HAND}_copy AS SELECT * FROM {HAND}")
    refused = cut.move(postgres_url, "--replace", "--json", ok=False)
    assert refused.returncode == 1
    (finding, *others) = json.loads(refused.stdout)["findings"]
    assert others == []
    assert (finding["rule"], finding["level"], finding["table"]) == ("ambiguous-name", "error", HAND[:63])
    assert f"match it: {HAND}, {HAND}_copy." in finding["explanation"]
    later = cut.run("migrate_to_pg", "--verify-only", "--target", postgres_url, ok=False)
    assert (later.returncode, "ambiguous-name" in later.stdout) == (1, True)


def test_models_whose_names_postgresql_truncates_alike_stop_check_and_run(tmp_path: Path, postgres_url: str) -> None:
    alike = Project("cut", tmp_path)
    alike.migrate(ALIKE="1")
    for arguments in (("--check",), ("--rehearse",), ()):
        refused = alike.run("migrate_to_pg", *arguments, "--target", postgres_url, "--json", ok=False, ALIKE="1")
        assert refused.returncode == 1
        (finding,) = [f for f in json.loads(refused.stdout)["findings"] if f["level"] == "error"]
        assert (finding["rule"], finding["table"]) == ("ambiguous-name", "à" * 31)
        assert f"{'à' * 40}, {'à' * 40}_many" in finding["explanation"]


@pytest.mark.full
def test_no_other_table_is_taken_for_a_models_whose_whole_name_is_known(cut: Project, postgres_url: str) -> None:
    """SQLite's case does not count; a name that is merely cut alike does not, either."""
    cut.sqlite(
        f"ALTER TABLE {LIVE} RENAME TO other", f"ALTER TABLE other RENAME TO {LIVE.upper()}",
        f"CREATE TABLE {OVER}_old AS SELECT * FROM {OVER}", "DELETE FROM cut_special", f"DROP TABLE {OVER}",
    )  # fmt: skip
    for arguments in (("--check",), ("--rehearse", "--verify", "orm", "--report", cut.folder / "said")):
        told = json.loads(cut.run("migrate_to_pg", *arguments, "--target", postgres_url, "--json").stdout)
        assert {(f["rule"], f["table"]) for f in told["findings"]} - {("leftover-table", HAND)} == {
            ("leftover-table", f"{OVER}_old"),
            ("missing-table", OVER[:63]),
        }
    assert [(one["model"], one["reason"]) for one in told["orm_unread"]] == [("cut.Over", "SQLite has no such table.")]
    page = (cut.folder / "said" / "report.html").read_text()
    assert "Not read by Django's ORM: cut.Over. SQLite has no such table." in html.unescape(page)


def test_a_model_whose_table_is_gone_from_postgresql_fails_the_verification(cut: Project, postgres_url: str) -> None:
    cut.move(postgres_url)
    run_sql(postgres_url, "DROP TABLE cut_special CASCADE")
    for verify in ("cells", "orm"):
        asked = ("migrate_to_pg", "--verify-only", "--target", postgres_url, "--verify", verify)
        differs = cut.run(*asked, "--json", ok=False)
        assert differs.returncode == 3
        assert "cut_special" in differs.stdout + differs.stderr
    unread = {one["model"]: one["accepted"] for one in json.loads(differs.stdout)["orm_unread"]}
    assert unread == {"cut.Special": False}


# --- tables of installed models that no applied migration makes ---

BY_HAND = """
CREATE TABLE legacy_customer (id integer PRIMARY KEY, name varchar(30) NOT NULL, is_active bool NOT NULL,
                              up_id integer NULL);
INSERT INTO legacy_customer VALUES (1, 'Anna', 1, NULL), (2, 'Boris', 0, 1);
INSERT INTO unmade_call VALUES (7, 'first', 1), (8, 'second', 2);
INSERT INTO shop_item VALUES (1, 'A'), (2, 'B');
INSERT INTO shop_item_also VALUES (1, 1, 2), (2, 2, 1)
"""


@pytest.fixture
def unmade(tmp_path: Path) -> Project:
    made = Project("unmade", tmp_path)
    made.migrate()
    made.sqlite(*BY_HAND.strip().split(";\n"))
    return made


def errors(result: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], str]:
    """(rule, table) of each error; the explanation of each."""
    found = [f for f in json.loads(result.stdout)["findings"] if f["level"] == "error"]
    return {(f["rule"], f["table"]): f["explanation"] + " " + f["remedy"] for f in found}


@pytest.mark.full
def test_an_unmanaged_models_table_stops_check_and_move_and_is_made_from_its_model(
    unmade: Project, postgres_url: str
) -> None:
    """The keys that lead to it find their rows: they are no orphans."""
    everywhere = ("--target", postgres_url, "--json")
    for arguments in (("--check",), ("--rehearse",), (), ("--leftovers", "skip")):
        refused = unmade.run("migrate_to_pg", *arguments, *everywhere, ok=False)
        assert refused.returncode == 1
        ((place, told),) = errors(refused).items()
        assert place == ("unmade-model-table", "legacy_customer")
        for words in (
            "with 2 rows, is that of the installed model unmade.Customer",
            "unmanaged (managed = False)",
            "--from-models unmade.Customer",
            "--schema models",
            "--as-leftovers unmade.Customer",
            'ALTER TABLE sqlite_leftovers."legacy_customer" SET SCHEMA public;',
        ):
            assert words in told
    assert run_sql(postgres_url, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]
    unmade.run("migrate_to_pg", "--check", "--from-models", "legacy_customer")
    told = json.loads(unmade.move(postgres_url, "--from-models", "unmade.Customer", "--json").stdout)
    assert [(f["rule"], f["level"], f["table"]) for f in told["findings"]] == [
        ("table-from-model", "warning", "legacy_customer")
    ]
    read = {table["table"]: table["keys_followed"] for table in told["orm"]}
    assert (read["legacy_customer"], read["unmade_call"], told["orm_unread"]) == (1, 2, [])
    query = "SELECT id, name, is_active, up_id FROM legacy_customer ORDER BY id"
    assert run_sql(postgres_url, query) == [(1, "Anna", True, None), (2, "Boris", False, 1)]
    assert run_sql(postgres_url, "INSERT INTO legacy_customer (name, is_active) VALUES ('C', true) RETURNING id") == [
        (3,)
    ]
    changed = unmade.run("migrate_to_pg", "--verify-only", "--target", postgres_url, "--verify", "orm", ok=False)
    assert (changed.returncode, "legacy_customer" in changed.stdout) == (3, True)
    run_sql(postgres_url, "DELETE FROM legacy_customer WHERE id = 3")
    unmade.run("migrate_to_pg", "--verify-only", "--target", postgres_url, "--verify", "orm")
    unmade.run("migrate", "--check", DATABASE_URL=postgres_url)
    unmade.undo(postgres_url, "--replace")
    assert run_sql(postgres_url, "SELECT to_regclass('legacy_customer')") == [(None,)]


def test_a_model_that_lacks_a_column_of_its_table_loses_nothing(unmade: Project, postgres_url: str) -> None:
    unmade.sqlite(
        "ALTER TABLE legacy_customer ADD COLUMN phone text", "UPDATE legacy_customer SET phone = '1' WHERE id = 1"
    )
    refused = unmade.move(postgres_url, "--from-models", "unmade.Customer", "--json", ok=False)
    assert list(errors(refused)) == [("extra-column", "legacy_customer")]


@pytest.mark.full
def test_a_table_that_may_go_among_the_leftovers_can_be_put_in_its_place_afterwards(
    unmade: Project, postgres_url: str
) -> None:
    """The key that leads to it is let go: no migration of this project could make it."""
    unmade.sqlite("DROP TABLE unmade_call", "DELETE FROM django_migrations WHERE app = 'unmade'")
    refused = unmade.move(postgres_url, "--as-leftovers", "unmade.Nobody", ok=False)
    assert (refused.returncode, "There is: unmade.Customer." in refused.stderr + refused.stdout) == (2, True)
    told = json.loads(unmade.move(postgres_url, "--as-leftovers", "unmade.Customer", "--json").stdout)
    (finding,) = told["findings"][:1]
    assert (finding["rule"], finding["level"]) == ("leftover-table", "warning")
    assert told["orm_unread"] == [
        {
            "model": "unmade.Customer",
            "table": "legacy_customer",
            "reason": "Its table was carried as a leftover (--as-leftovers).",
            "accepted": True,
        }
    ]
    verify = ("migrate_to_pg", "--verify-only", "--target", postgres_url, "--verify", "orm")
    unmade.run(*verify)
    run_sql(postgres_url, finding["remedy"].splitlines()[-1])
    count = "from tests.projects.unmade.models import Customer as C; print(C.objects.filter(name='Anna').count())"
    assert unmade.run("shell", "-v0", "-c", count, DATABASE_URL=postgres_url).stdout.strip() == "1"
    unmade.run(*verify[:-2])
    # The types are those of the values: a boolean is a number now, which the ORM gives as one.
    assert unmade.run(*verify, ok=False).returncode == 3
    run_sql(postgres_url, "DROP TABLE legacy_customer")
    gone = unmade.run(*verify, ok=False)
    assert (gone.returncode, "legacy_customer" in gone.stdout) == (3, True)


def record(project: Project, *names: str) -> None:
    project.sqlite("DELETE FROM django_migrations WHERE app = 'store'")
    for name in names:
        project.sqlite(f"INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '{name}', '2026-01-01')")


@pytest.mark.full
def test_an_application_recorded_by_other_names_stops_all_until_it_is_recorded(
    unmade: Project, postgres_url: str
) -> None:
    """It was renamed; a squash whose old names are gone leaves the same behind."""
    record(unmade, "0001_initial", "0002_more")
    known = ("--from-models", "unmade.Customer", "--target", postgres_url, "--json")
    for mode in (("--check",), ("--rehearse",)):
        refused = unmade.run("migrate_to_pg", *mode, *known, ok=False)
        found = errors(refused)
        assert set(found) == {("unmade-model-table", "shop_item"), ("unmade-model-table", "shop_item_also")}
        for told in found.values():
            assert "The migration store.0001_initial would make it" in told
            assert "manage.py migrate --fake store 0001_initial" in told
    # The ways out, as they are told: one by one.
    both = ("--from-models", "unmade.Customer,store.Item")
    told = json.loads(unmade.move(postgres_url, *both, "--json").stdout)
    assert {f["table"] for f in told["findings"] if f["rule"] == "table-from-model"} == {"legacy_customer", "shop_item"}
    assert run_sql(postgres_url, "SELECT count(*) FROM shop_item_also") == [(2,)]
    unmade.run("migrate", "-v0", "--fake", "store", "0001_initial", DATABASE_URL=postgres_url)
    unmade.run("migrate", "--check", DATABASE_URL=postgres_url)
    told = json.loads(unmade.move(postgres_url, "--schema", "models", "--replace", "--json").stdout)
    assert {f["table"] for f in told["findings"] if f["rule"] == "table-from-model"} >= {"shop_item", "legacy_customer"}
    assert run_sql(postgres_url, "SELECT count(*) FROM shop_item_also") == [(2,)]
    unmade.run("migrate", "-v0", "--fake", "store", "0001_initial")
    told = json.loads(unmade.move(postgres_url, "--from-models", "unmade.Customer", "--replace", "--json").stdout)
    assert {f["table"] for f in told["findings"]} == {"legacy_customer"}
    unmade.run("migrate", "--check", DATABASE_URL=postgres_url)


@pytest.mark.full
def test_a_view_that_an_installed_model_reads_is_no_mere_warning(unmade: Project, postgres_url: str) -> None:
    unmade.sqlite("CREATE VIEW named_customers AS SELECT id, name FROM legacy_customer")
    known = ("--from-models", "unmade.Customer")
    refused = unmade.move(postgres_url, *known, "--json", ok=False)
    assert list(errors(refused)) == [("unmade-model-table", "named_customers")]
    told = json.loads(unmade.move(postgres_url, *known, "--as-leftovers", "unmade.Named", "--json").stdout)
    assert [one["model"] for one in told["orm_unread"]] == ["unmade.Named"]
