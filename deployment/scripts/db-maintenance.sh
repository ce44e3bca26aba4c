#!/bin/sh
# Care of the database while guests book: db-maintenance.sh [--now] [--budget 30m] [--dry-run] [--json].
# docs/RUNBOOK.md, Database Maintenance.
INVOKED_AS=$0 INVOKED_WORDS=3 exec "$(dirname -- "$(readlink -f -- "$0")")/ops" database maintenance "$@"
