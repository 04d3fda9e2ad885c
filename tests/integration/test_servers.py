import psycopg
import pytest


def test_the_embedded_servers_are_the_versions_that_they_claim(
    each_postgres_url: str, request: pytest.FixtureRequest
) -> None:
    with psycopg.connect(each_postgres_url) as connection:
        major = connection.info.server_version // 10000
    assert f"pg{major}" in request.node.name
