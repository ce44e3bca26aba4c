#!/bin/sh
# Backups of docs/RUNBOOK.md: backup-restore.sh list | backup | verify | restore ID staging|production | drill.
INVOKED_AS=$0 exec "$(dirname -- "$(readlink -f -- "$0")")/ops" backup "$@"
