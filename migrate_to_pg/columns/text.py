"""varchar, text, char, citext, bytea, json, jsonb and uuid: SQLite TEXT or BLOB -> Arrow strings or bytes."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.columns.codec import BLOB, TEXT, Codec, Context, Converted, Rendering, any_true, only_where, same


def _text(arrays: Sequence[pa.Array], _: Context) -> Converted:
    """Text as it is; PostgreSQL takes neither NUL nor bytes that are not UTF-8."""
    values = arrays[0]
    if not _is_utf8(values):
        return _utf8_only(values)
    bad = pc.match_substring(values, "\0")
    if any_true(bad):
        return Converted(values=only_where(values, pc.invert(bad)), malformed=pc.fill_null(bad, False))
    return Converted(values=values)


def _is_utf8(values: pa.Array) -> bool:
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _utf8_only(values: pa.Array) -> Converted:
    kept: list[str | None] = []
    bad: list[bool] = []
    for raw in values.cast(pa.binary()).to_pylist():
        try:
            text = None if raw is None else raw.decode("utf-8")
        except UnicodeDecodeError:
            text = None
        usable = text is not None and "\0" not in text
        kept.append(text if usable else None)
        bad.append(raw is not None and not usable)
    return Converted(values=pa.array(kept, pa.string()), malformed=pa.array(bad, pa.bool_()))


def _marked(arrays: Sequence[pa.Array], _: Context) -> Converted:
    """(value, 1 where there was something to convert): what came back NULL although it was there is malformed."""
    values, there = arrays
    bad = pc.and_(pc.is_null(values), pc.equal(there, 1))
    return Converted(values=values, malformed=pc.fill_null(bad, False) if any_true(bad) else None)


def _marked_utf8(arrays: Sequence[pa.Array], context: Context) -> Converted:
    marked = _marked(arrays, context)
    plain = _text([marked.values], context)
    if marked.malformed is None or plain.malformed is None:
        return Converted(values=plain.values, malformed=marked.malformed or plain.malformed)
    return Converted(values=plain.values, malformed=pc.or_(marked.malformed, plain.malformed))


def _marked_utf8_bytes(arrays: Sequence[pa.Array], context: Context) -> Converted:
    """The same for text that travels as bytes, which nothing else would look at before PostgreSQL does."""
    marked = _marked(arrays, context)
    try:
        marked.values.cast(pa.string())
    except pa.ArrowInvalid:
        plain = _utf8_only(marked.values)
        bad = plain.malformed if marked.malformed is None else pc.or_(marked.malformed, plain.malformed)
        return Converted(values=plain.values.cast(pa.binary()), malformed=bad)
    return marked


_THERE = Rendering(sql="{0} IS NOT NULL", sentinel="0")
#: json_valid is strict here (RFC 8259): no NaN, no trailing comma, which PostgreSQL would refuse.
_JSON = Rendering(sql="CASE WHEN json_valid({0}) THEN {0} END", sentinel="''")
#: jsonb's binary form is a version byte, 1, and the text.
_JSONB = Rendering(sql="CASE WHEN json_valid({0}) THEN CAST(char(1) || {0} AS BLOB) END", sentinel="x''")
#: Dashed or plain hexadecimal, 32 digits, as uuid.UUID reads them; unhex gives NULL for anything else.
_UUID = Rendering(
    sql="CASE WHEN length(replace({0}, '-', '')) = 32 THEN unhex(replace({0}, '-', '')) END", sentinel="x''"
)

text = Codec(storage=("text",), renderings=(TEXT,), convert=_text, arrow=lambda _: pa.string())
bytea = Codec(storage=("blob",), renderings=(BLOB,), convert=same, arrow=lambda _: pa.binary())
json = Codec(storage=("text",), renderings=(_JSON, _THERE), convert=_marked_utf8, arrow=lambda _: pa.string())
jsonb = Codec(storage=("text",), renderings=(_JSONB, _THERE), convert=_marked_utf8_bytes, arrow=lambda _: pa.binary())
uuid = Codec(storage=("text",), renderings=(_UUID, _THERE), convert=_marked, arrow=lambda _: pa.binary())

CODECS = {
    "varchar": text,
    "text": text,
    "bpchar": text,
    "citext": text,
    "bytea": bytea,
    "json": json,
    "jsonb": jsonb,
    "uuid": uuid,
}
