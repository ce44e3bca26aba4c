#!/bin/sh
# Access taken back at once, open sessions too: revoke-access.sh --user EMAIL.
INVOKED_AS=$0 INVOKED_WORDS=3 exec "$(dirname -- "$(readlink -f -- "$0")")/ops" access revoke "$@"
