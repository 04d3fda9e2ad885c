"""Guard texts that a spreadsheet would take for a formula by an apostrophe, and remove it again.

A reader with another separator than the writer's splits a cell: what follows a separator or a line end is a beginning,
too. The two functions are each other's inverse, so that an export can be imported without a change.
"""

import re

#: The full-width signs are formulas in East Asian settings.
_SIGNS = "=+\\-@\t\r＝＋－＠"
_AT_THE_BEGINNING = f"""(^["' ]*)(?=[{_SIGNS}])"""
_AFTER_A_SEPARATOR = f"""((?:^|[;,\t\r\n])["' ]*)(?=[{_SIGNS}])"""
#: Extension of the file -> where a cell begins.
_BEGINNINGS = {"xlsx": re.compile(_AT_THE_BEGINNING), "csv": re.compile(_AFTER_A_SEPARATOR)}
_GUARDED = {extension: re.compile(found.pattern.replace("(?=", "'(?=")) for extension, found in _BEGINNINGS.items()}


def guard(text: str, extension: str) -> str:
    """Return the text with an apostrophe before each sign that could begin a formula."""
    return _BEGINNINGS[extension].sub(r"\1'", text)


def remove_guards(text: str, extension: str) -> str:
    """Return the text that was guarded."""
    return _GUARDED[extension].sub(r"\1", text)
