"""Attribute parts of courses to teachers, by academic year."""
