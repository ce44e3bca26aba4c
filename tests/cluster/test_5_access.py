"""Who may do what, asked of the API server by the runbook's own line, is what `expected/access.txt` says."""

from __future__ import annotations

from pathlib import Path

from hotel_booking.ops.security.cluster import EXPECTED, ROLES, rights
from tests.cluster.cluster import Cluster
from tests.cluster.platform import NAMESPACE

_EXPECTED = Path(__file__).parents[2] / EXPECTED


def test_everybody_may_what_was_meant_and_nothing_else(brought: Cluster) -> None:
    lines = rights(lambda *words: brought.kubectl("auth", "can-i", "--list", *words).stdout, NAMESPACE)
    assert lines == _EXPECTED.read_text().splitlines(), "\n".join(lines)


def test_nobody_but_an_operator_drains_and_nobody_reads_secrets(brought: Cluster) -> None:
    def may(role: str, *what: str) -> bool:
        who = ("--as=somebody", f"--as-group=hotel-booking:{role}")
        return brought.kubectl("auth", "can-i", *what, *who, check=False).returncode == 0

    assert [role for role in ROLES if may(role, "patch", "nodes")] == ["operator"]
    assert not [role for role in ROLES if may(role, "get", "secrets", "-n", NAMESPACE)]
    assert [role for role in ROLES if may(role, "create", "pods", "--subresource=exec", "-n", NAMESPACE)] == [
        "operator",
        "dba",
    ]
