#!/bin/sh
# Dumps the database that DB_HOST, DB_PORT, DB_USER, DB_PASSWORD and DB_NAME name into BACKUP_FOLDER, as
# YYYYMMDD-HHMMSS.dump, and removes dumps older than BACKUP_DAYS days, but only after a new one is whole.
set -eu
: "${BACKUP_FOLDER:?}" "${BACKUP_DAYS:?}" "${DB_HOST:?}" "${DB_USER:?}" "${DB_NAME:?}"
umask 077
export PGPASSWORD="${PGPASSWORD:-${DB_PASSWORD:-}}"
made="$BACKUP_FOLDER/$(date -u +%Y%m%d-%H%M%S)"
trap 'rm -f "$made.partial"' EXIT
trap 'exit 1' INT TERM
pg_dump --host="$DB_HOST" --port="${DB_PORT:-5432}" --username="$DB_USER" --dbname="$DB_NAME" --no-password \
  --format=custom --lock-wait-timeout=60s --file="$made.partial"
pg_restore --list "$made.partial" > /dev/null
mv "$made.partial" "$made.dump"
find "$BACKUP_FOLDER" -name '*.dump' -mtime "+$BACKUP_DAYS" -delete
find "$BACKUP_FOLDER" -name '*.partial' -mmin +180 -delete
echo "written: $made.dump, $(stat -c %s "$made.dump") bytes"
