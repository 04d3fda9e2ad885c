"""Convert the values of each family of column types, and refuse what cannot cross.

To add a type: give its family's module a ``Codec`` and name it in that module's ``CODECS``. All others travel as text
(``spelled_out``).
"""

from __future__ import annotations

from migrate_to_pg.codecs import as_text, datetimes, inet, integers_floats, numeric, text
from migrate_to_pg.codecs.base import Codec
from migrate_to_pg.records import TargetColumn

#: pg_type.typname -> codec.
CODECS: dict[str, Codec] = {
    **integers_floats.CODECS,
    **numeric.CODECS,
    **text.CODECS,
    **datetimes.CODECS,
    **inet.CODECS,
}


def codec_for(column: TargetColumn) -> Codec:
    """The codec of a column's type; what is not known here travels as text."""
    if column.type_name == "numeric" and (column.precision is None or column.precision > numeric.MOST_DIGITS):
        return as_text.numeric
    return CODECS.get(column.type_name, as_text.anything)


__all__ = ["CODECS", "Codec", "codec_for"]
