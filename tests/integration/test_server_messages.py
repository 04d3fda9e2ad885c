"""What PostgreSQL says of a row it refuses, as it may be repeated: DETAIL and message quote values."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from migrate_to_pg.project.secret_columns import server_detail, server_message, server_reason

TABLES = """
CREATE TABLE device (id int PRIMARY KEY, api_token text UNIQUE, code text UNIQUE CHECK (code <> 'bad'), data json);
CREATE UNIQUE INDEX ON device (lower(api_token));
INSERT INTO device VALUES (1, 'hunter2 (a)=(b)', 'AGV211', '{}');
"""


@pytest.fixture
def error_of(postgres_url: str) -> Iterator[Callable[[str], psycopg.Error]]:
    """The error with which PostgreSQL answers a statement."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(TABLES)

        def run(statement: str) -> psycopg.Error:
            with pytest.raises(psycopg.Error) as error:
                connection.execute(statement)
            return error.value

        yield run


@pytest.mark.parametrize(
    ("statement", "detail"),
    [
        (
            "INSERT INTO device VALUES (2, 'hunter2 (a)=(b)', 'x', '{}')",
            "Key (api_token)=(***) already exists.",
        ),
        (
            "INSERT INTO device VALUES (2, 'HUNTER2 (a)=(b)', 'x', '{}')",
            "Key (lower(api_token))=(***) already exists.",
        ),
        ("INSERT INTO device VALUES (2, 'hunter2', 'AGV211', '{}')", "Key (code)=(AGV211) already exists."),
        ("INSERT INTO device VALUES (2, 'hunter2', 'bad', '{}')", "Failing row contains (***)."),
    ],
)
def test_a_detail_shows_no_row_and_no_secret_key(
    error_of: Callable[[str], psycopg.Error], statement: str, detail: str
) -> None:
    error = error_of(statement)
    assert server_detail(error) == [detail]
    assert "device" in server_message(error) or "duplicate key" in server_message(error)


def test_a_message_of_a_data_exception_quotes_no_value(error_of: Callable[[str], psycopg.Error]) -> None:
    error = error_of("SELECT 'hunter2 \"x\" hunter2'::integer")
    assert "hunter2" in str(error)
    assert server_message(error) == 'invalid input syntax for type integer: "***"'
    said = error.diag.message_primary
    assert said
    assert error.sqlstate
    assert server_reason(said, error.sqlstate, "device", ["api_token"]) == "invalid text representation"
    assert server_reason(said, error.sqlstate, "device", ["code"]) == said
    assert server_reason(said, "23514", "device", ["api_token"]) == said
    assert server_reason(said, "XX999", "device", ["api_token"]) == "XX999"
