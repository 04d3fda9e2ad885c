#!/bin/sh
# Make the role of the application and its database, once, while the image of PostgreSQL makes the directory of its data.
#
# The role owns the database, and is nothing more: no superuser, no databases or roles of its own making. The superuser
# loses the password that the image wanted for it: only who is in the container is let in as postgres, by the socket.
set -e

# The password is read by psql itself: in no argument, and in no log of the server.
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname=postgres --file=- <<'SQL'
\getenv password POSTGRES_PASSWORD
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;
SELECT format('CREATE ROLE attribution LOGIN PASSWORD %L', :'password') \gexec
ALTER ROLE postgres PASSWORD NULL;
CREATE DATABASE attribution OWNER attribution;
SQL
