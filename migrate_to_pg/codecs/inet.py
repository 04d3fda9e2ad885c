"""Codec of inet and cidr: SQLite TEXT, as GenericIPAddressField stores it, to PostgreSQL's binary form."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.codec import BYTES, Codec, Context, ConvertedBatch, convert_each

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

CODECS = {"inet": inet, "cidr": inet}
