#!/bin/sh
# Restore a file of backup.sh: restore.sh [--replace | --try] FILE
#
# A database that holds anything is refused. With --replace the backup is restored beside it, and takes its name once that
# has worked; the old one is kept under a name with the date, until you drop it. All of it, or nothing, is restored.
# With --try it is restored beside it, counted, and dropped again: the backup is then known to be one.
# Variables as for backup.sh.
set -eu

how=
case "${1:-}" in
    --replace | --try)
        how=$1
        shift
        ;;
esac
file=${1:?is missing: restore.sh [--replace | --try] FILE}

# shellcheck disable=SC2086  # RUN is a command with its arguments
run() { ${RUN:-} "$@"; }
ask() { run psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 "$@"; }
fill() { run pg_restore --exit-on-error --single-transaction --dbname="$1" < "$file"; }

if ! run pg_restore --list < "$file" > /dev/null; then
    echo "$file is no backup that can be restored: nothing was changed." >&2
    exit 1
fi

name=$(ask --command='SELECT current_database()' < /dev/null)
if [ -z "$how" ]; then
    relations=$(ask < /dev/null --command="
        SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_' AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')")
    if [ "$relations" != 0 ]; then
        echo "$name is not empty ($relations tables, views and sequences): nothing was changed." >&2
        echo "With --replace (make restore FILE=... REPLACE=yes) the backup takes its place, and it is kept under another name." >&2
        exit 1
    fi
    fill "$name"
    echo "$file was restored into $name." >&2
    exit 0
fi

stamp=$(date +%Y%m%d_%H%M%S)
new="restoring_$stamp"
old="before_restore_$stamp"
# With the owner of the old one, its encoding and its order of texts, whatever the server's own are.
like() { ask --command="SELECT $1 FROM pg_database WHERE datname = current_database()" < /dev/null; }
run createdb --template=template0 --owner="$(like 'pg_get_userbyid(datdba)')" --encoding="$(like 'pg_encoding_to_char(encoding)')" \
    --lc-collate="$(like datcollate)" --lc-ctype="$(like datctype)" "$new" < /dev/null
trap 'run dropdb --if-exists "$new" < /dev/null' EXIT
trap 'exit 1' INT TERM HUP
fill "$new"
if [ "$how" = --try ]; then
    counted=$(ask --dbname="$new" < /dev/null \
        --command="SELECT count(*) || ' tables, ' || coalesce(sum(n_tup_ins), 0) || ' rows' FROM pg_stat_user_tables")
    echo "$file can be restored: $counted." >&2
    exit 0
fi
# Both at once, or neither. A database that somebody uses cannot be renamed.
if ! ask --dbname=template1 --set=name="$name" --set=old="$old" --set=new="$new" --single-transaction --file=- <<'SQL'
ALTER DATABASE :"name" RENAME TO :"old";
ALTER DATABASE :"new" RENAME TO :"name";
SQL
then
    echo "$name is in use and unchanged: stop what uses it (docker compose stop web pgbouncer) and try again." >&2
    exit 1
fi
trap - EXIT
echo "$file was restored into $name; what was there is the database $old." >&2
