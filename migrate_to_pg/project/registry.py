"""The models of the applied migrations and the installed ones, as SQLite and PostgreSQL name their tables.

This module alone decides which table and columns a model has on either database, and whether anything creates them. A
content type names a model by its application and its name. Only Django knows which table that is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple, cast

from django.apps import apps
from django.apps.registry import Apps
from django.db import models, router
from django.db.migrations import operations
from django.db.migrations.state import ModelState, ProjectState

from migrate_to_pg.errors import MigrateToPgError, MigrationStateError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.alias_override import NOWHERE, override_alias, reimport_migrations
from migrate_to_pg.project.identifiers import backend, called
from migrate_to_pg.project.migration_files import Key, SourceLoader, first_line
from migrate_to_pg.records import GenericKey, ModelNames, Unmade

#: An empty SQLite database.
_SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
Model = type[models.Model]


def has_table(model: Model) -> bool:
    """Report whether Django makes a table for the model. True for many-to-many tables."""
    return model._meta.managed and not model._meta.proxy and not model._meta.swapped


def key_of(model: Model) -> Key:
    """Return (application label, model name in lower case), as in a content type and a migration state."""
    return model._meta.app_label, str(model._meta.model_name)


def _owner(model: Model) -> Model:
    """Return the model that declares a many-to-many table, or the model itself."""
    return cast(Model, model._meta.auto_created or model)


class Side(NamedTuple):
    """The migrations as imported for one kind of database."""

    loader: SourceLoader
    #: The models of the migrations and the other installed ones, as states and as classes with that database's names.
    states: Mapping[Key, ModelState]
    apps: Apps
    #: Models of the applied migrations, or of migrate --run-syncdb.
    made: frozenset[Key]


class Registry:
    """The models as of the migrations ``applied`` to the database ``alias``, and every other installed model.

    Raise MigrationStateError where the migration files make no graph, or Django cannot make the models.
    """

    def __init__(self, applied: Collection[Key], alias: str) -> None:
        self.applied = applied
        self.alias = alias
        self.sqlite, self.postgresql = backend("sqlite3"), backend("postgresql")
        self._installed: dict[Key, ModelState] = {}

    @property
    def source(self) -> Apps:
        """The models with their table names on SQLite."""
        return self._source.apps

    @property
    def target(self) -> Apps:
        """The models with their table names on PostgreSQL."""
        return self._target.apps

    @cached_property
    def _source(self) -> Side:
        return self._side(_SQLITE)

    @cached_property
    def _target(self) -> Side:
        return self._side(NOWHERE, like=self._source)

    def _side(self, entry: Mapping[str, Any], like: Side | None = None) -> Side:
        """Make the models while the alias means such a database: Django cuts names to the *default* database's limit.

        A migration may also have other operations for each kind. Where neither makes a difference, the classes of
        ``like`` are taken: making them is slow.
        """
        with _reporting_model_errors(), override_alias(self.alias, entry), reimport_migrations():
            loader = SourceLoader(None, self.applied)
            unmigrated = loader.unmigrated_apps
            # A state has the models of applications without migrations, but without their relations.
            known = {key: model for key, model in _state(loader).models.items() if key[0] not in unmigrated}
            made = set(known)
            for model in apps.get_models(include_swapped=True):
                there = known.get(key_of(model))
                # makemigrations writes neither relations nor later changes of an unmanaged model.
                if there is None or not (model._meta.managed or there.options.get("managed", True)):
                    # The state of an installed model is the same for both kinds of database.
                    if key_of(model) not in self._installed:
                        self._installed[key_of(model)] = ModelState.from_model(model)
                    known[key_of(model)] = self._installed[key_of(model)]
                    if model._meta.app_label in unmigrated:
                        made.add(key_of(model))
            same = like is not None and like.states == known and not self._has_cut_name(like.apps)
            made_apps = like.apps if like is not None and same else cast(Apps, ProjectState(models=known).apps)
            return Side(loader, known, made_apps, frozenset(made))

    def _has_cut_name(self, made: Apps) -> bool:
        """Report whether Django would cut the name of a model's table for PostgreSQL."""
        limit = self.postgresql.ops.max_name_length() or 0
        tables = (model._meta.db_table for model in made.get_models(include_auto_created=True, include_swapped=True))
        return any(len(table) > limit for table in tables)

    @property
    def unmigrated_apps(self) -> set[str]:
        """The labels of applications without migrations."""
        return self._target.loader.unmigrated_apps

    @cached_property
    def unapplied(self) -> tuple[Key, ...]:
        """The migrations of the project that are not applied."""
        return tuple(sorted(set(self._target.loader.graph.nodes) - self._target.loader.wanted))

    def stored_models(self, *, on_sqlite: bool = False) -> Iterator[Model]:
        """Yield the models that migrations make in this database as the routers say, with PostgreSQL's names."""
        side = self._source if on_sqlite else self._target
        for model in side.apps.get_models(include_auto_created=True):
            made = key_of(_owner(model)) in side.made
            if made and has_table(model) and self._is_allowed(model):
                yield model

    def model(self, label: str) -> Model:
        """Return the model with PostgreSQL's names. Raise LookupError where there is none."""
        return cast(Model, self.target.get_model(label))

    def others(self) -> Iterator[Model]:
        """Yield the models with a table that the project's routers keep out of this database."""
        labels = {name.label for name in self.names}
        for model in self.target.get_models(include_auto_created=True):
            if model._meta.label not in labels and has_table(model):
                yield model

    def content_models(self) -> dict[Key, str]:
        """Map (application label, model name in lower case) to PostgreSQL's table, proxies included."""
        # Models of SQLite alone have no table on PostgreSQL but still exist.
        return {
            key_of(model): called(model._meta.db_table, self.postgresql)
            for side in (self.source, self.target)
            for model in side.get_models(include_auto_created=True, include_swapped=True)
        }

    def generic_keys(self) -> tuple[GenericKey, ...]:
        """Return every installed model's generic foreign keys, and the one that the admin's log keeps by hand."""
        found = {
            self._generic_key(model, field.ct_field, field.fk_field)
            for model in apps.get_models(include_auto_created=True)
            for field in model._meta.private_fields
            # A GenericForeignKey, whose module cannot be imported without contenttypes.
            if hasattr(field, "ct_field") and hasattr(field, "fk_field")
        }
        if apps.is_installed("django.contrib.admin"):
            found.add(self._generic_key(apps.get_model("admin", "LogEntry"), "content_type", "object_id"))
        return tuple(sorted(found, key=lambda key: (key.table, key.object_column)))

    def _generic_key(self, model: Model, content_type: str, object_id: str) -> GenericKey:
        fields = [cast(Any, model._meta.get_field(name)) for name in (content_type, object_id)]
        # An inherited key is in the table of the model that declares it.
        declared = self.target.get_model(*key_of(fields[1].model))
        return GenericKey(
            table=called(declared._meta.db_table, self.postgresql),
            content_type_column=called(fields[0].column, self.postgresql),
            object_column=called(fields[1].column, self.postgresql),
        )

    @cached_property
    def names(self) -> tuple[ModelNames, ...]:
        """Every model of this database that has a table of its own, by the names of both sides."""
        return tuple(self._names())

    def _names(self) -> Iterator[ModelNames]:
        here = {key_of(model): model for model in self.source.get_models(include_auto_created=True)}
        there = {key_of(model): model for model in self.target.get_models(include_auto_created=True)}
        for key in {**there, **here}:
            # A migration may make a model on one kind of database alone.
            source, target = here.get(key, there.get(key)), there.get(key, here.get(key))
            if source is None or target is None or target._meta.proxy:
                continue
            if self._is_allowed(target) or self._is_used(target):
                made = target._meta.managed and key_of(_owner(target)) in self._target.made
                yield self._named(source, target, unmade=None if made else self._why(target))
                installed = _installed(target)
                # Its table was renamed since, by a migration that is not applied or by hand.
                own = called(installed._meta.db_table, self.sqlite) if installed else ""
                if installed and own not in (
                    called(source._meta.db_table, self.sqlite),
                    called(target._meta.db_table, self.postgresql),
                ):
                    yield self._named(installed, installed, unmade=self._why(installed))

    def _named(self, source: Model, target: Model, *, unmade: Unmade | None) -> ModelNames:
        columns = {field.name: str(field.column) for field in source._meta.local_concrete_fields}
        return ModelNames(
            label=target._meta.label,
            source=called(source._meta.db_table, self.sqlite),
            target=called(target._meta.db_table, self.postgresql),
            columns=tuple(
                (called(columns[field.name], self.sqlite), called(str(field.column), self.postgresql))
                for field in target._meta.local_concrete_fields
                if field.name in columns
            ),
            is_used=self._is_used(target),
            unmade=unmade,
            migration=self._migration(target) if unmade is Unmade.UNAPPLIED else "",
        )

    def _is_allowed(self, model: Model) -> bool:
        # A many-to-many table is made with the model that declares it, whatever the routers say about itself.
        return router.allow_migrate_model(self.alias, _owner(model))

    def _is_used(self, model: Model) -> bool:
        installed = _installed(model)
        if installed is None or installed._meta.swapped:
            return False
        owner = key_of(_owner(model))
        if owner in self._source.made and owner not in self._target.made:
            # The migrations make it for SQLite alone, on purpose, such as a search index.
            return False
        return self._is_allowed(installed) or router.db_for_read(installed) == self.alias

    def _why(self, model: Model) -> Unmade:
        if not model._meta.managed:
            return Unmade.UNMANAGED
        return Unmade.UNAPPLIED if self._migration(model) else Unmade.UNWRITTEN

    def _migration(self, model: Model) -> str:
        """Return the first unapplied migration of its application that creates it, else the last unapplied one."""
        owner = _owner(model)
        mine = [key for key in self.unapplied if key[0] == owner._meta.app_label]
        for key in mine:
            made = cast(Any, self._target.loader.graph.nodes[key]).operations
            if any(isinstance(op, operations.CreateModel) and op.name_lower == owner._meta.model_name for op in made):
                return " ".join(key)
        return " ".join(mine[-1]) if mine else ""


def _installed(model: Model) -> Model | None:
    return apps.all_models.get(model._meta.app_label, {}).get(str(model._meta.model_name))


@contextmanager
def _reporting_model_errors() -> Iterator[None]:
    """Raise MigrationStateError where Django cannot make the models, in which the project's own classes take part."""
    try:
        yield
    except MigrateToPgError:
        raise
    except Exception as error:
        raise MigrationStateError(
            _("Django cannot make the models of the applied migrations: {first_line}", first_line=first_line(error)),
            remedy=_(
                "Run manage.py makemigrations --check and manage.py migrate --plan on the SQLite database, and do what"
                " they say."
            ),
        ) from error


def _state(loader: SourceLoader) -> ProjectState:
    wanted = loader.wanted & set(loader.graph.nodes)
    # project_state reads an empty list as "every leaf".
    leaves = [
        key for key in sorted(wanted) if not any(child.key in wanted for child in loader.graph.node_map[key].children)
    ]
    return loader.project_state(cast(Any, leaves)) if leaves else ProjectState()


def historical_models(loader: SourceLoader) -> dict[Key, str]:
    """Map (application label, model name in lower case) to its table, for a loader's applied migrations alone.

    No classes are made of the states, which would be slow.
    """
    tables = {}
    states = _state(loader).models
    postgresql = backend("postgresql")
    for key, state in states.items():
        while state.options.get("proxy"):
            behind = next((states[base] for base in map(_key, state.bases) if base in states), None)
            if behind is None:
                break
            state = behind
        if not state.options.get("proxy"):
            table = state.options.get("db_table") or f"{state.app_label}_{state.name_lower}"
            tables[key] = called(str(table), postgresql)
    return tables


def _key(base: str | type[models.Model]) -> Key:
    """Return the key of a base: "app.model" in a state, or a class such as Model itself."""
    label, _, name = base.partition(".") if isinstance(base, str) else ("", "", "")
    return label, name.lower()
