"""docker-compose.yml and Dockerfile: what they promise, read as text; and by Docker's own client where there is one."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, Run

#: Variable -> what it may be without a .env.
DEFAULT = re.compile(r"\$\{([A-Z_]+)(?::?[-+?]([^}]*))?\}")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def interpolated(value: str, **variables: str) -> str:
    """As compose fills in variables: ${A:-default} and ${A:+instead}, no others stand in the file."""

    def one(found: re.Match[str]) -> str:
        parts = re.fullmatch(r"\$\{([A-Z_]+):([-+])([^}]*)\}", found[0])
        assert parts, found[0]
        name, operator, text = parts.groups()
        given = variables.get(name, "")
        return (given or text) if operator == "-" else (text if given else "")

    return re.sub(r"\$\{[^}]*\}", one, value)


def test_no_switch_takes_the_way_in_away() -> None:
    """A profile chosen in one command and not in the next one left the port to nobody."""
    assert not any("profiles" in service for service in SERVICES.values())
    assert COMPOSE["name"] == "attribution"
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    replicas = {name: service["deploy"]["replicas"] for name, service in SERVICES.items() if "deploy" in service}
    assert replicas == {"web": "${WEB_REPLICAS:-1}", "pgbouncer": "${PGBOUNCER_REPLICAS:-0}"}


def test_images_are_official_and_their_versions_pinned() -> None:
    images = {service["image"] for service in SERVICES.values() if "image" in service}
    bases = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    pinned = re.compile(r"(postgres|nginx|python|debian):\d[\d.]*(-slim)?(@sha256:[0-9a-f]{64})?")
    assert all(pinned.fullmatch(image) for image in images | bases)
    assert any(image.startswith("postgres:") for image in images)


def test_nothing_secret_has_a_default_and_only_one_service_is_given_it() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    defaults = dict(DEFAULT.findall(text))
    assert (defaults["SECRET_KEY"], defaults["POSTGRES_PASSWORD"]) == ("", "")
    for name, service in SERVICES.items():
        given = {key for key in service.get("environment", {}) if re.search(r"PASSWORD$|SECRET_KEY$|TOKEN", key)}
        assert given == ({"SECRET_KEY", "POSTGRES_PASSWORD"} if name == "secrets" else set())
    assert not re.search(r"postgres://[^@\s]*:[^@\s]*@", text)


def test_every_container_is_read_only_and_without_capabilities() -> None:
    for name, service in SERVICES.items():
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        # The image of PostgreSQL begins as root and becomes another user.
        assert service.get("cap_add") == (
            ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"] if name == "db" else None
        )
        assert service.get("user", "app") != "root"


def test_every_container_has_an_end_to_its_memory_processes_log_and_temporary_files() -> None:
    for service in SERVICES.values():
        assert service["mem_limit"]
        assert 0 < service["pids_limit"] <= 300
        assert service["logging"]["options"]["max-size"]
        assert all("size=" in tmpfs for tmpfs in service.get("tmpfs", []))


def test_only_this_machine_reaches_the_proxy_and_nobody_the_rest() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"proxy": ["127.0.0.1:8000:8080"]}


def test_the_server_is_started_without_the_password() -> None:
    (shell, option, steps) = SERVICES["db"]["entrypoint"]
    assert (shell, option) == ("bash", "-c")
    made, without, started = steps.split(" && ")
    assert (made, without) == ("docker-ensure-initdb.sh", "unset POSTGRES_PASSWORD_FILE")
    assert started == "exec docker-entrypoint.sh postgres"


def test_web_waits_for_secrets_and_for_a_healthy_database() -> None:
    assert SERVICES["web"]["depends_on"] == {
        "secrets": {"condition": "service_completed_successfully"},
        "db": {"condition": "service_healthy"},
    }
    assert SERVICES["db"]["depends_on"] == {"secrets": {"condition": "service_completed_successfully"}}
    assert "pg_isready" in SERVICES["db"]["healthcheck"]["test"]


def test_the_health_of_the_proxy_is_its_own() -> None:
    """Else `docker compose up --wait` fails after `docker compose stop web`: it begins with an unhealthy proxy."""
    asked = SERVICES["proxy"]["healthcheck"]["test"][-1]
    told = re.search(
        r"server \{\s+listen 127\.0\.0\.1:(\d+);\s+return 204;\s+\}", (ROOT / "deploy/nginx.conf").read_text()
    )
    assert told
    assert asked == f"http://127.0.0.1:{told[1]}/"


def test_data_are_in_named_volumes_and_the_source_is_read_only() -> None:
    mounted = [volume for service in SERVICES.values() for volume in service.get("volumes", [])]
    named = {volume.partition(":")[0] for volume in mounted if not volume.startswith(".")}
    assert named == set(COMPOSE["volumes"]) == {"db", "secrets", "reports"}
    assert all(volume.endswith(":ro") for volume in mounted if volume.startswith("."))
    for volume in mounted:
        if volume.startswith("./deploy/"):
            assert (ROOT / volume.partition(":")[0]).is_file()
    assert all(
        volume.endswith(":ro")
        for name in ("db", "web", "pgbouncer")
        for volume in SERVICES[name]["volumes"]
        if "secrets" in volume
    )


@pytest.mark.parametrize("hosts", ["", "attribution.example.org"])
def test_without_env_it_is_served_by_http_on_localhost_alone(python: Run, hosts: str) -> None:
    """The variables of `web` as compose fills them in are settings that start."""
    given = SERVICES["web"]["environment"]
    environment = {key: interpolated(value, ALLOWED_HOSTS=hosts) for key, value in given.items()}
    del environment["SECRET_KEY_FILE"]
    code = "from attribution_project import settings as s; print(s.DEBUG, s.ALLOWED_HOSTS, s.SECURE_SSL_REDIRECT)"
    told = python("-c", code, SECRET_KEY="k3y-" + "abcdefghij" * 5, **environment)
    assert told.stdout == f"False {[hosts or 'localhost']} {bool(hosts)}\n", told.stderr


@pytest.mark.parametrize(("given", "seconds"), [("", 3600), ("31536000", 31536000), ("0", 0)])
def test_hsts_begins_with_an_hour_and_is_raised_by_a_variable(python: Run, given: str, seconds: int) -> None:
    """A browser keeps it: what is wrong for a year cannot be taken back."""
    environment = {"DJANGO_ENV": "production", "ALLOWED_HOSTS": "attribution.example.org", "DJANGO_HSTS_SECONDS": given}
    code = (
        "from attribution_project import settings as s; from django.conf import global_settings as g;"
        "names = ('SECONDS', 'INCLUDE_SUBDOMAINS', 'PRELOAD');"
        "print(*(getattr(s, f'SECURE_HSTS_{n}', getattr(g, f'SECURE_HSTS_{n}')) for n in names))"
    )
    told = python("-c", code, SECRET_KEY="k3y-" + "abcdefghij" * 5, **environment)
    assert told.stdout == f"{seconds} False False\n", told.stderr


def test_every_variable_is_in_the_example_or_documented() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    documents = (ROOT / ".env.example").read_text() + (ROOT / "docs/how-to/production.md").read_text()
    assert [name for name, _ in DEFAULT.findall(text) if name not in documents] == []


def test_the_image_has_stages_pinned_wheels_a_user_and_a_health_check() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert final.startswith("python:3.13-slim AS web")
    assert "--require-hashes --only-binary :all:" in DOCKERFILE.replace("\\\n", "").replace("    ", " ")
    assert not re.search(r"pip install|apt-get|gcc|build-essential", final)
    assert "pip uninstall" in final
    assert re.search(r"^USER app$", final, re.MULTILINE)
    assert re.search(r'^HEALTHCHECK .*"deploy.healthcheck"', final, re.MULTILINE)
    assert "SECRET_KEY=" not in final


def test_only_what_the_image_needs_is_sent_to_docker() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    copied = re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE)
    sent = {line[1:] for line in lines if line.startswith("!")}
    assert {path for path in copied if not any(path == one or path.startswith(f"{one}/") for one in sent)} == set()
    assert {"**/.env", "**/*.sqlite3*", "**/.git*"} <= set(lines)
    assert sent & {".env", "data", ".git", "db.sqlite3"} == set()


def test_git_ignores_secrets_databases_and_backups() -> None:
    for path in (".env", "data/db.sqlite3", "data/db.sqlite3-wal", "data/other.db", "backups/one.dump"):
        assert subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT, check=False).returncode == 0, path


def client() -> list[str] | None:
    """Docker's client, if there is one that knows compose; version 1 has come to its end and does not know `:+`."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            told = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, check=False)
            if told.returncode == 0 and not told.stdout.startswith("1."):
                return command
    return None


def config(tmp_path: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """What Docker's own client makes of the file, with these variables in .env."""
    if (command := client()) is None:
        pytest.skip("no client of docker compose 2 on this machine: its file is read as text by the other tests alone")
    ours = {name for name, _ in DEFAULT.findall((ROOT / "docker-compose.yml").read_text())}
    environment = {key: value for key, value in os.environ.items() if key not in ours and key != "COMPOSE_PROFILES"}
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    arguments = [*command, "--file", f"{ROOT}/docker-compose.yml", "--env-file", f"{tmp_path}/.env", "config"]
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("given", "web", "pgbouncer"),
    [
        ({}, 1, 0),
        ({"WEB_REPLICAS": "3", "PGBOUNCER_REPLICAS": "1"}, 3, 1),
        ({"WEB_REPLICA": "3", "COMPOSE_PROFILES": "scael"}, 1, 0),
    ],
    ids=["nothing", "three through PgBouncer", "mistyped names"],
)
def test_docker_compose_config_accepts_the_file_and_shows_no_secret(
    tmp_path: Path, given: dict[str, str], web: int, pgbouncer: int
) -> None:
    done = config(tmp_path, **given)
    assert done.returncode == 0, done.stderr
    shown = yaml.safe_load(done.stdout)["services"]
    assert set(shown) == set(SERVICES)
    assert (shown["web"]["deploy"]["replicas"], shown["pgbouncer"]["deploy"]["replicas"]) == (web, pgbouncer)
    assert shown["web"]["environment"]["PGBOUNCER_REPLICAS"] == str(pgbouncer)
    assert shown["secrets"]["environment"] in ({"SECRET_KEY": "", "POSTGRES_PASSWORD": ""}, None)


def test_docker_compose_refuses_a_number_that_is_none(tmp_path: Path) -> None:
    done = config(tmp_path, WEB_REPLICAS="three")
    assert done.returncode != 0
    assert "services.web.deploy.replicas" in done.stderr
