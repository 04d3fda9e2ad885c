"""Check how long the shipped software is supported by its makers: make audit.

    python -m deploy.supported

Fails if something is past its end of support, or has no entry here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from deploy.images import FILES, ROOT, images


@dataclass(frozen=True)
class End:
    """The last day of security support, and its source."""

    day: date
    source: str


#: By name and the part of the version that decides.
ENDS = {
    "debian 13": End(date(2028, 8, 9), "debian.org/releases/trixie; PgBouncer 1.24 comes from it"),
    "django 5.2": End(date(2028, 4, 30), "djangoproject.com/download"),
    "django 6.1": End(date(2027, 12, 1), "djangoproject.com/download: December 2027"),
    "nginx 1.30": End(date(2027, 4, 14), "nginx.org: until the next stable branch; a year after 1.30.0"),
    "postgres 18": End(date(2030, 11, 14), "postgresql.org/support/versioning"),
    "python 3.13": End(date(2029, 10, 1), "devguide.python.org/versions: October 2029"),
}


def shipped() -> list[str]:
    """Return name and version of every image, and of Django."""
    found = {image.partition("-")[0].replace(":", " ") for path in FILES for image in images(path)}
    pinned = (ROOT / "requirements" / "app.txt").read_text()
    return sorted(found | {f"django {version}" for version in re.findall(r"^django==(\d+\.\d+)", pinned, re.MULTILINE)})


def faults(today: date) -> list[str]:
    """Return a sentence for everything without an entry or past its end."""
    sentences = []
    for name in shipped():
        end = ENDS.get(name)
        if end is None:
            sentences.append(
                f"{name} is shipped, and its end is not known: look it up, and write it into deploy/supported.py."
            )
        elif today > end.day:
            sentences.append(f"{name} has had no corrections since {end.day} ({end.source}): ship a newer one.")
    return sentences


def table() -> Iterator[str]:
    """Yield the lines of a section of docs/reference/dependencies.md."""
    yield "| what | supported until | according to |"
    yield "|---|---|---|"
    for name in shipped():
        yield f"| {name} | {ENDS[name].day} | {ENDS[name].source} |"


if __name__ == "__main__":
    found = faults(datetime.now(UTC).date())
    sys.stdout.write("".join(f"{line}\n" for line in found or ["Everything that is shipped is supported."]))
    sys.exit(bool(found))
