#!/bin/sh
# The security audit of docs/RUNBOOK.md: security-audit.sh [--site https://hotelbooking.com] [--html FILE].
INVOKED_AS=$0 exec "$(dirname -- "$(readlink -f -- "$0")")/ops" security-audit "$@"
