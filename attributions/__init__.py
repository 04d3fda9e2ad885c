"""Who teaches which part of which course, in which year."""
