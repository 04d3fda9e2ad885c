"""A project whose settings switch all migrations off: migrate --run-syncdb makes its tables from the models."""
