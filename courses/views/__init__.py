"""Pages under /cours/ and /annees/. Each view declares who may call it.

courses  the list of a year's courses, one course, import and export
edit     add, correct and deactivate courses
years    open, close and choose academic years
"""
