"""The built wheel in an environment of its own, in the projects of strangers: run by nox, copied away from here.

Nothing in it may import from the repository: ``migrate_to_pg`` is the installed one.
"""
