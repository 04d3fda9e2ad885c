"""Make a new SQLite file from PostgreSQL: the stages that differ from those of the way there.

``spelling`` says how each value is written, ``read_rows`` reads PostgreSQL's rows, ``new_file`` makes the file and
``make_schema`` its schema, ``load_file`` fills it, ``restore`` makes what a load is quicker without, and ``check_file``
lets SQLite itself check the result. Findings, the pairing of tables, the verification of cells and the report are those
of the way there.
"""

from __future__ import annotations
