"""The version of this package, read by the build and the report."""

__version__ = "0.1.0"
