#!/bin/sh
# Give the owner of the database the password that is in the file POSTGRES_PASSWORD_FILE, as a superuser: nobody else may keep
# it out of the server's log. In the container of PostgreSQL: docker compose exec -T db sh -s < deploy/set_password.sh
set -eu

# Read by psql itself: in no argument, and in no log of the server.
exec psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --file=- <<'SQL'
\set password `cat "$POSTGRES_PASSWORD_FILE"`
BEGIN;
SET LOCAL log_statement = 'none';
SET LOCAL log_min_error_statement = 'panic';
SET LOCAL log_min_duration_statement = -1;
SELECT format('ALTER ROLE %I PASSWORD %L', pg_get_userbyid(datdba), :'password')
FROM pg_database WHERE datname = current_database() \gexec
COMMIT;
SQL
