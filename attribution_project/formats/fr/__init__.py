"""Formats of numbers in French."""
