#!/bin/sh
# Write the whole database into one file, readable for its owner alone: backup.sh FILE
#
# The database is the one of libpq's variables (PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSFILE, ...). With RUN the programs
# of PostgreSQL run elsewhere, as in RUN="docker compose exec -T db".
set -eu
umask 077

file=${1:?is missing: backup.sh FILE}
if [ -e "$file" ]; then
    echo "$file is there already: nothing was written." >&2
    exit 1
fi
mkdir -p "$(dirname "$file")"
draft="$file.$$.unfinished"
trap 'rm -f "$draft"' EXIT
trap 'exit 1' INT TERM HUP

# shellcheck disable=SC2086  # RUN is a command with its arguments
${RUN:-} pg_dump --format=custom > "$draft"
# A file that pg_restore cannot read to its end is no backup.
# shellcheck disable=SC2086
${RUN:-} pg_restore --file=/dev/null < "$draft"
mv "$draft" "$file"
echo "$file: $(wc -c < "$file") bytes." >&2
