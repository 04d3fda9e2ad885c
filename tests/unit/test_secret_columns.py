"""Which columns hold secrets: by name, by the field's class, by the table, by the setting."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import models
from django.test.utils import isolate_apps
from pytest_django import Settings

from migrate_to_pg.errors import UsageError
from migrate_to_pg.management.settings import require_secrets, with_settings
from migrate_to_pg.project.secret_columns import field_is_secret, is_secret, masked_key, place_of
from migrate_to_pg.project.secrets_of_source import learn_secrets

SECRET = [
    ("auth_user", "password"),
    ("legacy", "passwd"),
    ("legacy", "pwd_sha1"),
    ("utilisateur", "mot_de_passe"),
    ("legacy", "PassWord"),
    ("django_session", "session_key"),
    ("django_session", "session_data"),
    ("authtoken_token", "key"),
    ("rest_framework_api_key_apikey", "hashed_key"),
    ("client", "api_key"),
    ("client", "apiKey"),
    ("client", "client_secret"),
    ("client", "private_key"),
    ("otp_totp_totpdevice", "key"),
    ("mfa_authenticator", "data"),
    ("socialaccount_socialtoken", "token_secret"),
    ("device", "totp"),
    ("person", "ssn_encrypted"),
    ("sqlite_leftovers.old_users", "password"),
]
SHOWN = [
    ("auth_user", "username"),
    ("auth_user", "last_login"),
    ("django_session", "expire_date"),
    ("courses_course", "code"),
    ("courses_course", "key"),
    ("faculty", "secretary_id"),
    ("faculty", "secretariat"),
    ("django_content_type", "id"),
    ("page", "compass"),
    ("hotpot", "name"),
]


@pytest.mark.parametrize(("table", "column"), SECRET)
def test_a_column_that_is_named_as_a_secret_is_one(table: str, column: str) -> None:
    assert is_secret(table, column)


@pytest.mark.parametrize(("table", "column"), SHOWN)
def test_any_other_column_is_shown(table: str, column: str) -> None:
    assert not is_secret(table, column)


if TYPE_CHECKING:
    TextField = models.TextField[str, str]
else:
    TextField = models.TextField


class EncryptedTextField(TextField):
    """As packages for encrypted fields name theirs."""


@isolate_apps("django.contrib.contenttypes")
def test_a_field_is_secret_by_its_class_and_a_foreign_key_by_what_it_refers_to() -> None:
    class Vault(models.Model):
        content = EncryptedTextField()
        remark = models.TextField()
        api_token = models.CharField(max_length=40, primary_key=True)
        password_changed = models.DateTimeField()
        has_password = models.BooleanField()

        class Meta:
            app_label = "contenttypes"

        def __str__(self) -> str:
            return ""

    class Use(models.Model):
        vault = models.ForeignKey(Vault, models.CASCADE, db_column="vault_ref")
        token = models.ForeignKey("self", models.CASCADE)

        class Meta:
            app_label = "contenttypes"

        def __str__(self) -> str:
            return ""

    fields = [*Vault._meta.local_fields, *Use._meta.local_fields]
    assert [f.name for f in fields if field_is_secret(f)] == ["content", "api_token", "vault"]


@pytest.mark.parametrize("name", ["courses_course.title", "title", "courses.Course.title", "Courses_Course.TITLE"])
def test_the_setting_adds_columns(name: str, settings: Settings) -> None:
    assert not is_secret("courses_course", "title")
    settings.MIGRATE_TO_PG = {"SECRETS": [name]}
    assert is_secret("courses_course", "title")
    assert is_secret("auth_user", "password")
    assert not is_secret("courses_course", "code")


def test_the_setting_in_one_text_is_separated_by_commas(settings: Settings) -> None:
    settings.MIGRATE_TO_PG = {"SECRETS": "a.b, c"}
    assert is_secret("a", "b")
    assert is_secret("any", "c")
    assert with_settings({}, settings.MIGRATE_TO_PG) == {}


@pytest.mark.parametrize("wrong", [["courses.Course.nothing"], ["courses.Nothing.title"], [1], 5])
def test_a_setting_that_would_protect_nothing_is_refused(wrong: list[str | int] | int) -> None:
    with pytest.raises(UsageError, match="SECRETS"):
        with_settings({}, {"SECRETS": wrong})
    with pytest.raises(UsageError, match="SECRETS"):
        require_secrets({"SECRETS": wrong, "TARGET": 5})
    assert place_of("courses.Course.title") == "courses_course.title"


def test_names_of_no_column_are_refused_once_the_tables_are_known(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "source.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.executescript("CREATE TABLE Old (id, remark); CREATE VIEW Seen AS SELECT remark AS said FROM Old")
    settings.MIGRATE_TO_PG = {"SECRETS": ["OLD.remark", "said", "seen.said", "title", "courses.Course.title"]}
    learn_secrets(path)
    for wrong in ("nothing", "old.nothing", "nowhere.remark", "courses_course.nothing"):
        settings.MIGRATE_TO_PG = {"SECRETS": ["title", wrong]}
        with pytest.raises(UsageError, match=f"names {wrong}, which"):
            learn_secrets(path)


def test_what_a_view_or_a_computed_column_makes_of_a_secret_is_one(tmp_path: Path) -> None:
    path = tmp_path / "source.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "CREATE TABLE old (id, name, password, p AS (password || ''), n AS (name || ''));"
            "CREATE TABLE other (id, name, n AS (name || ''));"
            "CREATE VIEW direct AS SELECT id, upper(password) AS x FROM old;"
            "CREATE VIEW indirect AS SELECT q.x AS y FROM direct q, other;"
            "CREATE VIEW filtered AS SELECT o.name FROM other o WHERE name IN (SELECT password FROM old);"
            "CREATE VIEW plain AS SELECT name AS x FROM old;"
            "CREATE VIEW broken AS SELECT name FROM nowhere"
        )
    learn_secrets(path)
    secret = [("old", "p"), ("direct", "id"), ("direct", "x"), ("sqlite_leftovers.indirect", "Y"), ("filtered", "name")]
    assert all(is_secret(*one) for one in secret)
    assert not any(is_secret(*one) for one in [("old", "name"), ("other", "n"), ("plain", "x"), ("elsewhere", "x")])


def test_a_secret_key_is_replaced_by_the_number_of_its_row() -> None:
    assert masked_key("django_session", {"session_key": "abc"}, row=7) == {"rowid": "7"}
    assert masked_key("django_session", {"session_key": "abc"}) == {"session_key": "***"}
    assert masked_key("auth_user", {"id": "3"}, row=7) == {"id": "3"}
