"""Print what one of the ways finds, as JSON: ``report.py suite COMMAND``, ``report.py crawl [USER]``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()

from migrate_to_pg.behaviour.queries import crawl, find_by_queries  # noqa: E402

url, source = os.environ["COPY"], Path(os.environ["SOURCE"])
if sys.argv[1] == "suite":
    notes: Any = find_by_queries(sys.argv[2], url, source, Path())
else:
    notes = crawl(url, source, *sys.argv[2:])
seen = [[one.rule, str(one.place), one.certainty, one.sqlite, one.postgresql, one.explanation] for one in notes]
print(json.dumps({"seen": seen, "counts": notes.counts, "notes": notes.notes}))
