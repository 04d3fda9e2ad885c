"""Tell which code runs on SQLite alone: in a branch that asks for the kind of database."""

from __future__ import annotations

import ast

from migrate_to_pg.behaviour.code.sources import Function, Source


def is_for_another_vendor(source: Source, node: ast.AST) -> bool:
    """Return whether a node stands where PostgreSQL never comes: if connection.vendor == 'sqlite'."""
    inner = node
    for outer in source.ancestors(node):
        if isinstance(outer, ast.If | ast.IfExp):
            vendor = _vendor_of(outer.test)
            is_taken = inner in outer.body if isinstance(outer, ast.If) else inner is outer.body
            if vendor is not None and is_taken != (vendor == "postgresql"):
                return True
        if isinstance(outer, Function | ast.ClassDef) and any(map(_skips, outer.decorator_list)):
            return True
        block = next((b for b in ("body", "orelse") if inner in _statements(outer, b)), "")
        # An earlier statement may leave the function on PostgreSQL: if vendor != 'sqlite': return.
        statements = _statements(outer, block)
        if block and any(
            isinstance(statement, ast.If)
            and isinstance(statement.body[-1], ast.Return | ast.Raise | ast.Continue)
            and _vendor_of(statement.test) == "postgresql"
            for statement in statements[: statements.index(inner)]
        ):
            return True
        inner = outer
    return False


def _skips(decorator: ast.expr) -> bool:
    """Return whether a test is skipped on PostgreSQL: skipUnless(connection.vendor == 'sqlite', ...)."""
    if not (isinstance(decorator, ast.Call) and decorator.args):
        return False
    name = getattr(decorator.func, "attr", getattr(decorator.func, "id", ""))
    ending = {"skipUnless": "sqlite", "skipIf": "postgresql", "skipif": "postgresql"}.get(name)
    return ending is not None and _vendor_of(decorator.args[0]) == ending


def _statements(outer: ast.AST, block: str) -> list[ast.AST]:
    found = getattr(outer, block, [])
    return found if isinstance(found, list) else []


def _vendor_of(test: ast.expr) -> str | None:
    """Return the vendor for which a test is true: "sqlite", or "postgresql" for any that PostgreSQL passes."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        vendor = _vendor_of(test.operand)
        return None if vendor is None else "sqlite" if vendor == "postgresql" else "postgresql"
    if isinstance(test, ast.BoolOp):
        found = [vendor for part in test.values if (vendor := _vendor_of(part))]
        return found[0] if found else None
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute) and asks_vendor(test.func.value):
        # settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
        names, is_equal = [one.value for one in test.args if isinstance(one, ast.Constant)], True
    elif isinstance(test, ast.Compare) and len(test.ops) == 1 and asks_vendor(test):
        names = [one.value for one in (test.left, *ast.walk(test.comparators[0])) if isinstance(one, ast.Constant)]
        is_equal = isinstance(test.ops[0], ast.Eq | ast.In | ast.Is)
        if not is_equal and not isinstance(test.ops[0], ast.NotEq | ast.NotIn | ast.IsNot):
            return None
    else:
        return None
    includes = any("postg" in str(name) or "psycopg" in str(name) for name in names)
    return "postgresql" if includes == is_equal else "sqlite"


def asks_vendor(node: ast.expr) -> bool:
    """Return whether an expression is the kind of a database: connection.vendor, settings_dict['ENGINE']."""
    names = {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}
    keys = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)}
    if "vendor" in names:
        return True
    return "ENGINE" in keys and bool(names & {"settings_dict", "DATABASES"})
