"""What a role or a database has for web requests must neither end a run of hours nor change how values are written.

As a question to an open session, of any version; as settings for a connection that somebody else opens.
"""

from __future__ import annotations

from typing import Any

_ALWAYS = ("statement_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout")
#: Setting -> the first version that knows it; it refuses what it does not know.
_SINCE = {"transaction_timeout": 17_00_00}

#: PostgreSQL's own defaults, by which drivers read intervals, moments and floats.
_WRITTEN = ("intervalstyle=postgres", "datestyle=ISO,MDY", "extra_float_digits=1")

#: As one text without parameters, which both drivers take.
_OFF = """
SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN
('statement_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')
UNION ALL SELECT set_config('intervalstyle', 'postgres', false)
UNION ALL SELECT set_config('datestyle', 'ISO, MDY', false)
UNION ALL SELECT set_config('extra_float_digits', '1', false)
"""


def switch_off(cursor: Any) -> None:
    """For the session of a cursor, psycopg's or ADBC's; undone with the transaction where that is rolled back."""
    cursor.execute(_OFF)
    cursor.fetchall()


def switched_off(server_version: int) -> tuple[str, ...]:
    """The same for a connection's options: what a server of this version knows (180004 is 18.4)."""
    known = [name for name, since in _SINCE.items() if server_version >= since]
    return (*(f"{name}=0" for name in (*_ALWAYS, *known)), *_WRITTEN)
