"""varchar, text, char, citext, name, bytea, json, jsonb and uuid: SQLite TEXT or BLOB -> Arrow strings or bytes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.base import BYTES, THERE, Codec, Context, Converted, Rendering, either, same, without
from migrate_to_pg.sqlite.connection import UUID_DIGITS


def read_text(arrays: Sequence[pa.Array], _: Context) -> Converted:
    """Text as it is; PostgreSQL takes neither NUL nor bytes that are not UTF-8."""
    raw = arrays[0]
    try:
        values = raw.cast(pa.string())
    except pa.ArrowInvalid:
        return _utf8_only(raw)
    # The search value by value is only for a batch that holds a NUL anywhere.
    if _NUL.search(_data(raw)):
        return without(values, pc.match_substring(values, "\0"))
    return Converted(values=values)


def _data(values: pa.Array) -> pa.Buffer | bytes:
    """The bytes of all values, end to end, and perhaps those of rows around them."""
    return values.buffers()[2] or b""


def _utf8_only(raw: pa.Array) -> Converted:
    kept = [None if value is None else _decoded(value) for value in raw.to_pylist()]
    bad = [value is None and there for value, there in zip(kept, raw.is_valid().to_pylist(), strict=True)]
    return Converted(values=pa.array(kept, pa.string()), malformed=pa.array(bad, pa.bool_()))


def _decoded(value: bytes) -> str | None:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _name(arrays: Sequence[pa.Array], context: Context) -> Converted:
    """At most 63 bytes: a cast would cut a longer one without a word."""
    text = read_text(arrays, context)
    short = without(text.values, pc.greater(pc.binary_length(text.values), _NAME_BYTES))
    return Converted(values=short.values, malformed=either(text.malformed, short.malformed))


def _byte(arrays: Sequence[pa.Array], context: Context) -> Converted:
    """ "char", in quotes, holds one byte."""
    text = read_text(arrays, context)
    one = without(text.values, pc.not_equal(pc.binary_length(text.values), 1))
    return Converted(values=one.values, malformed=either(text.malformed, one.malformed))


def _missing(values: pa.Array, there: Sequence[pa.Array]) -> pa.BooleanArray | None:
    """What came back NULL although it was there; the plain reading refuses such rows itself."""
    return without(values, pc.and_(values.is_null(), pc.equal(there[0], 1))).malformed if there else None


def _json(arrays: Sequence[pa.Array], context: Context) -> Converted:
    """The valid documents, and which of all are no text; the guarded reading alone gives the others as well."""
    values, *refused = arrays
    text = read_text([values], context)
    malformed, undecodable = text.malformed, _undecodable(values)
    for others in refused:
        malformed, undecodable = either(malformed, _anywhere(others)), either(undecodable, _undecodable(others))
    return Converted(values=text.values, malformed=malformed, undecodable=undecodable)


def _anywhere(values: pa.Array) -> pa.BooleanArray | None:
    """Where there is a value; None: nowhere."""
    return values.is_valid() if values.null_count < len(values) else None


def _undecodable(raw: pa.Array) -> pa.BooleanArray | None:
    """Where the bytes are no UTF-8; None: nowhere."""
    try:
        raw.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([value is not None and not _is_utf8(value) for value in raw.to_pylist()], pa.bool_())
    return None


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _jsonb(arrays: Sequence[pa.Array], context: Context) -> Converted:
    """jsonb's binary form is a version byte, 1, and the text; what jsonb alone refuses is left to PostgreSQL."""
    kept = _json(arrays, context)
    sent = pc.binary_join_element_wise(_VERSION, kept.values.cast(pa.binary()), _NOTHING)
    return dataclasses.replace(kept, values=sent)


def _uuid(arrays: Sequence[pa.Array], _: Context) -> Converted:
    values, *there = arrays
    sixteen = without(values, pc.not_equal(pc.binary_length(values), 16))
    return Converted(values=sixteen.values, malformed=either(_missing(values, there), sixteen.malformed))


#: PostgreSQL's NAMEDATALEN, less its closing NUL.
_NAME_BYTES = pa.scalar(63)
#: A buffer is searched as it is, where `in` would need a copy of it.
_NUL = re.compile(rb"\0")
#: json_valid is strict here (RFC 8259): no NaN, no trailing comma, which PostgreSQL would refuse. It takes no more than
#: 1000 levels (2000 before SQLite 3.42): only the driver's own SQLite can say what is valid to it.
_JSON = Rendering(sql="CASE WHEN json_valid({0}) THEN {0} END", type=pa.binary())
_NO_JSON = Rendering(sql="CASE WHEN NOT json_valid({0}) THEN {0} END", type=pa.binary())
_VERSION, _NOTHING = pa.scalar(b"\1"), pa.scalar(b"")
#: unhex gives NULL for what is no hexadecimal. It stops at the character NUL, as replace, trim and length do, but
#: octet_length does not.
_UUID = Rendering(
    sql="CASE WHEN octet_length({0}) = length({0}) THEN unhex(" + UUID_DIGITS.replace("{c}", "{0}") + ") END",
    type=pa.binary(),
)

text = Codec(storage=("text",), renderings=(BYTES,), convert=read_text, arrow=lambda _: pa.string())
name = Codec(storage=("text",), renderings=(BYTES,), convert=_name, arrow=lambda _: pa.string())
byte = Codec(storage=("text",), renderings=(BYTES,), convert=_byte, arrow=lambda _: pa.string())
bytea = Codec(storage=("blob",), renderings=(BYTES,), convert=same, arrow=lambda _: pa.binary())
json = Codec(storage=("text",), renderings=(_JSON, _NO_JSON), convert=_json, arrow=lambda _: pa.string())
jsonb = Codec(storage=("text",), renderings=(_JSON, _NO_JSON), convert=_jsonb, arrow=lambda _: pa.binary())
uuid = Codec(storage=("text",), renderings=(_UUID, THERE), convert=_uuid, arrow=lambda _: pa.binary())

CODECS = {
    "varchar": text,
    "text": text,
    "bpchar": text,
    "citext": text,
    "name": name,
    "char": byte,
    "bytea": bytea,
    "json": json,
    "jsonb": jsonb,
    "uuid": uuid,
}
