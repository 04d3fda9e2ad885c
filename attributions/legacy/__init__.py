"""A database damaged as real ones are, to try a migration tool on.

build    a path -> a sound SQLite database with the migrations applied and rows in it
rebuild  how people copy a table by hand: new table, INSERT ... SELECT, DROP, RENAME
damage   one function a damage, each by the means that cause it in life; sqlite_schema is never written by hand
"""
