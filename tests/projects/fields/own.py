"""Fields such as a project writes itself: a type of PostgreSQL's own, which SQLite keeps as text or as a number."""

from __future__ import annotations

import decimal
import re
from typing import Any

from django.db import models


class Own(models.Field):  # type: ignore[type-arg]
    """The text that PostgreSQL would read of it, in SQLite."""

    on_postgresql = ""
    on_sqlite = "text"

    def db_type(self, connection: Any) -> str:
        return self.on_postgresql if connection.vendor == "postgresql" else self.on_sqlite

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return value if value is None else self.read(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return value if value is None or connection.vendor == "postgresql" else self.written(value)

    def read(self, value: Any) -> Any:
        return str(value)

    def written(self, value: Any) -> Any:
        return value


class IntegerArray(Own):
    on_postgresql = "integer[]"

    def read(self, value: Any) -> list[int]:
        return value if isinstance(value, list) else [int(part) for part in value.strip("{}").split(",") if part]

    def written(self, value: list[int]) -> str:
        return "{" + ", ".join(map(str, value)) + "}"


class TextArray(Own):
    on_postgresql = "text[]"

    def read(self, value: Any) -> list[str]:
        if isinstance(value, list):
            return value
        parts = re.findall(r'"((?:[^"\\]|\\.)*)"', value, re.DOTALL)
        return [re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL) for part in parts]

    def written(self, value: list[str]) -> str:
        return "{" + ",".join('"' + re.sub(r'(["\\])', r"\\\1", part) + '"' for part in value) + "}"


class IntegerRange(Own):
    on_postgresql = "int8range"

    def read(self, value: Any) -> str:
        return value if isinstance(value, str) else f"[{value.lower},{value.upper})"


class Mood(Own):
    """An enum, made by the migration."""

    on_postgresql = "mood"


class Network(Own):
    on_postgresql = "cidr"


class Free(Own):
    """numeric without precision: a number of at most 15 digits, as SQLite's REAL holds them."""

    on_postgresql = "numeric"
    on_sqlite = "decimal"

    def read(self, value: Any) -> decimal.Decimal:
        context = decimal.Context(prec=15)
        return (value if isinstance(value, decimal.Decimal) else context.create_decimal(value)).normalize(context)

    def written(self, value: decimal.Decimal) -> str:
        return str(value)
