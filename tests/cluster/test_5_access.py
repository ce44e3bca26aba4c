"""Who may do what, asked of the API server by the runbook's own line, is what `expected/access.txt` says."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cluster.cluster import Cluster
from tests.cluster.platform import NAMESPACE

_EXPECTED = Path(__file__).with_name("expected") / "access.txt"
_ACCOUNTS = (
    "hotel-booking",
    "hotel-booking-worker",
    "hotel-booking-migrate",
    "hotel-booking-status",
    "hotel-booking-backups",
    "hotel-booking-access-reaper",
    "hotel-booking-guard",
    "hotel-booking-release",
    "default",
)
_ROLES = ("read-only", "operator", "dba", "deployer")


def _may(cluster: Cluster, namespace: str, *who: str) -> set[str]:
    """The rules, one a line: resources, URLs, names, verbs in alphabetical order."""
    listed = cluster.kubectl("auth", "can-i", "--list", "-n", namespace, *who).stdout
    rules = set()
    for line in listed.splitlines()[1:]:
        what, verbs = re.sub(r" {2,}", "  ", line.strip()).removesuffix("]").rsplit("[", 1)
        rules.add(f"{what}[{' '.join(sorted(verbs.split()))}]")
    return rules


def test_everybody_may_what_was_meant_and_nothing_else(brought: Cluster) -> None:
    # What anybody may who is signed in differs from version to version and says nothing about us.
    signed_in = ("--as-group=system:authenticated",)
    anybody = _may(brought, NAMESPACE, "--as=somebody", "--as-group=system:serviceaccounts", *signed_in)
    lines = []
    for account in _ACCOUNTS:
        user = f"--as=system:serviceaccount:{NAMESPACE}:{account}"
        groups = ("--as-group=system:serviceaccounts", "--as-group=system:authenticated")
        rules = _may(brought, NAMESPACE, user, *groups)
        lines += [f"account {account}: {rule}" for rule in sorted(rules - anybody)]
    for role in _ROLES:
        who = ("--as=somebody", f"--as-group=hotel-booking:{role}", "--as-group=system:authenticated")
        for where in (NAMESPACE, "kube-system"):
            lines += [f"{role} in {where}: {rule}" for rule in sorted(_may(brought, where, *who) - anybody)]
    assert lines == _EXPECTED.read_text().splitlines(), "\n".join(lines)


def test_nobody_but_an_operator_drains_and_nobody_reads_secrets(brought: Cluster) -> None:
    def may(role: str, *what: str) -> bool:
        who = ("--as=somebody", f"--as-group=hotel-booking:{role}")
        return brought.kubectl("auth", "can-i", *what, *who, check=False).returncode == 0

    assert [role for role in _ROLES if may(role, "patch", "nodes")] == ["operator"]
    assert not [role for role in _ROLES if may(role, "get", "secrets", "-n", NAMESPACE)]
    assert [
        role for role in _ROLES if may(role, "create", "pods", "--subresource=exec", "-n", NAMESPACE)
    ] == [
        "operator",
        "dba",
    ]
