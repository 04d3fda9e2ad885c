"""In: a Report. Out: report.json, strict and in ASCII: whatever a database holds survives the way out and back in."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from migrate_to_pg.records import Difference, Failure, Finding, OrmTable, Publication, Report
from migrate_to_pg.records.repairs import ChangedCells, RowsAside
from migrate_to_pg.report.summary import findings
from migrate_to_pg.report.tables import TableFacts, tables


def dumps(report: Report) -> str:
    """The report as a JSON document, ending in a newline."""
    return json.dumps(to_json(report), indent=2, allow_nan=False) + "\n"


def to_json(report: Report) -> dict[str, Any]:
    """The report as JSON's own types; the keys are a public interface."""
    proof = report.proof
    return {
        "ok": report.ok,
        "mode": report.mode,
        "started": report.started,
        "command": report.command,
        "verify": proof.verify.value if proof else None,
        "failure": _failure(report.failure),
        "dump": asdict(report.dump) if report.dump else None,
        "stages": [{"name": s.name, "seconds": _seconds(s.seconds)} for s in report.stages],
        "seconds": _seconds(report.seconds),
        "source_choice": report.source_choice,
        "source": asdict(report.source) if report.source else None,
        "target": asdict(report.target) if report.target else None,
        "tables": [_table(t) for t in tables(report)],
        "excluded": [asdict(table) for table in report.excluded],
        "findings": [finding_json(f) for f in findings(report)],
        "advice": asdict(report.advice) if report.advice else None,
        "could_stay": asdict(report.could_stay) if report.could_stay else None,
        "quarantined": [_aside(rows) for rows in report.aside],
        "changes": [_changes(cells) for cells in report.changed],
        "orm": [_read(table) for table in (proof.orm if proof else ())],
        "orm_unread": [asdict(model) for model in (proof.unread if proof else ())],
        "differences": [_difference(d) for t in (proof.tables if proof else ()) for d in t.samples],
        "identities": [asdict(i) for i in report.identities],
        "publication": _publication(report.publication),
        "export": asdict(report.export) if report.export else None,
        "versions": dict(report.versions),
        "next_steps": list(report.next_steps),
        "continue_with": report.continue_with,
    }


def _seconds(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def _failure(failure: Failure | None) -> dict[str, Any] | None:
    return {**asdict(failure), "detail": list(failure.detail)} if failure else None


def _table(table: TableFacts) -> dict[str, Any]:
    return {**asdict(table), "seconds": _seconds(table.seconds)}


def finding_json(finding: Finding) -> dict[str, Any]:
    """One finding; its keys are a public interface."""
    return {
        "rule": finding.rule,
        "level": finding.level.value,
        "table": finding.table,
        "column": finding.column,
        "count": finding.count,
        "samples": [{"key": dict(s.key), "value": s.value} for s in finding.samples],
        "explanation": finding.explanation,
        "remedy": finding.remedy,
        "repair": finding.repair,
        "repairable": finding.repairable,
        "quarantinable": finding.quarantinable,
        "applied": finding.applied,
    }


def _aside(rows: RowsAside) -> dict[str, Any]:
    return {
        "table": rows.table,
        "rule": rows.rule,
        "fate": rows.fate.value,
        "count": rows.count,
        "following": rows.following,
        "rows": [{"key": dict(row.key), "reason": row.reason, "row": dict(row.row)} for row in rows.samples],
    }


def _changes(cells: ChangedCells) -> dict[str, Any]:
    return {
        "rule": cells.rule,
        "table": cells.table,
        "column": cells.column,
        "count": cells.count,
        "cells": [{"key": dict(cell.key), "old": cell.old, "new": cell.new} for cell in cells.samples],
    }


def _read(table: OrmTable) -> dict[str, Any]:
    return {
        "table": table.name,
        "rows": table.rows,
        "values": table.values,
        "keys_followed": table.keys_followed,
        "differences": table.differences,
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "table": difference.table,
        "key": dict(difference.key),
        "column": difference.column,
        "kind": difference.kind,
        "source": difference.source,
        "target": difference.target,
    }


def _publication(publication: Publication | None) -> dict[str, Any] | None:
    if publication is None:
        return None
    return {
        "schema": publication.schema,
        "tables": list(publication.tables),
        "replaced": list(publication.replaced),
        "archive": publication.archive,
        "locked_seconds": _seconds(publication.locked_seconds),
        "leftovers": list(publication.leftovers),
        "leftovers_archive": publication.leftovers_archive,
        "source": publication.source,
    }
