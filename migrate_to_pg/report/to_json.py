"""Write a report as strict JSON in ASCII, so that every value of a database survives."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from migrate_to_pg.records import OrmTable, Report
from migrate_to_pg.records.repairs import ChangedCells, RemovedRows
from migrate_to_pg.report.summary import findings
from migrate_to_pg.report.tables import tables


def dumps(report: Report) -> str:
    """Return the report as a JSON document, ending in a newline."""
    return json.dumps(to_json(report), indent=2, allow_nan=False) + "\n"


def to_json(report: Report) -> dict[str, Any]:
    """Return the report as what json.dumps takes. The keys are a public interface."""
    verification, publication = report.verification, report.publication
    return {
        "ok": report.ok,
        "mode": report.mode,
        "started": report.started,
        "command": report.command,
        "verify": verification.verify.value if verification else None,
        "failure": _dict(report.failure),
        "dump": _dict(report.dump),
        "stages": [{"name": stage.name, "seconds": _seconds(stage.seconds)} for stage in report.stages],
        "seconds": _seconds(report.seconds),
        "source_choice": report.source_choice,
        "source": _dict(report.source),
        "target": _dict(report.target),
        "tables": [asdict(table) | {"seconds": _seconds(table.seconds)} for table in tables(report)],
        "excluded": [asdict(table) for table in report.excluded],
        "findings": [asdict(finding) for finding in findings(report)],
        "advice": _dict(report.advice),
        "could_stay": _dict(report.could_stay),
        "quarantined": [_removed_json(rows) for rows in report.removed],
        "changes": [_changes_json(cells) for cells in report.changed],
        "orm": [_orm_json(table) for table in (verification.orm if verification else ())],
        "orm_unread": [asdict(model) for model in (verification.unread if verification else ())],
        "differences": [
            asdict(found) for table in (verification.tables if verification else ()) for found in table.samples
        ],
        "identities": [asdict(identity) for identity in report.identities],
        "publication": publication and asdict(publication) | {"locked_seconds": _seconds(publication.locked_seconds)},
        "made": _dict(report.made),
        "export": _dict(report.export),
        "versions": dict(report.versions),
        "next_steps": list(report.next_steps),
        "continue_with": report.continue_with,
    }


def _removed_json(rows: RemovedRows) -> dict[str, Any]:
    return {
        "table": rows.table,
        "rule": rows.rule,
        "fate": rows.outcome.value,
        "count": rows.count,
        "following": rows.following,
        "rows": [asdict(row) for row in rows.samples],
    }


def _changes_json(cells: ChangedCells) -> dict[str, Any]:
    return {
        "rule": cells.rule,
        "table": cells.table,
        "column": cells.column,
        "count": cells.count,
        "cells": [asdict(cell) for cell in cells.samples],
    }


def _orm_json(table: OrmTable) -> dict[str, Any]:
    return {
        "table": table.name,
        "rows": table.rows,
        "values": table.values,
        "keys_followed": table.keys_followed,
        "differences": table.differences,
    }


def _dict(record: Any) -> dict[str, Any] | None:
    return asdict(record) if record else None


def _seconds(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
