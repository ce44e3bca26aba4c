#!/bin/sh
# How a release under trial goes, until it is promoted (0), called back (1) or the time is over (2):
# monitor-canary.sh --duration 300.
INVOKED_AS=$0 exec "$(dirname -- "$(readlink -f -- "$0")")/ops" monitor-canary "$@"
