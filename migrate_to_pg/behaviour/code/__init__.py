"""Read the project's Python files, and let both databases compile the SQL in them. Nothing is executed.

``find.find_by_code`` does all of it. That alone needs sqlglot, which the extra ``behaviour`` installs.
"""
