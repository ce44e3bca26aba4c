#!/bin/sh
# Which region guests reach: update-dns.sh --target dr|primary. Full Environment Recovery of docs/RUNBOOK.md.
INVOKED_AS=$0 INVOKED_WORDS=3 exec "$(dirname -- "$(readlink -f -- "$0")")/ops" dr dns "$@"
