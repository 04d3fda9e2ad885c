"""Parse PostgreSQL statements that define tables, without a server, and the names of types.

CREATE TABLE, DROP TABLE, ALTER TABLE and statements of indexes are parsed, as migrations have them in RunSQL. All other
statements are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypedDict

from migrate_to_pg.records import TargetColumn

_TOKEN = re.compile(
    r"""(?P<blank>\s+|--[^\n]*|/\*.*?\*/)|(?P<text>'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"""
    r"""|(?P<quoted>"(?:[^"]|"")+")|(?P<word>[^\W\d]\w*)|(?P<other>\d+|::|.)""",
    re.DOTALL,
)
#: Keywords that end the type in a column's definition.
_AFTER_TYPE = {
    "NOT", "NULL", "DEFAULT", "PRIMARY", "UNIQUE", "REFERENCES", "CHECK", "CONSTRAINT", "COLLATE", "GENERATED",
}  # fmt: skip
#: Keywords that begin an element of CREATE TABLE which is no column.
_NO_COLUMN = {"CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "EXCLUDE", "LIKE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RawColumn:
    """A column as a statement defines it."""

    type_sql: str
    null: bool
    has_default: bool = False
    generated: bool = False


class Change(TypedDict, total=False):
    """Fields of a RawColumn that ALTER COLUMN changes."""

    type_sql: str
    null: bool
    has_default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedTable:
    """CREATE TABLE."""

    table: str
    columns: dict[str, RawColumn]
    primary_key: tuple[str, ...]
    #: Name or '', and columns, of each.
    uniques: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlteredTable:
    """One action of ALTER TABLE, DROP TABLE, or an index."""

    #: '' if the statement does not name it.
    table: str
    added: tuple[str, RawColumn] | None = None
    dropped: str = ""
    #: Column and its new properties.
    changed: tuple[str, Change] | None = None
    #: Old and new name.
    renamed_column: tuple[str, str] | None = None
    renamed_constraint: tuple[str, str] | None = None
    renamed_to: str = ""
    is_dropped: bool = False
    unique: tuple[str, tuple[str, ...]] | None = None
    #: A constraint or an index.
    dropped_name: str = ""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    kind: str

    @property
    def keyword(self) -> str:
        return self.text.upper() if self.kind != "quoted" else ""

    @property
    def name(self) -> str:
        """Return the identifier. PostgreSQL lowercases it unless it is quoted."""
        return self.text[1:-1].replace('""', '"') if self.kind == "quoted" else self.text.lower()


def parse_statements(sql: str) -> Iterator[CreatedTable | AlteredTable]:
    """Yield the effects of each statement of a script in order."""
    found = (match for match in _TOKEN.finditer(sql) if match.lastgroup != "blank" and not match["blank"])
    tokens = [_Token(m[0], "quoted" if m["quoted"] else "word" if m["word"] else "other") for m in found]
    for statement in _split(tokens, ";"):
        words = [token.keyword for token in statement]
        if words[:2] == ["CREATE", "TABLE"] or words[:3] == ["CREATE", "UNLOGGED", "TABLE"]:
            yield from _parse_create(statement)
        elif words[:2] == ["ALTER", "TABLE"]:
            yield from _parse_alter(statement)
        elif words[:2] == ["DROP", "TABLE"]:
            for part in _split(statement[_skip(words, 2) :], ","):
                yield AlteredTable(table=_name_at(part, 0)[0], is_dropped=True)
        elif words[:3] == ["CREATE", "UNIQUE", "INDEX"]:
            yield from _unique_index(statement)
        elif words[:2] == ["DROP", "INDEX"]:
            yield AlteredTable(table="", dropped_name=_name_at(statement, _skip(words, 2))[0])


def _split(tokens: list[_Token], at: str) -> Iterator[list[_Token]]:
    """Yield the parts between separators outside of parentheses, except empty parts."""
    depth, part = 0, list[_Token]()
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text == at and depth == 0:
            if part:
                yield part
            part = []
        else:
            part.append(token)
    if part:
        yield part


def _skip(words: list[str], at: int) -> int:
    while at < len(words) and words[at] in ("IF", "NOT", "EXISTS", "ONLY", "CONCURRENTLY"):
        at += 1
    return at


def _name_at(tokens: list[_Token], at: int) -> tuple[str, int]:
    """Return the name that begins at an index, without its schema, and the index after it."""
    if at >= len(tokens):
        return "", at
    name = tokens[at].name
    while at + 2 < len(tokens) and tokens[at + 1].text == ".":
        at += 2
        name = tokens[at].name
    return name, at + 1


def _inside(tokens: list[_Token], at: int) -> list[_Token]:
    """Return the tokens within the parentheses that open at an index."""
    depth = 0
    for end in range(at, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[end].text, 0)
        if depth == 0:
            return tokens[at + 1 : end]
    return tokens[at + 1 :]


def _names(tokens: list[_Token]) -> tuple[str, ...]:
    """Return the columns of a list, or none if one of them is an expression."""
    parts = list(_split(tokens, ","))
    plain = all(part[0].kind in ("quoted", "word") and "(" not in [t.text for t in part] for part in parts)
    return tuple(part[0].name for part in parts) if plain else ()


def _parse_create(statement: list[_Token]) -> Iterator[CreatedTable]:
    words = [token.keyword for token in statement]
    table, at = _name_at(statement, _skip(words, words.index("TABLE") + 1))
    # AS SELECT, PARTITION OF and the like define no columns.
    if at >= len(statement) or statement[at].text != "(":
        return
    columns: dict[str, RawColumn] = {}
    primary: tuple[str, ...] = ()
    uniques: list[tuple[str, tuple[str, ...]]] = []
    for part in _split(_inside(statement, at), ","):
        if part[0].keyword in _NO_COLUMN:
            own_name, kind, names = _constraint(part)
            primary = names if kind == "PRIMARY" else primary
            if kind == "UNIQUE" and names:
                uniques.append((own_name, names))
            continue
        own = [token.keyword for token in part]
        columns[part[0].name] = _column(part)
        primary = (part[0].name,) if "PRIMARY" in own else primary
        if "UNIQUE" in own:
            uniques.append(("", (part[0].name,)))
    yield CreatedTable(table=table, columns=columns, primary_key=primary, uniques=tuple(uniques))


def _constraint(part: list[_Token]) -> tuple[str, str, tuple[str, ...]]:
    """Return its name or '', its kind and its columns."""
    own_name = part[1].name if part[0].keyword == "CONSTRAINT" and len(part) > 1 else ""
    words = [token.keyword for token in part]
    kind = next((word for word in words if word in ("PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "EXCLUDE")), "")
    opens = next((at for at, token in enumerate(part) if token.text == "("), len(part))
    return own_name, kind, _names(_inside(part, opens)) if kind in ("PRIMARY", "UNIQUE") else ()


def _column(part: list[_Token]) -> RawColumn:
    """Parse the definition of one column, which begins with its name."""
    words = [token.keyword for token in part]
    end = next((at for at, word in enumerate(words) if at and word in _AFTER_TYPE), len(part))
    written = " ".join(token.text if token.kind == "quoted" else token.text.lower() for token in part[1:end])
    written = re.sub(r"\s*([(),\[\].])\s*", r"\1", written)
    pairs = set(pairwise(words))
    numbered = "IDENTITY" in words or "serial" in written
    return RawColumn(
        type_sql=written,
        null=("NOT", "NULL") not in pairs and "PRIMARY" not in words and not numbered,
        has_default="DEFAULT" in words or numbered or "GENERATED" in words,
        generated="GENERATED" in words and "IDENTITY" not in words,
    )


def _parse_alter(statement: list[_Token]) -> Iterator[AlteredTable]:
    words = [token.keyword for token in statement]
    table, at = _name_at(statement, _skip(words, 2))
    for action in _split(statement[at:], ","):
        own = [token.keyword for token in action]
        if own[0] == "ADD" and len(own) > 1 and own[1] in _NO_COLUMN:
            own_name, kind, names = _constraint(action[1:])
            if kind == "UNIQUE" and names:
                yield AlteredTable(table=table, unique=(own_name, names))
        elif own[0] == "ADD" and len(own) > 1:
            start = _skip(own, 2 if own[1] == "COLUMN" else 1)
            if start < len(action):
                yield AlteredTable(table=table, added=(action[start].name, _column(action[start:])))
        elif own[:2] == ["DROP", "CONSTRAINT"]:
            yield AlteredTable(table=table, dropped_name=_name_at(action, _skip(own, 2))[0])
        elif own[0] == "DROP":
            yield AlteredTable(table=table, dropped=_name_at(action, _skip(own, 2 if own[1:2] == ["COLUMN"] else 1))[0])
        elif own[0] == "RENAME":
            yield from _parse_rename(table, action)
        elif own[0] == "ALTER":
            column, end = _name_at(action, 2 if own[1:2] == ["COLUMN"] else 1)
            change = _parse_alter_column(action[end:])
            if change:
                yield AlteredTable(table=table, changed=(column, change))


def _parse_rename(table: str, action: list[_Token]) -> Iterator[AlteredTable]:
    """Parse RENAME TO, RENAME CONSTRAINT a TO b and RENAME [COLUMN] a TO b."""
    own = [token.keyword for token in action]
    if "TO" not in own[:-1]:
        return
    new = action[own.index("TO") + 1].name
    if own[1] == "TO":
        yield AlteredTable(table=table, renamed_to=new)
    elif own[1] == "CONSTRAINT" and len(own) == 5:
        yield AlteredTable(table=table, renamed_constraint=(action[2].name, new))
    else:
        yield AlteredTable(table=table, renamed_column=(action[own.index("TO") - 1].name, new))


def _parse_alter_column(tokens: list[_Token]) -> Change:
    """Parse the tokens after ALTER COLUMN and the column's name."""
    words = [token.keyword for token in tokens]
    if words[-2:] == ["NOT", "NULL"]:
        return {"null": words[0] == "DROP"}
    if words[:2] in (["SET", "DEFAULT"], ["DROP", "DEFAULT"]):
        return {"has_default": words[0] == "SET"}
    if "TYPE" in words[:3]:
        end = words.index("USING") if "USING" in words else len(words)
        # TYPE is where a column's name would be.
        return {"type_sql": _column(tokens[words.index("TYPE") : end]).type_sql}
    return {}


def _unique_index(statement: list[_Token]) -> Iterator[AlteredTable]:
    words = [token.keyword for token in statement]
    if "ON" not in words or "WHERE" in words:
        return
    own_name, _end = _name_at(statement, _skip(words, 3))
    table, at = _name_at(statement, _skip(words, words.index("ON") + 1))
    opens = next((place for place in range(at, len(statement)) if statement[place].text == "("), len(statement))
    names = _names(_inside(statement, opens))
    if names:
        yield AlteredTable(table=table, unique=(own_name, names))


#: pg_type.typname by SQL name, where they differ.
_TYPE_NAMES = {
    "smallint": "int2",
    "integer": "int4",
    "bigint": "int8",
    "boolean": "bool",
    "character varying": "varchar",
    "character": "bpchar",
    "char": "bpchar",
    "double precision": "float8",
    "real": "float4",
    "decimal": "numeric",
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    "time without time zone": "time",
    "serial": "int4",
    "bigserial": "int8",
    "smallserial": "int2",
}
#: A time has its limits within the name: timestamp(3) with time zone.
_WITH_LIMITS = re.compile(
    r"^(?P<name>[a-z0-9_ ]+?)\s*(\((?P<first>\d+)(,\s*(?P<second>\d+))?\))?(?P<more> with(out)? time zone)?$"
)


def column_of_type(column: str, type_sql: str) -> TargetColumn:
    """Return a column of that type with default values for everything else."""
    found = _WITH_LIMITS.match(type_sql.lower())
    name = found["name"] + (found["more"] or "") if found else type_sql.lower()
    type_name = _TYPE_NAMES.get(name, name)
    if type_sql.endswith("[]"):
        # The catalogue names an array type so.
        type_name = "_" + _TYPE_NAMES.get(type_sql[:-2], type_sql[:-2])
    first = int(found["first"]) if found and found["first"] else None
    numeric = type_name == "numeric"
    return TargetColumn(
        name=column,
        type_name=type_name,
        type_sql=type_sql,
        not_null=False,
        max_length=first if type_name in ("varchar", "bpchar") else None,
        precision=first if numeric else None,
        scale=int(found["second"] or 0) if numeric and first is not None and found else None,
    )


def with_type(column: TargetColumn, type_sql: str) -> TargetColumn:
    """Return a copy of the column with another type."""
    made = column_of_type(column.name, type_sql)
    return replace(
        column,
        type_name=made.type_name,
        type_sql=made.type_sql,
        max_length=made.max_length,
        precision=made.precision,
        scale=made.scale,
    )
