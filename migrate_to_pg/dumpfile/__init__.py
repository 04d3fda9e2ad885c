"""A snapshot in, one file out that holds all of it; and that file in, an SQLite database with the same content out.

The file is a zip archive whose members are stored as they are: ``manifest.json``, and each table as an Arrow IPC
stream compressed with zstd. The SHA-256 of all of it stands in the archive's comment, at its very end.

``table`` reads a table of a SQLite file whole, ``manifest`` is what is written down about them, ``container`` the file,
``rebuild`` makes the database again.
"""

from migrate_to_pg.dumpfile.source import DumpedSource
from migrate_to_pg.dumpfile.write import Circumstances, require_absent, write

__all__ = ["Circumstances", "DumpedSource", "require_absent", "write"]
