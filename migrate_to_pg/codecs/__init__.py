"""Convert SQLite's values to Arrow arrays for each PostgreSQL type, and mask values that cannot be converted.

To add a type, give its family's module a ``Codec`` and name it in that module's ``CODECS``. All other types are sent as
text (``as_text``).
"""

from __future__ import annotations

from migrate_to_pg.codecs import as_text, datetimes, numeric, text
from migrate_to_pg.codecs.codec import Codec
from migrate_to_pg.records import TargetColumn

#: Codecs by pg_type.typname.
CODECS: dict[str, Codec] = {
    **numeric.CODECS,
    **text.CODECS,
    **datetimes.CODECS,
}


def codec_for(column: TargetColumn) -> Codec:
    """Return the codec of a column's type. Values of unknown types are sent as text."""
    if column.type_name == "numeric" and (column.precision is None or column.precision > numeric.MAX_DIGITS):
        return as_text.numeric
    return CODECS.get(column.type_name, as_text.anything)


__all__ = ["CODECS", "Codec", "codec_for"]
