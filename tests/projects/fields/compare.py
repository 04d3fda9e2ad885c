"""Read every value through the ORM on both databases; a line of JSON for each that is not the same, and the counts.

``TARGET_URL`` names PostgreSQL; ``default`` is SQLite.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from decimal import Decimal
from typing import Any

import dj_database_url
import django
from django.apps import apps
from django.db import connections


def main() -> None:
    entry = dj_database_url.parse(os.environ["TARGET_URL"])
    connections.settings["target"] = connections.configure_settings({"default": {}, "target": dict(entry)})["target"]
    counts, wrong = {}, []
    for model in apps.get_app_config("fields").get_models(include_auto_created=True):
        names = [field.attname for field in model._meta.concrete_fields]
        sides = [
            {row[0]: row[1:] for row in model._base_manager.using(alias).values_list("pk", *names)}
            for alias in ("default", "target")
        ]
        counts[model.__name__] = len(sides[0])
        wrong += differences(model.__name__, names, *sides)
    json.dump({"counts": counts, "wrong": wrong[:20], "total": len(wrong)}, sys.stdout)


def differences(name: str, names: list[str], left: dict[Any, Any], right: dict[Any, Any]) -> list[list[str]]:
    found = [[name, repr(key), "", "missing or too many"] for key in left.keys() ^ right.keys()]
    for key in left.keys() & right.keys():
        for field, a, b in zip(names, left[key], right[key], strict=True):
            if not same(a, b, is_json=name == "JSON"):
                found.append([name, repr(key), field, f"{a!r} on SQLite, {b!r} on PostgreSQL"])
    return found


def same(a: Any, b: Any, is_json: bool) -> bool:
    """This test's own opinion: it shares nothing with the verification."""
    if isinstance(a, (bytes, memoryview)):
        return bytes(a) == bytes(b)
    if is_json:
        return bool(canonical(a) == canonical(b))
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("d", a) == struct.pack("d", b)
    return type(a) is type(b) and bool(a == b)


def canonical(document: Any) -> Any:
    """jsonb knows the value of a number, and neither how it was written nor a negative zero: 1e16 is an integer."""
    if isinstance(document, dict):
        return {key: canonical(value) for key, value in document.items()}
    if isinstance(document, list):
        return [canonical(value) for value in document]
    if isinstance(document, (int, float)) and not isinstance(document, bool):
        return "number", Decimal(repr(document))
    return document


if __name__ == "__main__":
    django.setup()
    main()
