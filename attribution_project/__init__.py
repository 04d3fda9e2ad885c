"""The project: settings, URLs and what every page shares."""
