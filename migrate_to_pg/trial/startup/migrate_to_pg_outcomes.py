"""Write what becomes of each test of this process to a file: a plugin of pytest, and a patch of unittest's suites.

``sitecustomize`` brings it into every Python of the command that runs the tests, parallel workers included. Each
outcome is one line of JSON, appended in one write. A result class or a test runner of the project's own stays in use.

PYTEST_DONT_REWRITE: it is imported before pytest, which warns of a plugin whose assertions it cannot rewrite.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from types import FrameType, ModuleType, TracebackType
from typing import Any

#: Variable with the file.
OUTCOMES = "MIGRATE_TO_PG_OUTCOMES"
#: Modules that call a test.
_RUNNERS = ("unittest.case", "unittest.suite", "_pytest.", "pluggy.")
#: Innermost frames of an error that are written.
_MAX_FRAMES = 60
_MAX_MESSAGE = 500
_METHODS = (
    "startTest", "addSuccess", "addError", "addFailure", "addSkip", "addExpectedFailure", "addUnexpectedSuccess",
    "addSubTest",
)  # fmt: skip
#: Errors of the database since the test began, caught by the project or not, from whichever thread.
_errors: list[dict[str, Any]] = []


def write(test: str, result: str, error: BaseException | None = None, sub: str = "") -> None:
    """Append one outcome to the file."""
    described = _describe(error) if error is not None else None
    line = {"test": test, "sub": sub, "result": result, "error": described, "database": _errors[:20]}
    descriptor = os.open(os.environ[OUTCOMES], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, json.dumps(line).encode() + b"\n")
    finally:
        os.close(descriptor)


def _describe(error: BaseException) -> dict[str, Any]:
    """Describe an error by the database's own in its chain, where there is one."""
    cause = next((one for one in _chain(error) if _sqlstate(one)), None)
    shown = next((one for one in _chain(error) if cause is not None and one.__cause__ is cause), cause or error)
    return {
        "type": type(shown).__name__,
        "is_assertion": cause is None and _is_assertion(error),
        "message": _message(shown),
        "sqlstate": _sqlstate(cause),
        **_told([*traceback.walk_tb(shown.__traceback__)]),
    }


def _told(frames: list[tuple[FrameType, int]]) -> dict[str, Any]:
    """Return the statement that Django was executing, with its placeholders, and the frames, the innermost last.

    A frame that was given the statement as an argument is marked: the statement belongs to the one that wrote it.
    """
    sql = next(filter(None, (_statement_of(frame) for frame, _line in reversed(frames))), "")
    return {
        "sql": sql,
        "frames": [
            (frame.f_code.co_filename, line, bool(sql) and sql in _arguments(frame))
            for frame, line in frames[-_MAX_FRAMES:]
        ],
    }


def _arguments(frame: FrameType) -> list[object]:
    """Return the texts that a function was called with, as far as it has not replaced them."""
    code = frame.f_code
    starred = bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + starred]
    found: list[object] = []
    for value in map(frame.f_locals.get, names):
        found += value if type(value) is tuple else value.values() if type(value) is dict else [value]
    return [value for value in found if isinstance(value, str)]


def _is_assertion(error: BaseException) -> bool:
    """Report whether a test judged a value, itself or by pytest.fail()."""
    return isinstance(error, AssertionError) or type(error).__name__ == "Failed"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that it was raised from, the last one first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _sqlstate(error: BaseException | None) -> str:
    """Return the SQLSTATE of an error of psycopg 3 or 2."""
    return str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or "")


def _message(error: BaseException) -> str:
    return str(error).strip().partition("\nLINE ")[0][:_MAX_MESSAGE]


def _statement_of(frame: FrameType) -> str:
    """Return the statement of one of Django's frames that execute."""
    is_execution = frame.f_code.co_name in ("execute", "_execute", "_executemany")
    sql = frame.f_locals.get("sql") if is_execution and frame.f_globals.get("__name__") == _CURSORS else ""
    return sql if isinstance(sql, str) else ""


_CURSORS = "django.db.backends.utils"


def patch_errors(module: ModuleType) -> None:
    """Make Django's wrapper of database errors remember them: a view may turn one into a page, or drop it."""
    original = module.DatabaseErrorWrapper.__exit__

    def remember(self: Any, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            original(self, kind, error, trace)
        except Exception as raised:
            if error is not None and raised.__cause__ is error:
                _errors.append(_describe_here(raised, error))
            raise

    module.DatabaseErrorWrapper.__exit__ = remember


def _describe_here(raised: Exception, error: BaseException) -> dict[str, Any]:
    """Describe an error where it is raised: its traceback does not reach to the project yet."""
    frames = [*traceback.walk_stack(sys._getframe(2))][::-1]
    names = [frame.f_globals.get("__name__", "") for frame, _line in frames]
    runners = [place for place, name in enumerate(names) if name.startswith(_RUNNERS)]
    return {
        "type": type(raised).__name__,
        "is_assertion": False,
        "message": _message(raised),
        "sqlstate": _sqlstate(error),
        **_told(frames[runners[-1] + 1 :] if runners else frames),
    }


def patch_suites(module: ModuleType) -> None:
    """Make unittest's suites write what they report to their result object, of whatever class."""
    original = module.TestSuite.run

    def run(self: Any, result: Any, debug: bool = False) -> Any:
        if not hasattr(result, "_migrate_to_pg_calls"):
            result._migrate_to_pg_calls = True
            for name in _METHODS:
                if hasattr(result, name):
                    setattr(result, name, _written(name, getattr(result, name), result))
        return original(self, result, debug)

    module.TestSuite.run = run


def _written(name: str, original: Callable[..., Any], result: Any) -> Callable[..., Any]:
    """Return a method of a result that writes the outcome first."""
    outcome = {
        "addSuccess": "passed", "addError": "error", "addFailure": "failed", "addSkip": "skipped",
        "addExpectedFailure": "expected", "addUnexpectedSuccess": "unexpected",
    }.get(name)  # fmt: skip

    def call(test: Any, *arguments: Any) -> Any:
        if name == "startTest":
            _errors.clear()
        elif name == "addSubTest":
            subtest, error = arguments
            if error is None:
                return original(test, subtest, error)
            write(
                test.id(),
                "failed" if issubclass(error[0], test.failureException) else "error",
                error[1],
                sub=subtest._subDescription(),
            )
        else:
            error = arguments[0] if name in ("addError", "addFailure", "addExpectedFailure") else None
            write(test.id(), str(outcome), error[1] if error else None)
            if test.id().startswith("setUpClass "):
                _reconnect()
        if type(result).__name__ == "RemoteTestResult" and name in ("addError", "addFailure", "addSubTest"):
            return _send(result, name, original, test, arguments[-1])
        return original(test, *arguments)

    return call


def _reconnect() -> None:
    """End the transaction that a failed setUpClass leaves open. PostgreSQL would refuse all that later tests do."""
    connections = sys.modules["django.db"].connections if "django.db" in sys.modules else None
    for connection in connections.all(initialized_only=True) if connections else ():
        if connection.vendor == "postgresql" and connection.in_atomic_block:
            connection.close()
            connection.connect()


def _send(result: Any, name: str, original: Callable[..., Any], test: Any, error: tuple[Any, ...]) -> Any:
    """Report an error to another process as text. Django's parallel workers refuse what cannot be pickled."""
    text = "".join(traceback.format_exception(*error))
    plain = (AssertionError, AssertionError(text), None)
    if name == "addSubTest":
        return type(result).addFailure(result, test, plain)
    return original(test, plain)


def pytest_runtest_protocol(item: Any) -> None:
    """Forget the errors of the test before."""
    _errors.clear()


def pytest_runtest_makereport(item: Any, call: Any) -> None:
    """Write the outcome of a test, and of a part before or after it that fails."""
    error = call.excinfo.value if call.excinfo is not None else None
    kind = type(error).__name__
    if error is None:
        if call.when == "call":
            expected = any(item.iter_markers("xfail"))
            write(item.nodeid, "unexpected" if expected and _is_strict(item) else "passed")
    elif kind in ("Skipped", "SkipTest"):
        write(item.nodeid, "skipped")
    elif kind == "XFailed" or (any(item.iter_markers("xfail")) and call.when == "call"):
        write(item.nodeid, "expected")
    elif kind not in ("Exit", "KeyboardInterrupt"):
        write(item.nodeid, "failed" if _is_assertion(error) else "error", error)
        if any(frame.f_code.co_name == "setUpClass" for frame, _line in traceback.walk_tb(error.__traceback__)):
            _reconnect()


def _is_strict(item: Any) -> bool:
    """Report whether a test that is expected to fail may not pass."""
    marks = [mark.kwargs["strict"] for mark in item.iter_markers("xfail") if "strict" in mark.kwargs]
    return bool(marks[0] if marks else item.config.getini("xfail_strict"))
