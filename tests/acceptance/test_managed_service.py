"""PostgreSQL as a managed service gives it: TLS alone, a role that may little, extensions, a pooler beside."""

import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_projects import SCHEMAS
from tests.conftest import run_sql
from tests.debian import as_user, cluster, free_port, pgbouncer
from tests.projects import Project

pytestmark = pytest.mark.full


def make_certificate(folder: Path, user: list[str]) -> None:
    """A key and the certificate that it signed itself, for 127.0.0.1 alone; ``user`` is the prefix that runs it so."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "server.key", "-out", "server.crt"]
    subprocess.run([*user, *command], cwd=folder, check=True, capture_output=True)


def encrypted_only(data: Path) -> None:
    make_certificate(data, as_user("postgres"))
    (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\nlocal all all trust\n")


@dataclass
class Service:
    port: int
    certificate: Path

    def url(
        self, name: str, user: str = "postgres", host: str = "127.0.0.1", port: int | None = None, **parameters: object
    ) -> str:
        query = "&".join(f"{key}={value}" for key, value in parameters.items())
        return f"postgres://{user}@{host}:{port or self.port}/{name}?{query}"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server that takes encrypted connections only."""
    port = free_port()
    certificate = tmp_path_factory.mktemp("tls") / "root.crt"
    with cluster(f"-c port={port} -c listen_addresses=localhost -c ssl=on", prepare=encrypted_only) as folder:
        certificate.write_bytes((folder / "data" / "server.crt").read_bytes())
        yield Service(port, certificate)


@pytest.fixture
def database(service: Service) -> str:
    name = f"test_{uuid.uuid4().hex[:12]}"
    run_sql(service.url("postgres", sslmode="require"), f"CREATE DATABASE {name}")
    return name


def test_an_encrypted_connection_carries_everything(objects: Project, service: Service, database: str) -> None:
    url = service.url(database, sslmode="require")
    objects.move(url)
    objects.run("migrate_to_pg", "--verify-only", "--verify", "orm", "--source", objects.source, "--target", url)
    objects.run("migrate", "--check", DATABASE_URL=url)
    objects.undo(url)


def test_the_server_s_certificate_is_checked_by_every_driver(objects: Project, service: Service, database: str) -> None:
    objects.move(service.url(database, sslmode="verify-full", sslrootcert=service.certificate))


def refused(project: Project, url: str) -> str:
    result = project.move(url, ok=False)
    assert result.returncode == 1
    return " ".join(result.stdout.split())


def test_an_unencrypted_connection_is_refused_with_what_to_write(
    objects: Project, service: Service, database: str
) -> None:
    told = refused(objects, service.url(database, sslmode="disable"))
    assert "cannot be reached as user postgres" in told
    assert "put sslmode=require into the URL" in told


def test_a_certificate_of_somebody_else_is_refused_as_one(
    objects: Project, service: Service, database: str, tmp_path: Path
) -> None:
    make_certificate(tmp_path, [])
    told = refused(objects, service.url(database, sslmode="verify-full", sslrootcert=tmp_path / "server.crt"))
    assert "certificate verify failed" in told
    assert "Check sslmode and sslrootcert" in told
    told = refused(objects, service.url(database, sslmode="verify-full", sslrootcert=tmp_path / "none.crt"))
    assert "Check sslmode and sslrootcert" in told
    trusted: dict[str, Any] = {"sslmode": "verify-full", "sslrootcert": service.certificate}
    assert "Check sslmode and sslrootcert" in refused(objects, service.url(database, host="localhost", **trusted))


def test_a_server_without_encryption_is_told_from_one_that_asks_for_it(objects: Project, tmp_path: Path) -> None:
    port = free_port()
    with cluster(f"-c port={port} -c listen_addresses=127.0.0.1"):
        told = refused(objects, f"postgres://postgres@127.0.0.1:{port}/postgres?sslmode=require")
    assert "server does not support SSL" in told
    assert "Check sslmode in the URL against what the server asks for" in told


COLUMN = "ALTER TABLE extension_document ADD COLUMN insensitive citext DEFAULT 'A'"
PROGRAM = """
from tests.projects.extension.models import Document
print(Document.objects.extra(where=["insensitive = 'a'"]).count(), Document.objects.create(embedding="new").id)
"""


def test_a_role_without_createdb_publishes_to_its_schema_with_an_extension_in_public(
    tmp_path: Path, service: Service, database: str
) -> None:
    """And the application uses it through a pooler, its search_path set as the report says."""
    documents = Project("extension", tmp_path)
    documents.migrate(INDEX="")
    documents.sqlite("INSERT INTO extension_document (embedding) VALUES ('x'), ('y')")
    admin, role = service.url(database, sslmode="require"), f"app_{database}"
    run_sql(admin, f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE; CREATE EXTENSION citext")
    run_sql(admin, f"GRANT CREATE ON DATABASE {database} TO {role}; CREATE SCHEMA app AUTHORIZATION {role}")
    url = service.url(database, user=role, sslmode="require")
    # Migrations of such a project say CREATE EXTENSION IF NOT EXISTS, which it may not do if it is not there.
    variables = {"EXTENSION": "citext", "INDEX": COLUMN}
    for options in (("--rehearse",), (), ("--replace",)):
        moved = documents.move(url, "--publish-to", "app", *options, ok=True, **variables)
    verify = ("migrate_to_pg", "--verify-only", "--verify", "orm", "--source", documents.source, "--target", url)
    documents.run(*verify, "--publish-to", "app", ok=True, **variables)
    assert run_sql(admin, SCHEMAS) == []
    assert run_sql(admin, "SELECT tableowner FROM pg_tables WHERE schemaname = 'app'")[0] == (role,)
    told = " ".join(moved.stdout.split())
    assert "ALTER ROLE ... SET search_path = app, public;" in told.replace('"', "")
    run_sql(url, f"ALTER ROLE {role} SET search_path = app, public")
    databases = f"* = host=127.0.0.1 port={service.port} user={role}"
    with pgbouncer(databases, pool_mode="transaction", server_tls_sslmode="require") as port:
        pooled = service.url(database, user="postgres", port=port)
        documents.run("migrate", "--check", DATABASE_URL=pooled, ok=True, **variables)
        read = documents.run("shell", "-v0", "-c", PROGRAM, DATABASE_URL=pooled, ok=True, **variables).stdout.split()
    assert read == ["2", "3"]
