#!/bin/sh
# The Pre-Deployment Checklist of docs/RUNBOOK.md, evaluated for a release: preflight.sh --release TAG.
INVOKED_AS=$0 exec "$(dirname -- "$(readlink -f -- "$0")")/ops" preflight "$@"
