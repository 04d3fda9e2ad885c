"""Decide which columns are secret, and mask their values wherever they would be shown.

A column is secret by its name (password, token, secret, session data, API key, ...), by the class of its Django field
(an encrypted field), by its place in a table of tokens or keys, or because ``MIGRATE_TO_PG["SECRETS"]`` names it. The
snapshot, the journal and the quarantine keep such values, since repairs and verification need them. Reports and
messages do not.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg

MASK = "***"

#: Found anywhere in a name reduced to letters and digits. Not secretary, secretariat.
_IN_NAME = re.compile(
    r"passw|passphrase|passcode|motdepasse|secret(?!ar)|token|credential|encrypted|ciphertext|sessiondata|sessionkey"
    r"|sessionid$|recoverycode|backupcode|(?:api|private|access|signing|encryption|hashed|activation)key"
)
#: Matched as separate words of a name, since short words occur within others.
_WORDS = frozenset({"pwd", "mdp", "otp", "totp", "jwt", "bearer", "salt"})
#: A table of secrets holds them in columns with neutral names.
_IN_TABLE = re.compile(r"token|apikey|secret(?!ar)|credential|otp|totp|authenticator")
_COLUMNS_THERE = frozenset({"key", "value", "digest", "hash", "seed", "code", "data"})
_FIELD = re.compile(r"encrypt|fernet|password|secret(?!ar)|credential|token", re.IGNORECASE)
#: Field types that cannot hold a secret, whatever their name.
_PLAIN_FIELDS = frozenset(
    {"AutoField", "BigAutoField", "SmallAutoField", "BooleanField", "NullBooleanField", "DateField", "DateTimeField",
     "TimeField", "DurationField"}
)  # fmt: skip
#: PostgreSQL truncates identifiers.
_LONGEST = 63
_KEY = re.compile(r"\((?P<columns>.*?)\)=\(.*\)", re.DOTALL)
_ROW = re.compile(r"(Failing row contains ).*", re.DOTALL)


#: (table, column) of the snapshot at hand, whose values are made of secret ones: see ``secrets_of_source``.
_hidden: set[tuple[str, str]] = set()


def hide(columns: Iterable[tuple[str, str]]) -> None:
    """Let these columns be secret, and no others of an earlier snapshot."""
    _hidden.clear()
    _hidden.update((_unquoted(table), column.casefold()) for table, column in columns)


def hide_as(table: str, column: str, *, table_there: str, column_there: str) -> None:
    """Let a column be secret under its name on PostgreSQL, if it is under the one in SQLite."""
    if (_unquoted(table), column.casefold()) in _hidden:
        _hidden.add((_unquoted(table_there), column_there.casefold()))


def unknown_names(columns: Iterable[tuple[str, str]]) -> list[str]:
    """Return the names in ``MIGRATE_TO_PG["SECRETS"]`` that name neither a model's column nor one of these."""
    known = {(_unquoted(table), column.casefold()) for table, column in columns} | set(_known_fields())
    places = {f"{table}.{column}" for table, column in known} | {column for _, column in known}
    return [name for name in _settings() if place_of(name).casefold() not in places]


def is_secret(table: str, column: str) -> bool:
    """Report whether values of this column are never shown. Names may be SQLite's or PostgreSQL's."""
    from django.apps import apps

    table, column = _unquoted(table), column.casefold()
    if not _configured(_settings()).isdisjoint({column, f"{table}.{column}"}):
        return True
    if (table, column) in _hidden:
        return True
    known = _known_fields().get((table, column)) if apps.models_ready else None
    return _by_name(table, column) if known is None else known


def has_secret(table: str, columns: Iterable[str]) -> bool:
    """Report whether any of these columns is secret."""
    return any(is_secret(table, column) for column in columns)


def may_be_secret(column: str) -> bool:
    """Report whether a column of that name is secret in any table that is known."""
    from django.apps import apps

    name = column.casefold()
    if any(place.rpartition(".")[2] == name for place in _configured(_settings())):
        return True
    known = [secret for (_, other), secret in _known_fields().items() if other == name] if apps.models_ready else []
    return any(known) if known else _by_name("", name)


def is_known(column: str) -> bool:
    """Report whether an installed model has a column of that name."""
    from django.apps import apps

    return apps.models_ready and any(name == column.casefold() for _, name in _known_fields())


def is_of_model(table: str, column: str) -> bool:
    """Report whether an installed model has this column."""
    return (_unquoted(table), column.casefold()) in _known_fields()


def masked(table: str, column: str, value: str | None) -> str | None:
    """Return the text, or *** in its place. That there is no value may be known."""
    return MASK if value is not None and is_secret(table, column) else value


def masked_key(table: str, key: Mapping[str, str], *, row: int | None = None) -> dict[str, str]:
    """Return a row's key. Where a part of it is secret, return the number of the row, if that is known."""
    if row is not None and has_secret(table, key):
        return {"rowid": str(row)}
    return {column: MASK if is_secret(table, column) else value for column, value in key.items()}


def server_reason(message: str, sqlstate: str, table: str, columns: Iterable[str]) -> str:
    """Return PostgreSQL's message about a value, or its SQLSTATE's name where one of these columns is secret."""
    # Violations of integrity and of limits name constraints, columns and sizes. Values are in their DETAIL.
    if sqlstate.startswith(("23", "54")) or not has_secret(table, columns):
        return message
    return _condition(sqlstate)


def discreet_reason(error: BaseException, sqlstate: str) -> str:
    """Return what may be told of an error by a statement that uses a secret: no value that its message quotes."""
    if not sqlstate:
        return type(error).__name__
    if sqlstate.startswith("22"):
        return _condition(sqlstate)
    return without_quoted(next(iter(str(error).strip().splitlines()), ""))


def without_quoted(message: str) -> str:
    """Mask all that stands between the first quote and the last, since a value may have quotes of its own.

    Where their number is odd, the rest of the message may belong to a value.
    """
    return re.sub(r'".*' if message.count('"') % 2 else r'".*"', f'"{MASK}"', message, flags=re.DOTALL)


def _condition(sqlstate: str) -> str:
    """Return the name that PostgreSQL gives to a SQLSTATE."""
    try:
        name = psycopg.errors.lookup(sqlstate).__name__
    except KeyError:
        return sqlstate
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


def server_message(error: psycopg.Error) -> str:
    """Return PostgreSQL's message, or the driver's first line. Mask what a data exception quotes."""
    message = error.diag.message_primary or next(iter(str(error).splitlines()), "")
    return (
        re.sub(r'".*"', f'"{MASK}"', message, flags=re.DOTALL) if (error.sqlstate or "").startswith("22") else message
    )


def server_detail(error: psycopg.Error, table: str = "") -> list[str]:
    """Return PostgreSQL's DETAIL and HINT without row values, and without keys that have a secret column."""
    table = error.diag.table_name or table
    detail = _ROW.sub(rf"\1({MASK}).", error.diag.message_detail or "")
    if (key := _KEY.search(detail)) and has_secret(table, re.findall(r"\w+", key["columns"])):
        detail = f"{detail[: key.start()]}({key['columns']})=({MASK}){detail[key.end() :]}"
    return [line for line in (detail, error.diag.message_hint) if line]


def _unquoted(table: str) -> str:
    """Return the name without its schema: leftovers are shown with it, and db_table may be '"schema"."name"'."""
    return table.rpartition(".")[2].strip('"').casefold()


def _by_name(table: str, column: str) -> bool:
    short = re.sub(r"[\W_]", "", column)
    if _IN_NAME.search(short) or not _WORDS.isdisjoint(re.split(r"[\W_]+", column)):
        return True
    return column in _COLUMNS_THERE and _IN_TABLE.search(re.sub(r"[\W_]", "", table)) is not None


def _settings() -> tuple[str, ...]:
    """Return the names in ``MIGRATE_TO_PG["SECRETS"]``. ``management.settings`` checks whether they are names."""
    from django.conf import settings

    given: Any = getattr(settings, "MIGRATE_TO_PG", None) if settings.configured else None
    names = given.get("SECRETS", ()) if isinstance(given, Mapping) else ()
    listed = names.split(",") if isinstance(names, str) else names
    return tuple(str(name).strip() for name in listed) if isinstance(listed, (list, tuple)) else ()


@functools.cache
def _configured(names: Sequence[str]) -> frozenset[str]:
    """Return each name as column or table.column."""
    return frozenset(place.casefold() for name in names if (place := place_of(name)))


def place_of(name: str) -> str:
    """Return the column that a setting names, as column or table.column, or '' where no installed model has it."""
    if name.count(".") != 2:
        return name
    from django.apps import apps
    from django.core.exceptions import FieldDoesNotExist

    label, model, field = name.split(".")
    try:
        meta = apps.get_model(label, model)._meta
        return f"{_unquoted(meta.db_table)}.{getattr(meta.get_field(field), 'column', field)}"
    except (LookupError, FieldDoesNotExist):
        return ""


@functools.cache
def _known_fields() -> Mapping[tuple[str, str], bool]:
    """Map (table, column) to the verdict on the installed model's field."""
    from django.apps import apps

    found = {}
    for model in apps.get_models(include_auto_created=True):
        table = _unquoted(model._meta.db_table)
        for field in model._meta.local_concrete_fields:
            for name in (str(field.column), str(field.column)[:_LONGEST]):
                found[table, name.casefold()] = field_is_secret(field)
    return found


def field_is_secret(field: Any) -> bool:
    """Decide by the field's class or name, and for a foreign key by those of the referenced field."""
    seen = {field}
    while field.remote_field is not None and (target := field.target_field) not in seen:
        field = target
        seen.add(field)
    if any(field_is_secret(computed_from) for computed_from in getattr(field, "referenced_fields", ())):
        return True
    if field.get_internal_type() in _PLAIN_FIELDS:
        return False
    if any(_FIELD.search(f"{kind.__module__}.{kind.__name__}") for kind in type(field).__mro__):
        return True
    return _by_name(_unquoted(field.model._meta.db_table), str(field.column).casefold())
