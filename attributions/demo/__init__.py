"""Invented but plausible data, the same every time for the same seed and sizes.

words    the vocabulary
rows     seed and sizes -> rows, one at a time: memory does not grow with their number
fill     rows -> a database, as fast as it takes them
"""
