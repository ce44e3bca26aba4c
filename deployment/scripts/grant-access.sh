#!/bin/sh
# Access to production for some hours: grant-access.sh --user EMAIL --role ROLE --duration 4h [--reason WHY].
INVOKED_AS=$0 INVOKED_WORDS=3 exec "$(dirname -- "$(readlink -f -- "$0")")/ops" access grant "$@"
