"""Find what a project's code will do otherwise on PostgreSQL: ``manage.py pg_behaviour``.

Four ways look for it: the project's tests, its queries, its data and models, and its source code. Each yields
``Occurrence`` records, and ``merge`` makes one finding of all that have one rule and one place.
"""
