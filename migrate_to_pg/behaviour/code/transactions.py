"""Read how the code uses transactions: errors caught inside of them, and row locks outside of them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence

from django.conf import settings

from migrate_to_pg.behaviour.code.sources import Function, Source
from migrate_to_pg.behaviour.records import Effect, Occurrence

_ERRORS = frozenset({"IntegrityError", "DatabaseError", "DataError", "OperationalError", "ProgrammingError"})
_ANY_ERRORS = frozenset({"Exception", "BaseException"})
#: Methods that write, so that an error is likely one of the database.
_WRITES = frozenset(
    {"create", "save", "bulk_create", "update", "delete", "get_or_create", "update_or_create", "execute", "add", "set"}
)
#: Calls that ask nothing of the database, so that nothing fails after the error.
_ROLLED_BACK = frozenset({"set_rollback", "rollback", "savepoint_rollback"})


def find_in_transactions(sources: Sequence[Source]) -> Iterator[Occurrence]:
    """Yield errors that are caught in a transaction, and select_for_update() without one."""
    inside = {
        getattr(node.func, "attr", getattr(node.func, "id", ""))
        for source in sources
        for node in source.nodes
        if isinstance(node, ast.Call) and _in_transaction(source, node)
    }
    for source in sources:
        for node in source.nodes:
            if isinstance(node, ast.Try) and _in_transaction(source, node) and _breaks(node):
                yield source.found("caught-in-transaction", node, Effect.ERROR)
            elif _is_call(node, "select_for_update") and not source.is_test and not _in_transaction(source, node):
                function = source.function(node)
                is_called_inside = function is not None and function.name in inside
                asks = function is not None and any(
                    getattr(part, "attr", "") == "in_atomic_block" for part in ast.walk(function)
                )
                every_request = any(entry.get("ATOMIC_REQUESTS") for entry in settings.DATABASES.values())
                if not (every_request or is_called_inside or asks):
                    yield source.found("lock-without-transaction", node, Effect.ERROR)


def _is_call(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name


def _is_atomic(node: ast.expr) -> bool:
    """Return whether an expression is transaction.atomic, called or not, or wraps it: method_decorator(atomic)."""
    if isinstance(node, ast.Call):
        return _is_atomic(node.func) or any(map(_is_atomic, node.args))
    return getattr(node, "attr", getattr(node, "id", "")) == "atomic"


def _opens(node: ast.AST) -> bool:
    if isinstance(node, ast.With | ast.AsyncWith):
        return any(_is_atomic(item.context_expr) for item in node.items)
    if isinstance(node, Function | ast.ClassDef):
        return any(map(_is_atomic, node.decorator_list))
    return False


def _in_transaction(source: Source, node: ast.AST) -> bool:
    """Return whether a node stands in atomic(), as far as its own file shows."""
    return any(_opens(outer) for outer in source.ancestors(node)) or _is_hook_of_admin(source, node)


def _is_hook_of_admin(source: Source, node: ast.AST) -> bool:
    """Return whether Django's admin calls the method, which it does within a transaction when something is written."""
    function, admin = source.function(node), sys.modules.get("django.contrib.admin.options")
    outer = source.parents.get(function) if function else None
    if function is None or admin is None or not isinstance(outer, ast.ClassDef):
        return False
    kind = getattr(source.loaded, outer.name, None)
    return (
        isinstance(kind, type) and issubclass(kind, admin.BaseModelAdmin) and hasattr(admin.ModelAdmin, function.name)
    )


def _breaks(node: ast.Try) -> bool:
    """Return whether a database error is caught, the transaction has no savepoint for it, and then goes on."""
    writes = any(_is_call(one, name) for part in node.body for one in ast.walk(part) for name in _WRITES)
    handlers = [one for one in node.handlers if _catches(one, _ERRORS | _ANY_ERRORS if writes else _ERRORS)]
    if not handlers or all(map(_opens, node.body)):
        return False
    # In a function that atomic() decorates inside of the try, the savepoint is there.
    calls = any(isinstance(part, ast.Call) for one in node.body if not _opens(one) for part in ast.walk(one))
    return calls and not all(map(_leaves, handlers))


def _catches(handler: ast.ExceptHandler, errors: frozenset[str]) -> bool:
    if handler.type is None:
        return errors >= _ANY_ERRORS
    kinds = ast.walk(handler.type)
    return any(getattr(kind, "attr", getattr(kind, "id", "")) in errors for kind in kinds)


def _leaves(handler: ast.ExceptHandler) -> bool:
    """Return whether the handler raises, or rolls back itself."""
    return any(
        isinstance(node, ast.Raise) or any(_is_call(node, name) for name in _ROLLED_BACK) for node in ast.walk(handler)
    )
