"""Compare the source's applied migrations with the project's migration files."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from django.db.migrations.loader import MigrationLoader

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.migrations import Key, SourceLoader
from migrate_to_pg.records import Finding
from migrate_to_pg.rules.base import Rule
from migrate_to_pg.rules.doctor_findings import INCONSISTENT, UNAPPLIED, UNKNOWN

#: Migrations named in one finding.
_MAX_NAMES = 20


def migration_findings(applied: Collection[Key]) -> Iterator[Finding]:
    """Yield at most one finding of each kind, and one for each migration applied before its dependency."""
    loader = SourceLoader(None, applied)
    wanted = set(loader.applied_migrations)
    if missing := sorted(set(loader.graph.nodes) - wanted):
        yield _finding(UNAPPLIED, _("The project has migrations that this database has not applied"), missing)
    if unknown := sorted(set(applied) - _known(loader)):
        yield _finding(UNKNOWN, _("The database has applied migrations that the project does not have"), unknown)
    for child, parent in _out_of_order(loader, wanted):
        explanation = _(
            "{child} is applied, but not {parent}, on which it depends.", child=".".join(child), parent=".".join(parent)
        )
        yield INCONSISTENT.finding(table="django_migrations", explanation=explanation, remedy=_(INCONSISTENT.remedy))


def _known(loader: MigrationLoader) -> set[Key]:
    """Return the migrations with a file, and those that a squashed one replaces although their files are gone."""
    replaced = {tuple(key) for migration in loader.disk_migrations.values() for key in migration.replaces}
    return set(loader.disk_migrations) | {(app, name) for app, name in replaced}


def _out_of_order(loader: MigrationLoader, wanted: set[Key]) -> Iterator[tuple[Key, Key]]:
    for key in sorted(wanted & set(loader.graph.nodes)):
        for parent in sorted(loader.graph.node_map[key].parents):
            if parent.key not in wanted:
                yield key, parent.key


def _finding(rule: Rule, what: str, keys: list[Key]) -> Finding:
    names = ", ".join(".".join(key) for key in keys[:_MAX_NAMES])
    more = _(", and {keys} more", keys=len(keys) - _MAX_NAMES) if len(keys) > _MAX_NAMES else ""
    return rule.finding(
        table="django_migrations", count=len(keys), explanation=f"{what}: {names}{more}.", remedy=_(rule.remedy)
    )
