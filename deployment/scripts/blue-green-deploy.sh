#!/bin/sh
# A release beside the one that serves, and guests led to it: blue-green-deploy.sh --namespace N --image-tag T, or back:
# blue-green-deploy.sh --rollback. docs/RUNBOOK.md, Blue-Green Deployment.
INVOKED_AS=$0 exec "$(dirname -- "$(readlink -f -- "$0")")/ops" blue-green "$@"
