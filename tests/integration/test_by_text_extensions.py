"""Types of extensions, and xml, as servers that have them read and write them: what is kept, and what would be lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Server
from tests.debian import cluster
from tests.integration.crossing import Ferry, marks
from tests.integration.test_by_text import differences

_XML = [
    "<a>é</a>",
    "text",
    "<a/><b x='1'/>",
    "<!-- c --><a/>",
    "<![CDATA[<]]>",
    "  <a/> ",
    '<?xml-stylesheet href="a"?><a/>',
]
#: Type -> texts that are kept, as PostgreSQL writes them then; texts of which it would keep less.
VECTOR = {
    "public.vector": (["[1,2.5,-3]", " [ 1e3, 0.5 ] "], ["[1,2.5,-3]", "[1000,0.5]"], ["[0.1000000001]", "[16777217]"]),
    "public.vector(2)": (["[1,2]"], ["[1,2]"], ["[0.30000000001,1]"]),
    "public.vector[]": (['{"[1,2]","[0.5]"}'], ['{"[1,2]",[0.5]}'], ['{"[16777217]"}']),
}
DEBIAN = {
    "public.hstore": (
        ["a=>1, b=>NULL", '"x y"=>"é, \\"q\\""', "", "A=>1,a=>2"],
        ['"a"=>"1", "b"=>NULL', '"x y"=>"é, \\"q\\""', "", '"A"=>"1", "a"=>"2"'],
        ["a=>1,a=>2", '"a"=>1, a=>1', r"a=>C:\temp", r'"a"=>"\b"'],
    ),
    "public.hstore[]": (['{"a=>1"}'], ['{"\\"a\\"=>\\"1\\""}'], ['{"a=>1,a=>2"}']),
    "public.ltree": (["Top.Science", "", "a_1.B2"], ["Top.Science", "", "a_1.B2"], []),
    "public.ltree[]": (["{a.b,c}"], ["{a.b,c}"], []),
    "public.cube": (
        ["(1,2),(3,4)", "1", "(1,2)", "[(0),(1)]", "(1e3)", "(3),(3)"],
        ["(1, 2),(3, 4)", "(1)", "(1, 2)", "(0),(1)", "(1000)", "(3)"],
        ["(0.1000000000000000055)"],
    ),
    "public.citext": (["MiXed", "", " é ", "a\\b"], ["MiXed", "", " é ", "a\\b"], []),
    "public.citext[]": (['{A,"b c"}'], ['{A,"b c"}'], [r"{a\b}"]),
    # It comes back as it was.
    "xml": (
        _XML,
        _XML,
        ['<?xml version="1.0"?><a/>', '<?xml version="1.0" encoding="UTF-8"?><a/>'],
    ),
    "xml[]": (["{<a/>}"], ["{<a/>}"], ['{"<?xml version=\\"1.0\\"?><a/>"}']),
}


@pytest.fixture(scope="module")
def debian_url() -> Iterator[str]:
    with cluster() as folder:
        yield f"postgresql://postgres@/postgres?host={folder}"


@pytest.mark.parametrize("version", [16, 18])
@pytest.mark.parametrize("type_sql", VECTOR)
def test_pgvector_of_the_embedded_server(
    tmp_path: Path, servers: dict[int, Server], version: int, type_sql: str
) -> None:
    ferry = Ferry(tmp_path, servers[version].database())
    check_kept(ferry, "vector", type_sql, *VECTOR[type_sql])


@pytest.mark.full
@pytest.mark.parametrize("type_sql", DEBIAN)
def test_types_of_debians_contrib(tmp_path: Path, debian_url: str, type_sql: str) -> None:
    name = type_sql.removeprefix("public.").removesuffix("[]")
    check_kept(Ferry(tmp_path, debian_url), "" if name == "xml" else name, type_sql, *DEBIAN[type_sql])


def check_kept(ferry: Ferry, extension: str, type_sql: str, given: list[str], held: list[str], lost: list[str]) -> None:
    """What is kept crosses and is verified; what would be lost is marked, and PostgreSQL would keep less of it."""
    if extension:
        ferry.target(f"CREATE EXTENSION IF NOT EXISTS {extension} SCHEMA public")
    ferry.column(type_sql, *given, None, *lost)
    assert marks(ferry.batches()) == [""] * len(given) + ["null"] + ["malformed"] * len(lost)
    for text in lost:
        literal = text.replace("'", "''")
        # It is read, and given back with less in it. Of xml a cast to text would show what only storage keeps.
        assert ferry.rows(f"SELECT format('%s', '{literal}'::{type_sql}) <> '{literal}'") == [(True,)]
    ferry.source(f"DELETE FROM t WHERE id > {len(given) + 1}")
    ferry.load()
    assert [row[0] for row in ferry.rows("SELECT v::text FROM t ORDER BY id")] == [*held, None]
    assert differences(ferry) == []
    ferry.target("UPDATE t SET v = NULL WHERE id = 1")
    assert (None, "id=1, v=NULL") in [(source, target) for _, source, target in differences(ferry)]
