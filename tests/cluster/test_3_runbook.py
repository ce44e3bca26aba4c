"""The runbook's `kubectl` lines, run as written in a shell, do what the runbook means."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import termios
import time
from pathlib import Path

import psycopg
import pytest

from tests.cluster import stores
from tests.cluster.cluster import Cluster
from tests.cluster.platform import NAMESPACE


def _environment(cluster: Cluster) -> dict[str, str]:
    """A machine where KUBECONFIG and the stores' addresses are set."""
    programs = Path(cluster.program(f"kubernetes-{cluster.version}", "kubectl")).parent
    return os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "KUBECONFIG": str(cluster.kubeconfig),
        "DB_HOST": stores.DATABASE,
        "DB_USER": stores.USER,
        "DB_NAME": stores.NAME,
        "REDIS_HOST": stores.REDIS,
    }


def _shell(cluster: Cluster, line: str) -> str:
    """What a line says."""
    done = subprocess.run(
        ["bash", "-c", line],
        env=_environment(cluster),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _converse(cluster: Cluster, line: str, *turns: tuple[str, str]) -> str:
    """All that is said on a terminal where a line runs and somebody types: after the text of each turn, its
    answer."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    child = subprocess.Popen(
        ["bash", "-c", line], env=_environment(cluster), stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    said, since, left, until = "", 0, list(turns), time.monotonic() + 90
    try:
        while select.select([ours], [], [], max(0.0, until - time.monotonic()))[0]:
            try:
                said += os.read(ours, 4096).decode(errors="replace")
            except OSError:  # nobody has it open any more
                break
            if left and left[0][0] in said[since:]:
                since = len(said)
                os.write(ours, f"{left.pop(0)[1]}\r".encode())
        assert child.wait(10) == 0, said
    finally:
        child.kill()
        os.close(ours)
        cluster.kubectl("delete", "pod", "psql", "redis-cli", "--ignore-not-found", "--now")
    assert not left, said
    return said


# A line of the runbook, and below it what of its answer is expected.
_LOOKS = r"""
kubectl get pods -n hotel-booking-production
    (hotel-booking-[0-9a-f]+-\w+ +1/1 +Running[^\n]*\n){3}
kubectl describe deployment hotel-booking -n hotel-booking-production
    Name: +hotel-booking\n[\s\S]*3 available
kubectl get events -n hotel-booking-production --sort-by='.lastTimestamp'
    Started +pod/hotel-booking-[0-9a-f]+-\w+ +Started container web
kubectl cluster-info
    Kubernetes control plane.* is running at
kubectl top nodes
    node-1 +\d+m
kubectl top pods -n hotel-booking-production
    hotel-booking-[0-9a-f]+-\w+ +\d+m +\d+Mi
kubectl logs -n hotel-booking-production -l app=hotel-booking --tail=100
    "logger":"hotel_booking\.
kubectl rollout history deployment/hotel-booking -n hotel-booking-production
    REVISION +CHANGE-CAUSE\n1
kubectl scale -n hotel-booking-production --replicas=3 deployment/$(kubectl get service hotel-booking-active -n hotel-booking-production -o jsonpath='{.spec.selector.workload}')
    deployment\.apps/hotel-booking scaled
kubectl get poddisruptionbudgets -n hotel-booking-production
    hotel-booking +N/A +1 +1
kubectl get service hotel-booking-active -n hotel-booking-production
    hotel-booking-active +ClusterIP
kubectl auth can-i --list --namespace=hotel-booking-production
    \*\.\* +\[\] +\[\] +\[\*\]
kubectl rollout status deployment/hotel-booking -n hotel-booking-production
    successfully rolled out
kubectl exec -n hotel-booking-production deployment/hotel-booking -- psql -h $DB_HOST -U $DB_USER -c "SELECT count(*) FROM pg_stat_activity;"
    count *\n-+\n +\d+\n
kubectl exec -n hotel-booking-production deployment/hotel-booking -- redis-cli -h $REDIS_HOST INFO memory
    used_memory_human:
""".strip().splitlines()  # noqa: E501  # as the runbook has them, on one line each
_END_LONG_QUERIES = (
    """psql -h $DB_HOST -U $DB_USER -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE """
    """state = 'active' AND query_start < now() - interval '5 minutes';\""""
)
_EXEC = "kubectl exec -n hotel-booking-production deployment/hotel-booking --"


@pytest.mark.parametrize(("line", "says"), list(zip(_LOOKS[::2], _LOOKS[1::2], strict=True)))
def test_a_line_that_looks(brought: Cluster, line: str, says: str) -> None:
    assert re.search(says.strip(), _shell(brought, line))


def test_long_queries_are_ended_and_short_ones_are_not(brought: Cluster) -> None:
    with psycopg.connect(stores.administrator(brought.world), autocommit=True) as connection:
        before = connection.execute("SELECT count(*) FROM booking").fetchone()
        said = _shell(brought, f"{_EXEC} {_END_LONG_QUERIES}")
        assert "(0 rows)" in said  # nothing has run for five minutes
        assert connection.execute("SELECT count(*) FROM booking").fetchone() == before


def test_the_cache_is_flushed_and_nothing_is_lost(brought: Cluster) -> None:
    assert _shell(brought, f"{_EXEC} redis-cli -h $REDIS_HOST FLUSHDB").strip() == "OK"
    asked = ["redis-cli", "-h", stores.REDIS, "-a", stores.REDIS_PASSWORD, "--no-auth-warning", "DBSIZE"]
    assert int(brought.world.run(asked).stdout) < 50  # what the probes have counted since
    assert len(brought.get("pods", NAMESPACE, app="hotel-booking")) == 3


def test_psql_from_its_own_image_asks_for_the_password(brought: Cluster) -> None:
    said = _converse(
        brought,
        "kubectl run -it --rm psql --image=postgres:15 --restart=Never -- "
        "psql -h $DB_HOST -U $DB_USER -d $DB_NAME",
        ("Password for user", stores.PASSWORD),
        ("hotel_booking=>", "SELECT 6 * 7 AS answer;"),
        ("42", "\\q"),
    )
    assert 'pod "psql" deleted' in said
    assert not brought.get("pods", "default", "psql")


def test_redis_cli_from_its_own_image(brought: Cluster) -> None:
    said = _converse(
        brought,
        "kubectl run -it --rm redis-cli --image=redis:7 --restart=Never -- redis-cli -h $REDIS_HOST",
        ("6379>", f"AUTH {stores.REDIS_PASSWORD}"),
        ("OK", "PING"),
        ("PONG", "QUIT"),
    )
    assert 'pod "redis-cli" deleted' in said
    assert not brought.get("pods", "default", "redis-cli")
