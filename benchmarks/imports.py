"""Import files of 5,000 rows by the pages, and print the processor time of each step, on SQLite and on PostgreSQL.

The figure to watch is the processor time of the web server's process: the clock tells of what else the machine does,
too. A lock is held from the beginning of the transaction to its end.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.both_databases import measure_both

ROWS = 5_000
COURSES = "code;intitule;credits;heures_cm;heures_td;heures_tp;niveau;semestre;departement\n"
_TOKEN = re.compile('name="token" value="([^"]+)"')
SHARES = "annee;code;composante;matricule;heures;role;groupe;service;remarque_interne\n"


@dataclass
class Locks:
    """The transactions of a connection, by the clock and in processor time."""

    longest: tuple[float, float] = (0, 0)
    _since: tuple[float, float] | None = field(default=None)

    def watch(self, connection: Any) -> None:
        """Follow each change of autocommit: Django's ``atomic`` begins and ends a transaction by one."""
        original = connection.set_autocommit

        def set_autocommit(autocommit: bool, **more: Any) -> None:
            original(autocommit, **more)
            now = time.perf_counter(), time.process_time()
            if not autocommit:
                self._since = now
            elif self._since:
                self.longest = max(self.longest, (now[0] - self._since[0], now[1] - self._since[1]))
                self._since = None

        connection.set_autocommit = set_autocommit


@contextmanager
def measured(title: str, locks: Locks) -> Iterator[None]:
    """Print what the block takes."""
    locks.longest = (0, 0)
    clock, processor = time.perf_counter(), time.process_time()
    yield
    took = time.process_time() - processor, time.perf_counter() - clock
    lock_clock, lock_processor = locks.longest
    print(
        f"  {title:28} {took[0]:6.2f} s ({took[1]:5.2f})   lock {lock_processor:5.2f} s ({lock_clock:5.2f})", flush=True
    )


def courses_file(title: str) -> str:
    """Return a file of courses. Another title changes each of them."""
    rows = (f"IMP{n};{title} {n};3;{n % 40};12,5;8;L{n % 3 + 1};{n % 2 + 1};Sols\n" for n in range(ROWS))
    return COURSES + "".join(rows)


def shares_file(year: str, remark: str) -> str:
    """Return a file of shares. Another remark changes each of them."""
    rows = (f"{year};IMP{n};TD;IMP{n % 500};10,25;titulaire;;statutaire;{remark} {n}\n" for n in range(ROWS))
    return SHARES + "".join(rows)


def measure() -> None:
    """Import into the database of the settings, which holds nothing but its migrations."""
    import django

    django.setup()
    from django.contrib.auth.models import Group, User
    from django.db import connection
    from django.test import Client

    from attributions.models import Teacher
    from courses.academic_year import current_year
    from courses.models import Course

    user = User.objects.create_user("secretaire")
    user.groups.add(Group.objects.get(name="secretariat"))
    # The department, so that there is nothing to be asked.
    Course.objects.create(code="SOL1", title="Sols", credits=1, level_id="L1", semester=1, department="Sols")
    Teacher.objects.bulk_create(
        Teacher(matricule=f"IMP{n}", last_name=f"N{n}", first_name="A", grade_id="PR", department="Sols", max_hours=999)
        for n in range(500)
    )
    client = Client(headers={"accept": "text/html"})
    client.force_login(user)
    locks = Locks()
    locks.watch(connection)
    year = current_year()
    print(f"  {ROWS} rows: processor time (clock)", flush=True)
    steps: list[tuple[str, str, str]] = [
        ("courses, new", "/cours/import/", courses_file("Cours")),
        ("courses, changed", "/cours/import/", courses_file("Autre")),
        ("attributions, new", "/attribution/liste/import/", shares_file(year, "")),
        ("attributions, changed", "/attribution/liste/import/", shares_file(year, "vu")),
    ]
    client.get("/cours/import/")  # templates and catalogues are read once
    for title, address, text in steps:
        import_file(client, title, address, text, locks)


def import_file(client: Any, title: str, address: str, text: str, locks: Locks) -> None:
    """Preview a file and accept it."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    with measured(f"{title}, preview", locks):
        page = client.post(address, {"file": SimpleUploadedFile("rows.csv", text.encode())})
    token = _TOKEN.search(page.content.decode())
    if token is None:
        raise SystemExit(page.content.decode())
    form = {"token": token[1], "confirm": "yes"}
    with measured(f"{title}, accepted", locks):
        page = client.post(address, form)
    if page.status_code != 302:
        raise SystemExit(page.content.decode())


def main() -> None:
    """Measure SQLite and the embedded PostgreSQL."""
    measure_both("benchmarks.imports", __doc__, measure)


if __name__ == "__main__":
    main()
