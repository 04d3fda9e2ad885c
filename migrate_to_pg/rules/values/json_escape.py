"""Find valid JSON that jsonb cannot hold: the NUL character or half a surrogate pair, as escapes."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.codec import any_true, mask_or_none
from migrate_to_pg.codecs.reader import ColumnBatch
from migrate_to_pg.i18n import N_
from migrate_to_pg.rules.base import UnrepairableError, Value
from migrate_to_pg.rules.malformed import form_rule
from migrate_to_pg.rules.sql_functions import json_fault

#: An escape of NUL or of a surrogate, or a number of a three-digit exponent, somewhere in the text.
_SUSPECT = r"\\u0000|\\u[dD][89a-fA-F]|(?:^|[\[:,\s\x01])-?[0-9.]+[eE]\+?[0-9]{3}"


def _mask(batch: ColumnBatch) -> pa.BooleanArray | None:
    """Parse the few suspects: an escaped backslash before u0000 is no escape, and a whole pair is a character."""
    if batch.column.target.type_name != "jsonb":
        return None
    suspects = pc.fill_null(pc.match_substring_regex(batch.values, _SUSPECT), False)
    if not any_true(suspects):
        return None
    texts = pc.if_else(suspects, batch.values, pa.scalar(None, batch.values.type)).to_pylist()
    # The binary form of jsonb has its version in front.
    bad = pa.array([raw is not None and json_fault(raw.removeprefix(b"\x01")) is not None for raw in texts])
    return mask_or_none(bad)


#: Backslashes occur in texts alone. The scan continues after each escape, so of two in a row the second begins none.
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u(?P<nul>0000)"
    r"|\\u(?P<half>[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)


def _converted(value: Value) -> Value:
    repaired = _ESCAPE.sub(_replaced, value) if isinstance(value, str) else ""
    # A number that is too large stays as it is.
    if not repaired or json_fault(repaired.encode()):
        raise UnrepairableError
    return repaired


def _replaced(escape: re.Match[str]) -> str:
    if escape["nul"]:
        return ""
    return r"\ufffd" if escape["half"] else escape[0]


RULE = form_rule(
    id="json-escape",
    title=N_("JSON with a character or number that jsonb cannot hold"),
    mask=_mask,
    holds=N_("JSON whose texts have neither the NUL character nor half a surrogate pair, and numbers up to 1.8e308"),
    kinds=[
        (N_(r"text with \u0000, the NUL character"), "json_valid({c}) AND pg_json_fault(CAST({c} AS BLOB)) = 'nul'"),
        (
            N_("text with half a surrogate pair"),
            "json_valid({c}) AND pg_json_fault(CAST({c} AS BLOB)) = 'surrogate'",
        ),
        (N_("a number beyond 1.8e308"), "json_valid({c}) AND pg_json_fault(CAST({c} AS BLOB)) = 'number'"),
    ],
    meaning=(
        "JSON allows \\u0000 and lone surrogates such as \\ud83d, and SQLite finds them valid, but jsonb refuses both."
        " It turns 1e400 into an integer of 401 digits, where Django reads infinity from SQLite."
    ),
    remedy=N_("Take these characters out of the texts in SQLite, and write numbers of at most 1.8e308."),
    repair="lossy",
    repair_description=(
        "Removes every escape \\u0000 and puts \\ufffd, the replacement character, in place of each half of a surrogate"
        " pair. A document with a number that is too large is unchanged."
    ),
    cell_repair=lambda *_: _converted,
)
