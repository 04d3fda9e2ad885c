"""Find text in a JSON column that is no JSON."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.codec import mask_or_none
from migrate_to_pg.codecs.reader import ColumnBatch
from migrate_to_pg.i18n import N_
from migrate_to_pg.rules.convert import null_for
from migrate_to_pg.rules.malformed import JSON_TYPES, form_rule


def _mask(batch: ColumnBatch) -> pa.BooleanArray | None:
    """Return the values that the codec marked, except bytes that are no UTF-8.

    Python's SQLite is not asked: it may find values valid that the driver's SQLite does not.
    """
    if batch.column.target.type_name not in JSON_TYPES or batch.malformed is None:
        return None
    if batch.undecodable is None:
        return batch.malformed
    return mask_or_none(pc.and_not(batch.malformed, batch.undecodable))


RULE = form_rule(
    id="invalid-json",
    title=N_("Text that is no JSON"),
    mask=_mask,
    holds=N_("JSON as RFC 8259 has it (no NaN, no trailing comma, no single quotes), of at most 1,000 levels"),
    kinds=[
        (N_("the empty text, where NULL was meant"), "{c} = ''"),
        (N_("NaN or Infinity, which RFC 8259 does not know"), "NOT json_valid({c}) AND {c} GLOB '*[NI][an][Nf]*'"),
        (N_("nested deeper than 1,000 levels"), "typeof({c}) = 'text' AND pg_json_depth(CAST({c} AS BLOB)) > 1000"),
        (N_("written with single quotes, as Python prints"), "NOT json_valid({c}) AND {c} GLOB '[[{{]''*'"),
    ],
    meaning=(
        "PostgreSQL refuses text that is no JSON, NaN and Infinity included. JSON of more than 1,000 levels is reported"
        " here, too: SQLite takes no more since 3.42. JSON with escapes that jsonb cannot hold is reported by"
        " json-escape, bytes that are no UTF-8 by invalid-utf8."
    ),
    remedy=N_("Write such JSON in their place, or set them to NULL where the column allows it."),
    repair="lossy",
    repair_description="Sets the empty text to NULL where the column allows it. Any other value is unchanged.",
    cell_repair=null_for(""),
)
