"""Record what the applied migrations would create on PostgreSQL through Django's schema editor, without a server.

A migration may change the database alone, and may do so on one kind of database only: its state does not show it. Here
each operation gets a PostgreSQL schema editor that records the calls, and a cursor that returns no rows, except for the
tables made so far.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Any

from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.introspection import TableInfo
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from migrate_to_pg.postgres.parse_ddl import AlteredTable, Change, CreatedTable, parse_statements
from migrate_to_pg.project.migration_files import SourceLoader

#: Key of a constraint or index: its sorted columns, or '' and its name.
Mark = tuple[str, ...]
#: Version of the newest server, so that nothing is missing that needs it.
NEWEST = 180000


@dataclass(slots=True)
class Recorded:
    """One table, as the schema editor or a statement defined it."""

    #: None where a statement made it.
    model: type[models.Model] | None = None
    #: Column -> its field, or its definition in a statement.
    fields: dict[str, Any] = field(default_factory=dict)
    #: Column -> later changes by statements.
    changed: dict[str, Change] = field(default_factory=dict)
    #: Primary key of a table that a statement made.
    primary_key: tuple[str, ...] = ()
    #: Constraint or index -> the object where it has a name, else the columns in their order.
    marks: dict[Mark, Any] = field(default_factory=dict)

    def rename(self, old: str, new: str) -> None:
        """Rename a column in everything recorded."""
        names = {old: new}
        self.fields = {names.get(name, name): own for name, own in self.fields.items()}
        self.changed = {names.get(name, name): change for name, change in self.changed.items()}
        self.primary_key = tuple(names.get(name, name) for name in self.primary_key)
        for mark, one in list(self.marks.items()):
            if old in mark and "" not in mark:
                del self.marks[mark]
                self.unique(names.get(name, name) for name in one)

    def unique(self, columns: Iterable[str]) -> None:
        """Add a unique constraint without a name."""
        columns = tuple(columns)
        self.marks[tuple(sorted(columns))] = columns


@dataclass(slots=True)
class Record:
    """The effects of the operations."""

    tables: dict[str, Recorded] = field(default_factory=dict)
    #: SQL statements in lower case, whose effects are only partly parsed.
    statements: list[str] = field(default_factory=list)
    #: Applications with an operation that failed, as for want of rows, so that its further effects are unknown.
    gave_up: set[str] = field(default_factory=set)
    #: Constraints and indexes, named by Django, that a statement dropped.
    dropped: set[str] = field(default_factory=set)

    def note(self, sql: str) -> None:
        """Record a statement that is not executed."""
        self.statements.append(sql.lower())
        for action in parse_statements(sql):
            if isinstance(action, CreatedTable):
                table = Recorded(fields=dict(action.columns), primary_key=action.primary_key)
                self.tables[action.table] = table
                for _name, columns in action.uniques:
                    table.unique(columns)
            else:
                self._alter(action)

    def _alter(self, action: AlteredTable) -> None:
        table = self.tables.get(action.table)
        if action.renamed_to and table:
            self.tables[action.renamed_to] = self.tables.pop(action.table)
        if action.is_dropped:
            self.tables.pop(action.table, None)
        if action.dropped_name:
            for one in [table] if table else self.tables.values():
                one.marks.pop(("", action.dropped_name), None)
            self.dropped.add(action.dropped_name)
        if table is None:
            return
        if action.added:
            table.fields[action.added[0]] = action.added[1]
        table.fields.pop(action.dropped, None)
        if action.changed:
            table.changed.setdefault(action.changed[0], {}).update(action.changed[1])
        if action.renamed_column:
            table.rename(*action.renamed_column)
        if action.renamed_constraint:
            old, new = (("", name) for name in action.renamed_constraint)
            table.marks = {new if mark == old else mark: one for mark, one in table.marks.items()}
        if action.unique:
            own_name, columns = action.unique
            table.unique(columns)
            # A constraint of the state may have that name.
            table.marks[("", own_name)] = columns

    def speaks_of(self, *words: str) -> bool:
        """Report whether one statement contains all of these words."""
        return any(all(word.lower() in statement for word in words) for statement in self.statements)


def is_plain(loader: SourceLoader) -> bool:
    """Report whether the applied migrations do nothing but what the state has. Django's own always do."""
    applied = (loader.graph.nodes[key] for key in loader.wanted if key in loader.graph.nodes)
    own = (m for m in applied if m is not None and not type(m).__module__.startswith("django."))
    others = (migrations.RunPython, migrations.RunSQL, migrations.SeparateDatabaseAndState)
    return all(
        type(operation).__module__.startswith("django.db.migrations.") and not isinstance(operation, others)
        for migration in own
        for operation in migration.operations
    )


def record(connection: BaseDatabaseWrapper, loader: SourceLoader) -> Record:
    """Run every operation of the applied migrations, in their order, without a database."""
    noted = Record()
    wrapper: Any = connection
    wrapper.__dict__["pg_version"] = NEWEST
    wrapper.connect = lambda: None
    wrapper.cursor = lambda *_: _Cursor(noted)
    wrapper.introspection.get_table_list = lambda _: [TableInfo(name, "t") for name in noted.tables]
    editor = _Editor(connection, noted)
    state = ProjectState(real_apps=loader.unmigrated_apps)
    with redirect_stdout(io.StringIO()):
        for label, operation in _operations(loader):
            before = state.clone()
            try:
                # It also fails where the record lacks what an operation needs.
                operation.state_forwards(label, state)
                operation.database_forwards(label, editor, before, state)
            except (Exception, SystemExit):  # noqa: BLE001 - a migration is the project's own code
                noted.gave_up.add(label)
    return noted


def _operations(loader: SourceLoader) -> Iterator[tuple[str, Operation]]:
    seen: set[tuple[str, str]] = set()
    for leaf in sorted(loader.graph.leaf_nodes()):
        for key in loader.graph.forwards_plan(leaf):
            migration = loader.graph.nodes[key]
            if key in seen or migration is None or key not in loader.wanted:
                continue
            seen.add(key)
            for operation in migration.operations:
                yield migration.app_label, operation


class _Cursor:
    """A cursor that returns no rows, except for the key of an inserted one."""

    rowcount = 0
    description = None

    def __init__(self, noted: Record) -> None:
        self._noted = noted
        self._returned = ""

    def execute(self, sql: object, _parameters: object = None) -> None:
        self._noted.note(str(sql))
        self._returned = str(sql).rpartition(" RETURNING ")[2] if " RETURNING " in str(sql) else ""

    def executemany(self, sql: object, _parameters: object = None) -> None:
        self.execute(sql)

    def fetchone(self) -> tuple[int, ...] | None:
        return (1,) * len(self._returned.split(",")) if self._returned else None

    def fetchall(self) -> list[Any]:
        return []

    def fetchmany(self, _size: int = 0) -> list[Any]:
        return []

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __enter__(self) -> _Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass


class _Editor(DatabaseSchemaEditor):
    """A schema editor that records the calls."""

    def __init__(self, connection: BaseDatabaseWrapper, noted: Record) -> None:
        super().__init__(connection, collect_sql=False, atomic=True)
        self.deferred_sql = []
        self._noted = noted

    def _recorded(self, model: type[models.Model]) -> Recorded:
        if model._meta.db_table not in self._noted.tables:
            # A table made by other means, such as unparsed SQL, is taken from the state.
            self._noted.tables[model._meta.db_table] = _made_of(model)
        return self._noted.tables[model._meta.db_table]

    def execute(self, sql: object, params: object = ()) -> None:
        self._noted.note(str(sql))

    def create_model(self, model: type[models.Model]) -> None:
        self._noted.tables[model._meta.db_table] = _made_of(model)
        for through in _made_with(model):
            self.create_model(through)

    def delete_model(self, model: type[models.Model]) -> None:
        self._noted.tables.pop(model._meta.db_table, None)
        for through in _made_with(model):
            self.delete_model(through)

    def add_index(self, model: type[models.Model], index: Any, concurrently: bool = False) -> None:
        self._recorded(model).marks[named(index)] = index

    def remove_index(self, model: type[models.Model], index: Any, concurrently: bool = False) -> None:
        self._recorded(model).marks.pop(named(index), None)

    def rename_index(self, model: type[models.Model], old_index: Any, new_index: Any) -> None:
        self.remove_index(model, old_index)
        self.add_index(model, new_index)

    def add_constraint(self, model: type[models.Model], constraint: Any) -> None:
        self._recorded(model).marks[named(constraint)] = constraint

    def remove_constraint(self, model: type[models.Model], constraint: Any) -> None:
        self._recorded(model).marks.pop(named(constraint), None)

    def alter_unique_together(self, model: type[models.Model], old: Any, new: Any) -> None:
        table = self._recorded(model)
        for names in old:
            table.marks.pop(tuple(sorted(_columns(model, names))), None)
        for names in new:
            table.unique(_columns(model, names))

    def alter_db_table(self, model: type[models.Model], old_db_table: str, new_db_table: str) -> None:
        if old_db_table in self._noted.tables:
            self._noted.tables[new_db_table] = self._noted.tables.pop(old_db_table)

    def alter_db_table_comment(self, model: type[models.Model], old: Any, new: Any) -> None:
        pass

    def alter_db_tablespace(self, model: type[models.Model], old: Any, new: Any) -> None:
        pass

    def add_field(self, model: type[models.Model], field: Any) -> None:
        if field.many_to_many and field.remote_field.through._meta.auto_created:
            self.create_model(field.remote_field.through)
        elif not field.many_to_many:
            _add(self._recorded(model), field)

    def remove_field(self, model: type[models.Model], field: Any) -> None:
        if field.many_to_many and field.remote_field.through._meta.auto_created:
            self.delete_model(field.remote_field.through)
        elif not field.many_to_many:
            table = self._recorded(model)
            table.fields.pop(field.column, None)
            table.marks = {mark: one for mark, one in table.marks.items() if "" in mark or field.column not in mark}

    def alter_field(self, model: type[models.Model], old_field: Any, new_field: Any, strict: bool = False) -> None:
        if old_field.many_to_many and new_field.many_to_many:
            self.alter_db_table(
                model, old_field.remote_field.through._meta.db_table, new_field.remote_field.through._meta.db_table
            )
            return
        table = self._recorded(model)
        if old_field.unique:
            table.marks.pop((old_field.column,), None)
        table.rename(old_field.column, new_field.column)
        _add(table, new_field)


def _made_of(model: type[models.Model]) -> Recorded:
    """Return the table as CreateModel makes it."""
    table = Recorded(model=model)
    for own in model._meta.local_concrete_fields:
        _add(table, own)
    for names in model._meta.unique_together:
        table.unique(_columns(model, names))
    table.marks.update((named(one), one) for one in (*model._meta.constraints, *model._meta.indexes))
    return table


def _add(table: Recorded, own: Any) -> None:
    if own.column is None:
        # A composite key has no column of its own.
        return
    table.fields[own.column] = own
    table.changed.pop(own.column, None)
    if own.unique and not own.primary_key:
        table.unique([own.column])


def _made_with(model: type[models.Model]) -> Iterator[type[models.Model]]:
    """Yield the model's many-to-many tables."""
    for own in model._meta.local_many_to_many:
        through = own.remote_field.through
        if through is not None and through._meta.auto_created:
            yield through


def named(one: Any) -> Mark:
    """Return the key of a constraint or index that has a name."""
    return "", str(one.name)


def _columns(model: type[models.Model], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(model._meta.get_field(name).column) for name in names)  # type: ignore[union-attr]
