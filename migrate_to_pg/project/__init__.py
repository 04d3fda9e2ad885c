"""Ask Django about the project: settings, models, migrations."""
