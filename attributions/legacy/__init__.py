"""Make a database with the damages of real ones, to test a migration tool.

build         make a valid SQLite database with the migrations applied and rows in it
bad_rebuilds  copy a table by hand as people do: new table, INSERT ... SELECT, DROP, RENAME
damage        one function for each damage, by its real cause; sqlite_schema is never written directly
"""
