"""The settings start with no environment, and refuse a bad variable by name."""

import re
import subprocess
from pathlib import Path

import pytest
from django.test import RequestFactory

from tests.conftest import Run

PASSWORD = "pl4nted-pässword"
KEY = "k3y-" + "abcdefghij" * 5
PRODUCTION = {"DJANGO_ENV": "production", "SECRET_KEY": KEY, "ALLOWED_HOSTS": "attribution.example.org"}


def settings(python: Run, **variables: str) -> subprocess.CompletedProcess[str]:
    return python("-c", "from attribution_project import settings; print(settings.DEBUG)", **variables)


def check_refused(python: Run, variables: dict[str, str], *told: str) -> None:
    result = settings(python, **variables)
    last = result.stderr.strip().splitlines()[-1]
    assert result.returncode != 0
    assert last.startswith("django.core.exceptions.ImproperlyConfigured: ")
    for words in told:
        assert words in last
    assert PASSWORD not in result.stdout + result.stderr


def test_no_environment_is_local_development(python: Run) -> None:
    assert settings(python).stdout == "True\n"


def test_production_has_no_debug(python: Run) -> None:
    assert settings(python, **PRODUCTION).stdout == "False\n"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"DJANGO_ENV": "prod"}, ["DJANGO_ENV='prod'", "development, production"]),
        ({"LOG_LEVEL": "loud"}, ["LOG_LEVEL='loud'", "DEBUG, INFO, WARNING, ERROR"]),
        ({"DJANGO_BEHIND_PROXY": "maybe"}, ["DJANGO_BEHIND_PROXY='maybe'", "on", "off"]),
        ({**PRODUCTION, "DJANGO_INSECURE_HTTP": "2"}, ["DJANGO_INSECURE_HTTP='2'", "true"]),
        ({"CONN_MAX_AGE": "-1"}, ["CONN_MAX_AGE='-1'", "0 to"]),
        ({"DATABASE_POOL": "four"}, ["DATABASE_POOL='four'", "0 to"]),
        ({"DATABASE_POOL": "4"}, ["DATABASE_POOL=4", "SQLite", "0"]),
        ({"TRUSTED_PROXIES": "nginx"}, ["TRUSTED_PROXIES='nginx'", "number of proxies", "172.18.0.0/16"]),
        ({"TRUSTED_PROXIES": "172.18.0.1/16"}, ["TRUSTED_PROXIES", "host bits"]),
        ({"TRUSTED_PROXIES": "172.18.0.0/16,0.0.0.0/0"}, ["TRUSTED_PROXIES", "trusts everybody"]),
        ({"TRUSTED_PROXIES": "-1"}, ["TRUSTED_PROXIES='-1'", "0 to 9"]),
        ({"CSRF_TRUSTED_ORIGINS": "example.org"}, ["CSRF_TRUSTED_ORIGINS", "'example.org'", "https://HOST"]),
        ({**PRODUCTION, "SECRET_KEY": ""}, ["SECRET_KEY", "50"]),
        ({**PRODUCTION, "SECRET_KEY": PASSWORD}, ["SECRET_KEY", "16 characters", "50"]),
        ({**PRODUCTION, "SECRET_KEY": "django-insecure-" + KEY}, ["SECRET_KEY", "50"]),
        (
            {**PRODUCTION, "SECRET_KEY": "", "SECRET_KEY_FILE": "/nowhere"},
            ["SECRET_KEY_FILE='/nowhere'", "No such file"],
        ),
        ({**PRODUCTION, "ALLOWED_HOSTS": " , "}, ["ALLOWED_HOSTS", "attribution.example.org"]),
        ({"DATABASE_URL": f"mysql://u:{PASSWORD}@h/db"}, ["DATABASE_URL=mysql://...", "postgres://", "sqlite:///"]),
        ({"DATABASE_URL": PASSWORD}, ["DATABASE_URL", "postgres://", "sqlite:///"]),
        ({"DATABASE_URL": f"postgres://u:{PASSWORD}@h:port/db"}, ["DATABASE_URL=postgres://...", "percent-encoded"]),
        ({"DATABASE_URL": f"postgres://u:{PASSWORD}/x@h/db"}, ["DATABASE_URL=postgres://...", "percent-encoded"]),
        ({"DATABASE_URL": f"postgres://u:1#{PASSWORD}@h/db"}, ["DATABASE_URL=postgres://...", "percent-encoded"]),
        ({"DATABASE_URL": f"postgres://u:[{PASSWORD}@h/db"}, ["DATABASE_URL=postgres://...", "percent-encoded"]),
        ({"DATABASE_URL": f"postgres://u:{PASSWORD}@h"}, ["DATABASE_URL", "no database"]),
        ({"DATABASE_URL": f"postgres://u:{PASSWORD}@h/d?sslmod=require"}, ["DATABASE_URL", "'sslmod'", "sslmode"]),
        ({"DATABASE_URL": f"postgres://u:{PASSWORD}@h/d?sslmode=on"}, ["sslmode='on'", "verify-full"]),
        ({"DATABASE_URL": "sqlite:///x.sqlite3?mode=ro"}, ["DATABASE_URL", "'mode'", "timeout=SECONDS"]),
        (
            {"DATABASE_URL": f"postgres://u:{PASSWORD}@h/d", "DATABASE_POOL": "4", "CONN_MAX_AGE": "60"},
            ["CONN_MAX_AGE=60", "DATABASE_POOL=4", "0"],
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_bad_variable_is_named_with_what_is_allowed_and_no_password(
    python: Run, variables: dict[str, str], told: list[str]
) -> None:
    check_refused(python, variables, *told)


def test_check_deploy_has_no_complaint_in_production(manage: Run) -> None:
    result = manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert "no issues" in result.stdout


@pytest.mark.parametrize(
    ("value", "read"),
    [("", "0"), ("0", "0"), ("2", "2"), ("10.0.0.0/8, fd00::1", "['10.0.0.0/8', 'fd00::1/128']")],
)
def test_trusted_proxies_are_a_number_or_networks(python: Run, value: str, read: str) -> None:
    code = "from attribution_project.settings import TRUSTED_PROXIES as t; "
    code += "print(t if isinstance(t, int) else [str(one) for one in t])"
    assert python("-c", code, TRUSTED_PROXIES=value).stdout == f"{read}\n"


def test_insecure_http_opts_out_of_the_redirect_to_https(python: Run) -> None:
    code = "from attribution_project import settings as s; print(s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_SECURE)"
    assert python("-c", code, **PRODUCTION).stdout == "True True\n"
    assert python("-c", code, **PRODUCTION, DJANGO_INSECURE_HTTP="on").stdout == "False False\n"


@pytest.mark.parametrize(
    ("hosts", "http"),
    [
        ("localhost", True),
        ("localhost,127.0.0.1,[::1]", True),
        ("localhost,attribution.example.org", False),
        ("*", False),
    ],
)
def test_http_for_localhost_ends_with_the_first_other_name(python: Run, hosts: str, http: bool) -> None:
    code = "from attribution_project import settings as s; print(s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_SECURE)"
    variables = PRODUCTION | {"ALLOWED_HOSTS": hosts, "DJANGO_INSECURE_HTTP": "localhost"}
    assert python("-c", code, **variables).stdout == f"{not http} {not http}\n"


def test_the_key_may_stand_in_a_file(python: Run, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    code = "from attribution_project import settings as s; print(s.SECRET_KEY)"
    variables = PRODUCTION | {"SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "key")}
    assert python("-c", code, **variables).stdout == f"{KEY}\n"


def test_the_source_of_a_move_may_be_named_by_the_environment(python: Run) -> None:
    code = "from attribution_project import settings as s; print(s.MIGRATE_TO_PG['SOURCE'].relative_to(s.BASE_DIR))"
    assert python("-c", code, MIGRATE_TO_PG_SOURCE="data/a.sqlite3").stdout == "data/a.sqlite3\n"


def test_migrations_match_the_models(manage: Run) -> None:
    manage("makemigrations", "--check", "--dry-run")


def test_the_local_key_is_made_once_and_private(tmp_path: Path) -> None:
    from attribution_project.environment import local_secret_key

    path = tmp_path / ".secret_key"
    key = local_secret_key(path)
    assert len(key) >= 50
    assert path.stat().st_mode & 0o777 == 0o600
    assert local_secret_key(path) == key
    assert list(tmp_path.iterdir()) == [path]


def test_the_debug_page_hides_the_database_url(rf: RequestFactory) -> None:
    from django.views.debug import get_exception_reporter_filter

    request = rf.get("/", DATABASE_URL=f"postgres://u:{PASSWORD}@h/db")
    shown = get_exception_reporter_filter(request).get_safe_request_meta(request)
    assert PASSWORD not in str(shown)
    assert re.fullmatch(r"\*+", shown["DATABASE_URL"])


def test_no_page_asks_another_server_for_anything() -> None:
    root = Path(__file__).resolve().parents[2]
    sources = [path for app in ("attribution_project", "attributions") for path in root.joinpath(app).rglob("*.html")]
    sources += root.joinpath("attribution_project", "static").glob("*.css")
    assert len(sources) > 5
    assert [path.name for path in sources if re.search(r"https?://|src=\"//", path.read_text(encoding="utf-8"))] == []
