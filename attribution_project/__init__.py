"""Settings, URLs and what every page shares."""
