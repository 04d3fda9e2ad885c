"""How long a server lets a session be: whatever a role or a database has for web requests must not end a run of hours.

As a question to an open session, of any version; as settings for a connection that somebody else opens.
"""

from __future__ import annotations

from typing import Any

_ALWAYS = ("statement_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout")
#: Setting -> the first version that knows it; it refuses what it does not know.
_SINCE = {"transaction_timeout": 17_00_00}

#: As one text without parameters, which both drivers take.
_OFF = """
SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN
('statement_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')
"""


def switch_off(cursor: Any) -> None:
    """For the session of a cursor, psycopg's or ADBC's; undone with the transaction where that is rolled back."""
    cursor.execute(_OFF)
    cursor.fetchall()


def switched_off(server_version: int) -> tuple[str, ...]:
    """name=0 for each of them that a server of this version knows (180004 is 18.4)."""
    known = [name for name, since in _SINCE.items() if server_version >= since]
    return tuple(f"{name}=0" for name in (*_ALWAYS, *known))
