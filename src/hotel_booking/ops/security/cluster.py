"""Who may do what on the cluster, asked of the API server by the runbook's own line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from hotel_booking.ops.security.checks import Check, Surroundings, checkout, program

NAMESPACE = "hotel-booking-production"
EXPECTED = "tests/cluster/expected/access.txt"
_ACCOUNTS = (
    "hotel-booking",
    "hotel-booking-worker",
    "hotel-booking-migrate",
    "hotel-booking-status",
    "hotel-booking-backups",
    "hotel-booking-restore-drill",
    "hotel-booking-access-reaper",
    "hotel-booking-guard",
    "hotel-booking-release",
    "default",
)
ROLES = ("read-only", "operator", "dba", "deployer")


def rights(can_i: Callable[..., str], namespace: str = NAMESPACE) -> list[str]:
    """What each account and role may, a line a rule; `can_i` gives what `kubectl auth can-i --list` prints
    with the words that it is given. What anybody may who is signed in differs from version to version, says
    nothing about us, and is left out."""

    def may(where: str, *who: str) -> set[str]:
        rules = set()
        for line in can_i("-n", where, *who).splitlines()[1:]:
            what, verbs = re.sub(r" {2,}", "  ", line.strip()).removesuffix("]").rsplit("[", 1)
            rules.add(f"{what}[{' '.join(sorted(verbs.split()))}]")
        return rules

    groups = ("--as-group=system:serviceaccounts", "--as-group=system:authenticated")
    anybody = may(namespace, "--as=somebody", *groups)
    lines = []
    for account in _ACCOUNTS:
        rules = may(namespace, f"--as=system:serviceaccount:{namespace}:{account}", *groups)
        lines += [f"account {account}: {rule}" for rule in sorted(rules - anybody)]
    for role in ROLES:
        who = ("--as=somebody", f"--as-group=hotel-booking:{role}", "--as-group=system:authenticated")
        for where in (namespace, "kube-system"):
            lines += [f"{role} in {where}: {rule}" for rule in sorted(may(where, *who) - anybody)]
    return lines


def access(here: Surroundings) -> Iterator[str]:
    """What somebody may more, or less, than was meant."""
    expected = (checkout(here) / EXPECTED).read_text().splitlines()

    def can_i(*words: str) -> str:
        return program(
            here, "kubectl", "--request-timeout=10s", "auth", "can-i", "--list", *words, good=(0,),
            fix="aws eks update-kubeconfig --name hotel-booking-production",
        ).stdout  # fmt: skip

    found = rights(can_i, here.environ.get("HOTEL_KUBERNETES_NAMESPACE", NAMESPACE))
    yield from (f"may, and should not: {line}" for line in sorted({*found} - {*expected}))
    yield from (f"may not, and should: {line}" for line in sorted({*expected} - {*found}))


CHECKS = (Check("access to the cluster", "who may what on the cluster, against what was meant", access),)
