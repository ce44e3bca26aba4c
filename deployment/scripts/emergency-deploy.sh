#!/bin/sh
# A fix to production by the shortest way that is safe: emergency-deploy.sh --skip-staging --notify-team.
# docs/RUNBOOK.md, Emergency Hotfix.
INVOKED_AS=$0 exec "$(dirname -- "$(readlink -f -- "$0")")/ops" emergency-deploy "$@"
