"""Codecs of varchar, text, char, citext, name, bytea, json, jsonb, uuid, inet and cidr: SQLite TEXT or BLOB."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Callable, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.codec import (
    BYTES,
    IS_PRESENT,
    Codec,
    Context,
    ConvertedBatch,
    SelectExpression,
    convert_each,
    identity,
    mask_malformed,
    or_masks,
)
from migrate_to_pg.sqlite.connection import UUID_DIGITS


def read_text(arrays: Sequence[pa.Array], _: Context) -> ConvertedBatch:
    """Return text unchanged. A NUL, or bytes that are no UTF-8, are malformed, because PostgreSQL rejects them."""
    raw = arrays[0]
    try:
        values = raw.cast(pa.string())
    except pa.ArrowInvalid:
        texts = [None if value is None else decode_text(value) for value in raw.to_pylist()]
        bad = [value is None and there for value, there in zip(texts, raw.is_valid().to_pylist(), strict=True)]
        return ConvertedBatch(values=pa.array(texts, pa.string()), malformed=pa.array(bad, pa.bool_()))
    # The buffer has the bytes of all values. Each value is searched only if a NUL is anywhere in it.
    if _NUL.search(raw.buffers()[2] or b""):
        return mask_malformed(values, pc.match_substring(values, "\0"))
    return ConvertedBatch(values=values)


def decode_text(value: bytes) -> str | None:
    """Return the text of UTF-8 bytes, or None for other bytes and for text with a NUL, which PostgreSQL rejects."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _sized(is_wrong: Callable[[pa.Array], pa.Array], arrays: Sequence[pa.Array], context: Context) -> ConvertedBatch:
    """Mask texts of a wrong number of bytes, because a cast would truncate them silently."""
    text = read_text(arrays, context)
    sized = mask_malformed(text.values, is_wrong(pc.binary_length(text.values)))
    return ConvertedBatch(values=sized.values, malformed=or_masks(text.malformed, sized.malformed))


def _json(arrays: Sequence[pa.Array], context: Context) -> ConvertedBatch:
    """Return the valid documents. Only the checked reading selects the invalid ones, for the masks."""
    values, *refused = arrays
    text = read_text([values], context)
    malformed, undecodable = text.malformed, _undecodable(values)
    for others in refused:
        present = others.is_valid() if others.null_count < len(others) else None
        malformed, undecodable = or_masks(malformed, present), or_masks(undecodable, _undecodable(others))
    return ConvertedBatch(values=text.values, malformed=malformed, undecodable=undecodable)


def _undecodable(raw: pa.Array) -> pa.BooleanArray | None:
    """Return a mask of bytes that are no UTF-8, or None if there are none."""
    try:
        raw.cast(pa.string())
    except pa.ArrowInvalid:
        texts = (value is None or value.decode("utf-8", "ignore").encode() == value for value in raw.to_pylist())
        return pc.invert(pa.array(texts, pa.bool_()))
    return None


def _jsonb(arrays: Sequence[pa.Array], context: Context) -> ConvertedBatch:
    """Prefix the text with a version byte, 1, as in jsonb's binary form. PostgreSQL checks what only jsonb rejects."""
    documents = _json(arrays, context)
    sent = pc.binary_join_element_wise(_VERSION, documents.values.cast(pa.binary()), _NOTHING)
    return dataclasses.replace(documents, values=sent)


def _uuid(arrays: Sequence[pa.Array], _: Context) -> ConvertedBatch:
    values, *present = arrays
    sixteen = mask_malformed(values, pc.not_equal(pc.binary_length(values), 16))
    malformed = sixteen.malformed
    if present:  # In the fast reading values that became NULL make SQLite fail.
        lost = mask_malformed(values, pc.and_(values.is_null(), pc.equal(present[0], 1)))
        malformed = or_masks(lost.malformed, malformed)
    return ConvertedBatch(values=sixteen.values, malformed=malformed)


#: PostgreSQL's NAMEDATALEN, less its closing NUL.
_NAME_BYTES = pa.scalar(63)
#: A regular expression searches a buffer in place, whereas `in` would copy it.
_NUL = re.compile(rb"\0")
#: json_valid is strict (RFC 8259), as PostgreSQL is: no NaN, no trailing comma. It accepts at most 1000 levels (2000
#: before SQLite 3.42), so only the driver's own SQLite can tell what it accepts.
_JSON = SelectExpression(sql="CASE WHEN json_valid({0}) THEN {0} END", type=pa.binary())
_NO_JSON = SelectExpression(sql="CASE WHEN NOT json_valid({0}) THEN {0} END", type=pa.binary())
_VERSION, _NOTHING = pa.scalar(b"\1"), pa.scalar(b"")
#: unhex returns NULL for text that is not hexadecimal. It stops at the character NUL, as replace, trim and length do.
#: octet_length does not.
_UUID = SelectExpression(
    sql="CASE WHEN octet_length({0}) = length({0}) THEN unhex(" + UUID_DIGITS.replace("{c}", "{0}") + ") END",
    type=pa.binary(),
)

text = Codec(storage=("text",), expressions=(BYTES,), convert=read_text, arrow=lambda _: pa.string())
name = dataclasses.replace(text, convert=partial(_sized, lambda size: pc.greater(size, _NAME_BYTES)))
#: The type "char", in quotes.
byte = dataclasses.replace(text, convert=partial(_sized, lambda size: pc.not_equal(size, 1)))
bytea = Codec(storage=("blob",), expressions=(BYTES,), convert=identity, arrow=lambda _: pa.binary())
json = Codec(storage=("text",), expressions=(_JSON, _NO_JSON), convert=_json, arrow=lambda _: pa.string())
jsonb = Codec(storage=("text",), expressions=(_JSON, _NO_JSON), convert=_jsonb, arrow=lambda _: pa.binary())
uuid = Codec(storage=("text",), expressions=(_UUID, IS_PRESENT), convert=_uuid, arrow=lambda _: pa.binary())


#: PostgreSQL's PGSQL_AF_INET and PGSQL_AF_INET6 by IP version (src/include/utils/inet.h).
_FAMILIES = {4: 2, 6: 3}


def binary_address(text: str, *, network: bool = False) -> bytes:
    """Return family, bits of the prefix, a cidr flag, number of bytes, and the address.

    Raises ValueError for an invalid address, or a network with bits set beyond the prefix. Leading zeros are rejected:
    PostgreSQL reads them as decimal, but other programs read them as octal.
    """
    address, slash, prefix = text.partition("/")
    # Unlike PostgreSQL, Python accepts a netmask after the slash, and a zone.
    if "%" in address or (slash and not (prefix.isascii() and prefix.isdigit())):
        raise ValueError(f"{text} is no address")
    interface = ipaddress.ip_interface(text)
    if network:
        ipaddress.ip_network(text)
    packed = interface.ip.packed
    return bytes([_FAMILIES[interface.version], interface.network.prefixlen, network, len(packed)]) + packed


def _inet(arrays: Sequence[pa.Array], context: Context) -> ConvertedBatch:
    """Convert each distinct text once, because a log has many rows and few addresses."""
    texts = arrays[0].dictionary_encode()
    network = context.column.type_name == "cidr"
    converted = convert_each(
        texts.dictionary.to_pylist(),
        lambda raw: binary_address(raw.decode(), network=network),
        pa.binary(),
        errors=(ValueError,),
    )
    bad = converted.malformed
    return ConvertedBatch(
        values=converted.values.take(texts.indices),
        malformed=None if bad is None else pc.fill_null(bad.take(texts.indices), False),
    )


inet = Codec(storage=("text",), expressions=(BYTES,), convert=_inet, arrow=lambda _: pa.binary())

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
    "inet": inet,
    "cidr": inet,
}
