"""Generate plausible data, the same every time for the same seed and sizes.

vocabulary   names, departments and notes
generate     make rows from a seed and sizes, one at a time: memory does not grow with their number
bulk_insert  insert the rows by executemany or COPY
university   a small university, with an account for each role
"""
