"""Ask PostgreSQL for messages in English, by which rules know errors."""

from __future__ import annotations

from typing import Any

#: A superuser's setting: as an option of the connection it would end that of any other role.
_ENGLISH = "SELECT set_config('lc_messages', 'C', false) WHERE current_setting('is_superuser') = 'on'"


def speak_english(wrapper: Any) -> None:
    """Let each connection of one of Django's wrappers have English messages, where its role may choose them."""
    original = wrapper.init_connection_state

    def init_connection_state() -> None:
        original()
        with wrapper.connection.cursor() as cursor:
            cursor.execute(_ENGLISH)

    wrapper.init_connection_state = init_connection_state
