"""Ask for every page of a university of 2,000 courses and ten years, and print the processor time that each takes.

The figure is of the process that answers, the median of several requests as the administrator. On PostgreSQL the
server's own time is not in it.
"""

from __future__ import annotations

import time
from statistics import median

from django.test import Client

from benchmarks.both_databases import measure_both

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


def main() -> None:
    """Measure SQLite and the embedded PostgreSQL."""
    sizes = ("--teachers", "60", "--courses", "2000", "--attributions", "44000")
    measure_both("benchmarks.pages", __doc__, measure, ("make_demo_data", "--verbosity", "0", *sizes))


if __name__ == "__main__":
    main()
