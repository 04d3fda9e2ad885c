"""Filters of the application's templates."""
