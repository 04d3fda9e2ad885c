"""Write what pg_behaviour found as JSON. Its schema is docs/reference/behaviour.schema.json."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from migrate_to_pg.behaviour.records import Behaviour, Effect, Report
from migrate_to_pg.behaviour.report import words


def dumps(report: Report, fail_on: str) -> str:
    """Return a JSON document, ending in a newline. The keys are a public interface."""
    document = {
        "ok": not report.fails(fail_on),
        "fail_on": fail_on,
        "started": report.started,
        "seconds": round(report.seconds, 3),
        "source": report.source,
        "ways": list(report.ways),
        "errors": report.count(Effect.ERROR),
        "different": report.count(Effect.DIFFERENT),
        "hints": report.hints,
        "findings": [_finding(found) for found in report.findings],
        "unexecuted": [asdict(place) for place in report.unexecuted],
        "complete": report.is_complete,
        "notes": list(report.notes),
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _finding(found: Behaviour) -> dict[str, Any]:
    example = found.example
    return {
        "rule": found.rule,
        "title": words.title(found),
        **asdict(found.place),
        "ways": list(found.ways),
        "certainty": found.certainty,
        "effect": found.effect,
        "count": found.count,
        "sqlite": example.sqlite,
        "postgresql": example.postgresql,
        "sqlstate": example.sqlstate,
        "sql": example.sql,
        "explanation": example.explanation,
        "instead": words.instead(found),
    }
