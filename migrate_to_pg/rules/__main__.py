"""Write the reference of findings to standard output: ``python -m migrate_to_pg.rules``."""

from __future__ import annotations

import sys

from migrate_to_pg.rules.docs import reference

if __name__ == "__main__":
    sys.stdout.write(reference())
