"""Make the plan of a run from the project's models, and choose the tables that are made from models."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import cast

from django.conf import settings

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.planning import make_plan
from migrate_to_pg.planning.expected_schema import tables_of
from migrate_to_pg.planning.scratch_schema import SqliteSchema
from migrate_to_pg.project.registry import Model, Registry
from migrate_to_pg.records import ModelNames, Plan, SourceCatalog, TargetTable, folded

logger = logging.getLogger(__name__)


def plan_project(
    registry: Registry,
    catalog: SourceCatalog,
    targets: Iterable[TargetTable],
    *,
    time_zone: str,
    views: Collection[str] = (),
    schema: SqliteSchema | None,
) -> Plan:
    """Plan what is moved, with what the project's models say of both sides.

    ``views`` are the names of PostgreSQL's views, where there is a server. ``schema`` is what the migrations make on
    SQLite, and may make on PostgreSQL too.
    """
    targets = tuple(targets)
    existing = {target.name for target in targets}
    promised = [model for model in registry.names if model.is_used and model.target not in existing]
    plan = make_plan(
        catalog,
        targets,
        source_time_zone=time_zone,
        local_times=not settings.USE_TZ,
        # Models of SQLite alone have no table on PostgreSQL but still exist.
        models={**(schema.models if schema else {}), **registry.content_models()},
        generic_keys=registry.generic_keys(),
        views=views,
        names=registry.names,
        promised=tables_of(registry.model(model.label) for model in promised if catalog.table(model.source)),
    )
    unknown = schema is None or bool(schema.complaint)
    made_on_sqlite = {folded(statement.name) for statement in (schema.statements if schema else ())}
    unmade = (replace(one, may_be_made=unknown or folded(one.name) in made_on_sqlite) for one in plan.unmade)
    plan = replace(plan, unmade=tuple(unmade), made=schema.tables if schema else None)
    logger.info(
        "%d tables are paired; %d are PostgreSQL's alone, %d no migration makes",
        len(plan.tables), len(plan.only_target), len(plan.unmade),
    )  # fmt: skip
    return plan


def unmade_names(registry: Registry, catalog: SourceCatalog) -> list[ModelNames]:
    """Return the models in use whose tables SQLite has and no applied migration is known to make."""
    there = {folded(table.name) for table in catalog.tables if table.kind == "table"}
    return [model for model in registry.names if model.is_used and model.unmade and folded(model.source) in there]


def chosen_models(
    registry: Registry, catalog: SourceCatalog, wanted: Sequence[str], *, every: bool, but: Sequence[str]
) -> list[Model]:
    """Return the models of --from-models with PostgreSQL's names.

    With ``every`` all that nothing makes are chosen, except ``but``. Raise UsageError for a name of nothing that could
    be made so.
    """
    known = unmade_names(registry, catalog)
    for name in wanted:
        if not any(_is(model, name) for model in known):
            raise UsageError(
                _(
                    "--from-models {name}: no installed model of that name has a table in SQLite that no migration"
                    " makes.",
                    name=name,
                ),
                remedy=_("There is: {models}.", models=", ".join(model.label for model in known))
                if known
                else _("There is none: leave the option out."),
            )
    chosen = [
        model.label
        for model in known
        if any(_is(model, name) for name in wanted) or (every and not any(_is(model, name) for name in but))
    ]
    models = {label: registry.model(label) for label in chosen}
    return [model for model in models.values() if _is_made_with(model) not in models]


def _is_made_with(model: Model) -> str:
    """Return the label of the model with which Django makes a many-to-many table, or ''."""
    owner = cast(Model, model._meta.auto_created or model)
    return "" if owner is model else owner._meta.label


def _is(model: ModelNames, name: str) -> bool:
    return name.lower() == model.label.lower() or name in (model.source, model.target)


def as_leftovers(plan: Plan, wanted: Sequence[str], *, must_be_there: bool) -> Plan:
    """Note which tables of installed models may become leftovers; "all" means every one.

    Raise UsageError for an unknown name.
    """
    if "all" in wanted:
        return replace(plan, as_leftovers=tuple(table.name for table in plan.unmade))
    found = {
        name: [
            table.name
            for table in plan.unmade
            if name == table.name or name.lower() in {model.lower() for model in table.models}
        ]
        for name in wanted
    }
    unknown = [name for name, tables in found.items() if not tables]
    if unknown and must_be_there:
        known = ", ".join(table.models[0] for table in plan.unmade)
        raise UsageError(
            _(
                "--as-leftovers {name}: no installed model has a table of that name that no migration makes.",
                name=unknown[0],
            ),
            remedy=_("There is: {models}.", models=known) if known else _("There is none: leave the option out."),
        )
    return replace(plan, as_leftovers=tuple(table for tables in found.values() for table in tables))
