"""Courses and their hours."""
