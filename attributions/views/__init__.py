"""Pages under /attribution/ and /enseignants/. Each view declares who may call it.

assign            attribute parts of courses, as a page and as the JSON API
attribution_list  the list of attributions, searched, sorted, exported
edit              one attribution: its history, edit, move, remove, undo
copy_year         next year's attributions from last year's
dashboard         loads and progress in figures
teachers          teachers, their pages, what is printed
"""
