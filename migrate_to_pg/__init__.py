"""Move a Django project from SQLite to PostgreSQL, prove every cell equal, publish in one transaction.

The way of the data, one module a stage:

    snapshot   the source -> a consistent private copy
    catalog    what the copy holds, what PostgreSQL's tables are -> a plan
    staging    the project's migrations, run into a hidden schema of the target
    examine    rules over copy and plan -> findings
    load       SQLite -> Arrow -> binary COPY
    staging    indexes, constraints and identities back (restore)
    prove      copy and staging both read back and compared
    publish    one transaction moves everything into the final schema
    report     terminal, HTML, JSON

``pipeline.run`` tells them in order. Importing this package, or having it in INSTALLED_APPS, imports none of them.
"""

from migrate_to_pg.version import __version__

__all__ = ["__version__"]
