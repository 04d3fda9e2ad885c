"""The pages under /attribution/ and /enseignants/, a module each; each view says who may call it.

workbench   attribute parts of courses, as a page and as the JSON API
listing     the list of attributions, searched, sorted, exported
changes     one attribution: its history, edit, move, remove, undo
carry_over  next year's attributions from last year's
dashboard   loads and progress in figures
teachers    teachers, their pages, what is printed
"""
