"""Names of 63, 64 and 69 bytes, of 40 characters in 80 bytes, and of a table that RunSQL makes."""

EXACT, OVER, LIVE, WIDE, HAND = "e" * 63, "o" * 64, "live_" + "x" * 64, "é" * 40, "hand_" + "y" * 64
