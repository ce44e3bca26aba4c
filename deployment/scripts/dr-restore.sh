#!/bin/sh
# Full Environment Recovery of docs/RUNBOOK.md: dr-restore.sh --environment dr. Another region takes bookings.
INVOKED_AS=$0 INVOKED_WORDS=3 exec "$(dirname -- "$(readlink -f -- "$0")")/ops" dr restore "$@"
