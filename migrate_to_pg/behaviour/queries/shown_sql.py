"""Show the text of a statement to a reader, without the values in it where it uses a secret column."""

from __future__ import annotations

from migrate_to_pg.behaviour.queries.statement import Token, read_statement
from migrate_to_pg.project.secret_columns import MASK, has_secret, is_known, may_be_secret

#: A name follows, in whatever quotes.
_BEFORE_NAMES = frozenset({"AS", "FROM", "JOIN", "INTO", "UPDATE", "TABLE"})
#: A number follows that is no value of a row: a count, or a parameter's number.
_BEFORE_COUNTS = frozenset({"LIMIT", "OFFSET", "$"})


def shown_sql(sql: str, *, is_secret: bool) -> str:
    """Return a statement on one line.

    Args:
        sql: The statement.
        is_secret: Whether it uses a secret column. Its literals are masked then.
    """
    if not is_secret:
        return " ".join(sql.split())
    statement = read_statement(sql)
    around = zip((None, *statement.tokens), statement.tokens, (*statement.tokens[1:], None), strict=False)
    names = {token.text for before, token, after in around if _is_name(before, after)}
    parts, end = [], 0
    for before, token in zip((None, *statement.tokens), statement.tokens, strict=False):
        quote = _quote_of_value(before, token, names)
        if quote is not None:
            parts += [sql[end : token.start], f"{quote}{MASK}{quote}"]
            end = token.end
    return " ".join("".join([*parts, sql[end:]]).split())


def names_secret(sql: str) -> bool:
    """Report whether a statement that no database was asked about names a secret column."""
    statement = read_statement(sql)
    names = [_unquoted(token) for token in statement.tokens if token.kind in ("word", "name")]
    return any(has_secret(table, names) for table in statement.tables) or any(map(may_be_secret, names))


def _quote_of_value(before: Token | None, token: Token, names: set[str]) -> str | None:
    """Return the quotes of a literal, or None for anything else. To SQLite, text may be in double quotes."""
    if token.kind == "string":
        return "'"
    if token.kind == "number":
        return None if before and before.text.upper() in _BEFORE_COUNTS else ""
    is_text = token.kind == "name" and token.text.startswith('"') and token.text not in names
    return '"' if is_text and not is_known(_unquoted(token)) else None


def _is_name(before: Token | None, after: Token | None) -> bool:
    """Report whether the tokens around one say that it is a name."""
    if before is not None and (before.word in _BEFORE_NAMES or before.text == "."):
        return True
    return after is not None and after.text == "."


def _unquoted(token: Token) -> str:
    return token.text.strip('"`[]')
