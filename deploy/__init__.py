"""Run the application in containers: secrets, migrations, health. Each module also runs without Docker."""
