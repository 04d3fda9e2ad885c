"""Write the reference of behaviour to standard output: ``python -m migrate_to_pg.behaviour``."""

from __future__ import annotations

import sys

from migrate_to_pg.behaviour.reference import reference

if __name__ == "__main__":
    sys.stdout.write(reference())
