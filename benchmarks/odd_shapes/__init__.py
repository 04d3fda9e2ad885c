"""A project with a table of 1,000 columns and one of large values, for the benchmark of odd shapes."""

#: Of the wide table, its key included.
COLUMNS = 1_000
