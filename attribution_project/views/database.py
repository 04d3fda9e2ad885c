"""Show staff the database, the doctor's findings and the last move."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ..permissions import requires_staff

#: The kind of run in a report -> what it did, as docs/reference/report.md names them.
_KINDS = {
    "check": gettext_lazy("a check: nothing was moved"),
    "dump": gettext_lazy("a dump to a file"),
    "rehearse": gettext_lazy("a rehearsal: nothing was published"),
    "publish": gettext_lazy("a migration to PostgreSQL"),
    "verify_only": gettext_lazy("a comparison of both databases"),
    "undo": gettext_lazy("a migration taken back"),
    "move_back": gettext_lazy("a move back to SQLite"),
    "since_publish": gettext_lazy("a list of what was written since the migration"),
}
#: Shorter than gunicorn's timeout for a worker.
_DOCTOR_TIMEOUT_SECONDS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class LastReport:
    """The summary of the latest report.json."""

    started: Any
    mode: str
    ok: bool
    tables: int
    rows: int
    findings: int

    @property
    def kind(self) -> str:
        """Return what kind of run it was."""
        return str(_KINDS.get(self.mode, self.mode))

    @property
    def result(self) -> str:
        """Return how it ended."""
        if self.ok:
            return _("ended well")
        return _("found what would stop a migration") if self.mode == "check" else _("stopped: see the report")


@requires_staff
@require_http_methods(["GET", "HEAD", "POST"])
def database_page(request: HttpRequest) -> HttpResponse:
    """Show the facts. POST also runs the doctor, which copies the database and reads all of it."""
    context = {"facts": _facts(), "last": last_report(settings.BASE_DIR / "migrate_to_pg_report")}
    if request.method == "POST":
        context |= _diagnosis()
    return render(request, "database.html", context)


def _facts() -> dict[str, Any]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database()), current_setting('server_version')")
            size, version = cursor.fetchone()
            return {"engine": "PostgreSQL", "size": size, "version": version, "journal_mode": ""}
        cursor.execute(
            "SELECT p.page_count * s.page_size, sqlite_version(), j.journal_mode"
            " FROM pragma_page_count p, pragma_page_size s, pragma_journal_mode j"
        )
        size, version, journal_mode = cursor.fetchone()
    return {"engine": "SQLite", "size": size, "version": version, "journal_mode": journal_mode}


def _diagnosis() -> dict[str, Any]:
    """Return the doctor's findings about SQLite in the language of the page, or nothing on PostgreSQL.

    The doctor runs in its own process, so that the web server does not keep its libraries in memory.
    """
    if connection.vendor != "sqlite":
        return {}
    language = "en" if (get_language() or "").startswith("en") else "fr"
    name = str(settings.DATABASES["default"]["NAME"])
    command = [sys.executable, "manage.py", "sqlite_doctor", name, "--json", "--lang", language]
    try:
        done = subprocess.run(
            command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=_DOCTOR_TIMEOUT_SECONDS, check=False
        )
        return {"examined": True, "findings": json.loads(done.stdout)["findings"]}
    except subprocess.TimeoutExpired:
        return {"examined": True, "failure": _("The doctor was not done in time: run manage.py sqlite_doctor.")}
    except (ValueError, KeyError):
        return {"examined": True, "failure": done.stderr.strip() or done.stdout.strip()}


def last_report(folder: Path) -> LastReport | None:
    """Read the newest report.json below the folder. Return None if there is none that can be read."""
    for path in sorted(folder.glob("*/report.json"), key=lambda file: file.stat().st_mtime, reverse=True):
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
            tables = report["tables"]
            return LastReport(
                started=parse_datetime(report["started"]),
                mode=report["mode"],
                ok=report["ok"],
                tables=len(tables),
                rows=sum(table.get("rows_target") or 0 for table in tables),
                findings=len(report["findings"]),
            )
        except (OSError, ValueError, KeyError):
            continue
    return None
