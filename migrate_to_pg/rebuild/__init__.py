"""Make a clean SQLite file of a database by moving it to the embedded PostgreSQL and back: sqlite_doctor --rebuild.

``rebuild`` makes both moves, ``finish_file`` brings over what PostgreSQL does not know, ``one_report`` makes one report
of two.
"""
