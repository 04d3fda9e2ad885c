"""Find the logical publications that a run affects, and describe what their subscribers need afterwards."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any

import psycopg
from django.apps import apps
from psycopg import sql

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.identifiers import backend, called
from migrate_to_pg.publish.publications import affected_publications, oids_of, require_accepted, require_alterable
from migrate_to_pg.records import LogicalPublication, Scope

Connection = psycopg.Connection[Any]


def publications_of_a_move(connection: Connection, final: str, *, accepted: bool) -> tuple[LogicalPublication, ...]:
    """Find those that a move to ``final`` touches, before anything is done.

    The tables that are certain to be replaced are known only after the migrations were run. Here it is the tables of
    the installed models. Raises TargetError if one needs to be accepted and is not, PublishError if this role may not
    change one.
    """
    vendor = backend("postgresql")
    names = [called(model._meta.db_table, vendor) for model in apps.get_models(include_auto_created=True)]
    names.append("django_migrations")
    found = affected_publications(connection, final, names)
    require_accepted(found, undoing=False, accepted=accepted)
    require_alterable(connection, oids_of(connection, final, names))
    return found


def publications_of_an_undo(connection: Connection, final: str, *, accepted: bool) -> tuple[LogicalPublication, ...]:
    """Find those that have anything in ``final``. Raises TargetError if one has to be accepted first."""
    found = affected_publications(connection, final, None)
    require_accepted(found, undoing=True, accepted=accepted)
    return found


def bring_up_to_date(publications: Sequence[LogicalPublication]) -> tuple[str, ...]:
    """Return a step for each publication: how its subscribers get the present tables."""
    return tuple(_step(one) for one in publications if one.scope is not Scope.ALL_SEQUENCES)


def after_a_rehearsal(publications: Sequence[LogicalPublication]) -> tuple[str, ...]:
    """Return a note for each publication whose subscribers the load alone has stopped."""
    return tuple(
        _(
            "A subscriber of publication {name} that was there meanwhile has stopped: what was loaded was sent to it."
            " Drop its subscription; after the move it is made anew.",
            name=one.name,
        )
        for one in publications
        if one.scope is Scope.ALL_TABLES
    )


def _step(publication: LogicalPublication) -> str:
    """Describe how to subscribe anew. The publisher makes the list of tables, so that no table is forgotten."""
    truncate = "SELECT format('TRUNCATE %s', string_agg(format('%I.%I', schemaname, tablename), ', '))"
    truncate += f" FROM pg_publication_tables WHERE pubname = {sql.Literal(publication.name).as_string()}"
    is_plain = re.fullmatch("[a-z_][a-z0-9_]*", publication.name)
    name = publication.name if is_plain else sql.Identifier(publication.name).as_string()
    subscribe = f"CREATE SUBSCRIPTION NAME CONNECTION '...' PUBLICATION {name}"
    lines = (
        'psql SUBSCRIBER -c "DROP SUBSCRIPTION NAME"',
        "pg_dump --schema-only --no-publications --no-subscriptions PUBLISHER | psql SUBSCRIBER",
        f"psql PUBLISHER -Atc {_argument(truncate)} | psql SUBSCRIBER",
        f"psql SUBSCRIBER -c {_argument(subscribe)}",
    )
    return _(
        "Each subscriber of publication {name} lacks what is here now. Drop its subscription, bring it the tables that"
        " it lacks (those that it has are refused, which does no harm), empty those of the publication there, and"
        " subscribe anew, which copies all rows:\n{lines}",
        name=publication.name,
        lines="\n".join(lines),
    )


def _argument(text: str) -> str:
    """Quote one argument for a shell, in double quotes, which are easier to read, if they change nothing."""
    return shlex.quote(text) if set(text) & set('"$`\\!') else f'"{text}"'
