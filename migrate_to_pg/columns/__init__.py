"""One module a family of column types: how SQLite renders it, its Arrow type, what cannot cross.

To add a type: give its family's module a ``Codec`` and name it in that module's ``CODECS``. All others travel as text
(``spelled_out``).
"""

from __future__ import annotations

from migrate_to_pg.columns import addresses, decimals, numbers, spelled_out, temporal, text
from migrate_to_pg.columns.codec import Codec
from migrate_to_pg.records import TargetColumn

#: pg_type.typname -> codec.
CODECS: dict[str, Codec] = {
    **numbers.CODECS,
    **decimals.CODECS,
    **text.CODECS,
    **temporal.CODECS,
    **addresses.CODECS,
}


def codec_for(column: TargetColumn) -> Codec:
    """The codec of a column's type; what is not known here travels as text."""
    if column.type_name == "numeric" and (column.precision is None or column.precision > decimals.MOST_DIGITS):
        return spelled_out.numeric
    return CODECS.get(column.type_name, spelled_out.anything)


__all__ = ["CODECS", "Codec", "codec_for"]
