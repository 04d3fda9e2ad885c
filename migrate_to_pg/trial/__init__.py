"""Try the project on PostgreSQL: a copy of its data in a database of its own, and commands that run on it.

``migrate_to_pg.trial.open_copy.open_copy`` makes or reuses the copy, ``migrate_to_pg.trial.command.run_command`` runs a
command of the project on it. Neither touches the source or the database that the settings name.
"""
