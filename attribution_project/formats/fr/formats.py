"""Write thousands apart with a narrow space that does not break, as French typography asks: 1 234,50."""

THOUSAND_SEPARATOR = "\u202f"
