#!/bin/sh
# Back up, try the backup, and only then remove what is older than the last KEEP (default 14): daily_backup.sh FOLDER
#
# Anything that fails ends it with a status that cron reports, and nothing was removed. Variables as for backup.sh.
set -eu

folder=${1:?is missing: daily_backup.sh FOLDER}
keep=${KEEP:-14}
case "$keep" in
    '' | *[!0-9]* | 0)
        echo "KEEP=$keep is not a number of backups: nothing was done." >&2
        exit 1
        ;;
esac
here=$(dirname "$0")
file="$folder/$(date +%Y%m%d-%H%M%S).dump"
sh "$here/backup.sh" "$file"
sh "$here/restore.sh" --try "$file"
# Only names of this script's own: a backup that was given a name is kept.
find "$folder" -maxdepth 1 -name '[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]-[0-9][0-9][0-9][0-9][0-9][0-9].dump' \
    | sort -r | tail -n "+$((keep + 1))" | while read -r old; do
    rm "$old"
    echo "$old was removed: the last $keep are kept." >&2
done
