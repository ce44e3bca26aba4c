#!/bin/sh
# Dumps at once and then every BACKUP_HOURS hours (../kubernetes/base/backup.sh says how), until it is stopped. A dump
# that fails is said and tried again a quarter of an hour later; the service's health check tells of one that is late.
set -eu
trap 'exit 0' INT TERM
while :; do
    if sh /opt/backup/backup.sh; then pause=$((BACKUP_HOURS * 3600)); else pause=900; fi
    sleep "$pause" &
    wait $! # a signal ends this, and not a sleep
done
