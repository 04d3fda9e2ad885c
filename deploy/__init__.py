"""What a container of the application runs around it: secrets, migrations, health; each also runs without Docker."""
