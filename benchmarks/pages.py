"""Ask for every page of a university of 2,000 courses and ten years, and print the processor time that each takes.

The figure is of the process that answers, the median of several requests as the administrator. On PostgreSQL the
server's own time is not in it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from django.test import Client

from migrate_to_pg.postgres import embedded

ROOT = Path(__file__).resolve().parents[1]
REQUESTS = 15
MOST_MS = 60


def measure() -> None:
    """Measure the database of DATABASE_URL."""
    import django

    django.setup()
    from django.contrib.auth.models import Group, User

    from attributions.models import Teacher
    from tests.app.test_scale import PAGES, values_of

    user = User.objects.create_user("measured", is_staff=True)
    user.groups.add(Group.objects.get(name="administrateur"))
    Teacher.objects.filter(matricule="M00007").update(user=user)
    client = Client(headers={"accept": "text/html"})
    client.force_login(user)
    addresses = {page: address.format(**values_of()) for page, address in PAGES.items()}
    found = {page: milliseconds(client, address) for page, address in addresses.items()}
    for page, took in sorted(found.items(), key=lambda entry: -entry[1]):
        print(f"  {took:6.1f} ms  {page}{'  more than ' + str(MOST_MS) if took > MOST_MS else ''}", flush=True)


def milliseconds(client: Client, address: str) -> float:
    """Return the median of the processor time of one request, after one that is not counted."""
    took = []
    for _ in range(REQUESTS + 1):
        before = time.process_time()
        status = client.get(address).status_code
        took.append(time.process_time() - before)
        if status != 200:
            raise SystemExit(f"{address} answers {status}.")
    return median(took[1:]) * 1000


def run(name: str, url: str) -> None:
    """Make the university in an empty database, and measure it in a process of its own."""
    print(f"{name}:", flush=True)
    environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "attribution_project.settings"}
    environment |= {"ALLOWED_HOSTS": "testserver"}
    sizes = ("--teachers", "60", "--courses", "2000", "--attributions", "44000")
    for command in (
        ("manage.py", "migrate", "--verbosity", "0"),
        ("manage.py", "make_demo_data", "--verbosity", "0", *sizes),
        ("-m", "benchmarks.pages", "--here"),
    ):
        subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment,
            check=True,
            stdout=sys.stderr if "--here" not in command else None,
        )


def main() -> None:
    """Measure SQLite and the embedded PostgreSQL."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--here", action="store_true", help="measure the database of DATABASE_URL, in this process")
    if parser.parse_args().here:
        measure()
        return
    print(f"load of the machine {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        run("SQLite", f"sqlite:///{folder}/db.sqlite3")
        server = embedded.start(Path(folder) / "postgresql")
        try:
            run("PostgreSQL", server.url())
        finally:
            server.stop()


if __name__ == "__main__":
    main()
