"""A directory for PYTHONPATH: its ``sitecustomize`` replaces the project's database in a child process."""
