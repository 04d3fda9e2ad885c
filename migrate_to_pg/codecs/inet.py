"""inet and cidr: SQLite TEXT, as GenericIPAddressField keeps it -> the bytes of PostgreSQL's binary form."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.base import BYTES, Codec, Context, Converted, one_by_one

#: IP version -> PostgreSQL's PGSQL_AF_INET and PGSQL_AF_INET6 (src/include/utils/inet.h).
_FAMILIES = {4: 2, 6: 3}


def binary_address(text: str, *, network: bool = False) -> bytes:
    """Family, bits of the prefix, whether it is a cidr, number of bytes, and the address itself.

    Raises ValueError for what is no address, or, of a network, has bits set beyond the prefix. Leading zeros are
    refused, although PostgreSQL reads them as decimal: other programs take them for octal.
    """
    address, slash, prefix = text.partition("/")
    # Python also takes a netmask after the slash, and a zone: PostgreSQL takes neither.
    if "%" in address or (slash and not (prefix.isascii() and prefix.isdigit())):
        raise ValueError(f"{text} is no address")
    interface = ipaddress.ip_interface(text)
    if network:
        ipaddress.ip_network(text)
    packed = interface.ip.packed
    return bytes([_FAMILIES[interface.version], interface.network.prefixlen, network, len(packed)]) + packed


def _inet(arrays: Sequence[pa.Array], context: Context) -> Converted:
    """Each different text once: a log has many rows and few addresses."""
    texts = arrays[0].dictionary_encode()
    network = context.column.type_name == "cidr"
    converted = one_by_one(
        texts.dictionary.to_pylist(),
        lambda raw: binary_address(raw.decode(), network=network),
        pa.binary(),
        errors=(ValueError,),
    )
    bad = converted.malformed
    return Converted(
        values=converted.values.take(texts.indices),
        malformed=None if bad is None else pc.fill_null(bad.take(texts.indices), False),
    )


inet = Codec(storage=("text",), renderings=(BYTES,), convert=_inet, arrow=lambda _: pa.binary())

CODECS = {"inet": inet, "cidr": inet}
