"""`python -m tests.cluster up|down`: the cluster of the tests for a person to look at (`make cluster-up`)."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from tests.cluster import platform
from tests.cluster.cluster import Cluster
from tests.cluster.toolchain import ToolsError
from tests.cluster.world import ClusterError

_FOLDER = Path("/var/tmp/hotel-booking-cluster")  # the database's own user goes there too
_HOURS = 8


def up(version: str, environment: str) -> None:
    """Everything, with the platform on it; it ends by `down`, or by itself after a working day."""
    if _running() is not None:
        sys.exit(f"it is up already (make cluster-down ends it): KUBECONFIG={_FOLDER / 'kubeconfig'}")
    shutil.rmtree(_FOLDER, ignore_errors=True)
    began = time.monotonic()
    cluster = Cluster(version, seconds=_HOURS * 3600, folder=_FOLDER)
    try:
        _say("control plane, nodes, database, Redis ...")
        cluster.start()
        (_FOLDER / "pid").write_text(str(cluster.world.outer))
        _say("Istio, gateway, Argo CD, doubles of AWS ...")
        platform.prepare(cluster, environment)
        _say("Argo CD brings the platform ...")
        platform.bring(cluster, environment)
        platform.load_hotels(cluster)
    except BaseException as error:
        logs = Path("/tmp/hotel-booking-cluster-logs")
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir()
        for log in _FOLDER.glob("*.log"):
            shutil.copy(log, logs)
        cluster.stop()
        if isinstance(error, (ClusterError, ToolsError)):
            sys.exit(f"{error}\n(logs: {logs})")
        raise
    host = "hotelbooking.com" if environment == "production" else f"{environment}.hotelbooking.com"
    port, plain = cluster.world.ports["https"], cluster.world.ports["http"]
    _say(
        f"up in {time.monotonic() - began:.0f} s, for {_HOURS} hours at most; make cluster-down ends it.\n\n"
        f"  export KUBECONFIG={_FOLDER / 'kubeconfig'}\n"
        f"  kubectl get pods -n hotel-booking-{environment}\n"
        f"  curl -k --connect-to ::127.0.0.1:{port} https://{host}/health/ready\n\n"
        f"The kubectl of this version: {cluster.program(f'kubernetes-{version}', 'kubectl')}\n"
        f"Port 80 of the gateway is {plain}. Logs of the servers: {_FOLDER}/*.log"
    )


def down() -> None:
    """End it, and all that is in it."""
    pid = _running()
    if pid is None:
        _say("no cluster is up")
    else:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + 15
        while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
            time.sleep(0.1)
        _say("the cluster is down")
    shutil.rmtree(_FOLDER, ignore_errors=True)


def _running() -> int | None:
    """The process that holds it, if it is still that."""
    with contextlib.suppress(OSError, ValueError):
        pid = int((_FOLDER / "pid").read_text())
        if str(_FOLDER).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return None


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # a command tells


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("act", choices=("up", "down"))
    parser.add_argument("--kubernetes", default="1.34", choices=("1.34", "1.28"))
    parser.add_argument("--environment", default="production", choices=("production", "staging", "dr"))
    given = parser.parse_args()
    if given.act == "down":
        down()
        return
    try:
        up(given.kubernetes, given.environment)
    except (ClusterError, ToolsError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
