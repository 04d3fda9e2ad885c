"""What is read from source code alone: texts with holes, branches of a kind of database, numbered placeholders."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from migrate_to_pg.behaviour.code.branches import is_for_another_vendor
from migrate_to_pg.behaviour.code.compile_statement import numbered
from migrate_to_pg.behaviour.code.querysets import querysets_of
from migrate_to_pg.behaviour.code.sources import Source, _parsed
from migrate_to_pg.behaviour.code.statements import statements_of
from migrate_to_pg.behaviour.code.texts import HOLE


def read(code: str, name: str = "shop.views") -> Source:
    return Source(path=Path("/shop/views.py"), name=name, tree=ast.parse(code), package="shop")


def executed(code: str) -> list[str]:
    found = statements_of([read(f"from django.db import connection, connections\nimport sqlite3\n{code}")])
    return [statement.text.text.replace(HOLE, "?") for statement in found]


EXECUTE = "def f(x):\n  connection.cursor().execute"
CURSOR = "def f(x, y):\n  with connection.cursor() as c:\n    c.execute"


@pytest.mark.parametrize(
    ("code", "statements"),
    [
        (f"{CURSOR}('SELECT 1')", ["SELECT 1"]),
        (f"{CURSOR}('SELECT ' + x + ' FROM t')", ["SELECT ? FROM t"]),
        (f"{CURSOR}(f'SELECT {{x}} FROM {{y}}')", ["SELECT ? FROM ?"]),
        (f"{CURSOR}('SELECT %s, 1%% FROM t' % x)", ["SELECT ?, 1% FROM t"]),
        (f"{CURSOR}('SELECT {{}} FROM {{t}}'.format(x, t=y))", ["SELECT ? FROM ?"]),
        (f"{CURSOR}(' '.join(['SELECT 1', 'FROM t']))", ["SELECT 1 FROM t"]),
        (f"{EXECUTE}(sql)\n  sql = 'SELECT 1'\n  if x:\n    sql += ' WHERE a'", ["SELECT 1? WHERE a?"]),
        (f"{EXECUTE}(sql)\n  sql = 'SELECT 1'\n  sql = sql + ' WHERE ' + x", ["SELECT 1? WHERE ?"]),
        (f"{EXECUTE}(sql)\n  sql = ''\n  for y in x:\n    sql += 'UNION ' + y", ["UNION ??"]),
        (f"{EXECUTE}(' '.join(parts))\n  parts = ['SELECT 1']\n  parts.append(f'FROM {{x}}')", ["SELECT 1? FROM ??"]),
        (f"Q = 'SELECT 1'\n{EXECUTE}(' '.join(a))\n  a = [Q]\n  a += x", ["SELECT 1?"]),
        (f"{EXECUTE}(' UNION '.join(f'SELECT {{y}}' for y in x))", ["SELECT ??"]),
        (f"{CURSOR}('SELECT 1' if x else 'SELECT 2')", ["SELECT 1", "SELECT 2"]),
        (f"SQL = 'SELECT 1'\n{CURSOR}(SQL)", ["SELECT 1"]),
        (f"{CURSOR}(x)\ndef g():\n  f('SELECT 1', 2)\n  f(x='SELECT 2', y=3)", ["SELECT 1", "SELECT 2"]),
        (f"{CURSOR}(x)\ndef g(sql): f(sql, 1)\ndef h(): g('SELECT 1')", ["SELECT 1"]),
        ("def f():\n  c = connections['other'].cursor()\n  c.execute('SELECT 1')", []),
        ("def f():\n  c = sqlite3.connect('x').cursor()\n  c.execute('SELECT 1')", []),
        ("def f(pool):\n  pool.execute('SELECT 1')", []),
        (f"{CURSOR}(x)", []),
    ],
)
def test_literals_that_reach_a_cursor_are_found(code: str, statements: list[str]) -> None:
    assert executed(code) == statements


@pytest.mark.parametrize(
    ("code", "sliced"),
    [
        ("  return rows[0]", 1),
        ("  return [row[0] for row in rows]", 0),
        ("  for row in rows:\n    yield row[0]", 0),
        ("  return {row[:1] for row in rows}", 0),
    ],
)
def test_a_part_of_a_row_is_no_slice_of_the_rows(code: str, sliced: int) -> None:
    start = "from django.contrib.auth.models import User\ndef f():\n  rows = User.objects.values_list('pk')\n"
    assert [built.queryset.query.is_sliced for built in querysets_of([read(start + code)])].count(True) == sliced


@pytest.mark.parametrize(
    ("code", "is_left_out"),
    [
        ("if connection.vendor == 'sqlite': MARK", True),
        ("if connection.vendor != 'sqlite': MARK", False),
        ("if connection.vendor == 'sqlite': pass\nelse: MARK", False),
        ("if connection.vendor == 'postgresql': pass\nelse: MARK", True),
        ("if connection.vendor in ('sqlite', 'postgresql'): MARK", False),
        ("if not connection.vendor == 'postgresql': MARK", True),
        ("if settings.DATABASES['default']['ENGINE'].endswith('sqlite3'): MARK", True),
        ("MARK if connection.vendor == 'mysql' else 2", True),
        ("def f():\n  if connection.vendor != 'sqlite':\n    return\n  MARK", True),
        ("def f():\n  if connection.vendor == 'sqlite':\n    return\n  MARK", False),
    ],
)
def test_a_branch_that_postgresql_never_takes_is_left_out(code: str, is_left_out: bool) -> None:
    source = read(code)
    (mark,) = [node for node in source.nodes if isinstance(node, ast.Name) and node.id == "MARK"]
    # A branch holds statements; an expression alone is one.
    node = source.parents[mark] if isinstance(source.parents[mark], ast.Expr) else mark
    assert is_for_another_vendor(source, node) is is_left_out


@pytest.mark.parametrize(
    ("sql", "has_parameters", "expected"),
    [
        ("SELECT %s, '100%%' WHERE a = %(name)s", True, "SELECT $1, '100%' WHERE a = $2"),
        ("SELECT '%s'", False, "SELECT '%s'"),
        (f"SELECT {HOLE} WHERE a = %s", True, "SELECT $2 WHERE a = $1"),
    ],
)
def test_placeholders_are_numbered(sql: str, has_parameters: bool, expected: str) -> None:
    assert numbered(sql, has_parameters=has_parameters) == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"x = (\n", "'(' was never closed"), (b"x = '\xff'\n", "can't decode"), (b"\0", "null bytes")],
)
def test_a_file_that_is_no_python_is_told_with_its_line(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "wrong.py"
    path.write_bytes(content)
    found = _parsed(path, "shop.wrong", "shop")
    assert isinstance(found, str)
    assert f"{path}" in found
    assert reason in found
