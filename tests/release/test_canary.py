"""A release is tried on some of the guests first: promoted, or called back for whatever is wrong with it, and
what serves never fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.cluster import measuring
from tests.cluster.cluster import Cluster
from tests.cluster.platform import NAMESPACE
from tests.release.conftest import Guests
from tests.release.flood import flood
from tests.release.releases import CANARY, Releases

_ASKED = 30_000  # requests by which the split is measured: three standard deviations are 0.9 %


@pytest.fixture(scope="module")
def tried(releases: Releases) -> Iterator[Releases]:
    """Flagger has taken over, and gives back in the end."""
    releases.take_over()
    yield releases
    releases.deploy(releases.serving())
    releases.give_back()


def test_taking_over_and_giving_back(releases: Releases, guests: Guests) -> None:
    with guests("canary: Flagger takes over, and gives back"):
        releases.take_over()
        assert _replicas(releases, "hotel-booking-primary") == 3
        releases.give_back()
    assert releases.serving() == "first"


def test_promoted_when_a_person_says_so(tried: Releases, guests: Guests) -> None:
    """It waits at 50 % with the gate closed, for as long as nobody opens it."""
    with guests("canary: the gate left closed, then promoted") as row:
        tried.deploy("r2")
        tried.until_phase("WaitingPromotion")
        shares = flood(tried.cluster, _ASKED)
        assert abs(100 * shares["r2"] / sum(shares.values()) - 50) < 1, shares
        assert tried.phase() == "WaitingPromotion"
        assert tried.serving() == "first"
        assert tried.monitor(2).wait(60) == 2
        shown = tried.monitor(600)
        tried.decide(100)
        tried.until_phase("Succeeded")
        assert shown.wait(60) == 0
    assert tried.serving() == "r2"
    assert row.answered["first"] > 0
    assert row.answered["r2"] > 0
    assert tried.image("hotel-booking-primary") == tried.known("r2")


def test_the_audit_log_has_it(tried: Releases) -> None:
    """Each step, and what became of it."""
    wanted = {*(("Progressing", str(weight)) for weight in range(10, 60, 10)), ("Succeeded", None)}
    tried.cluster.until("the audit log", lambda: wanted <= set(tried.audited()), 60)


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("r3-errors", "advancement success-rate"),
        ("r4-slow", "advancement duration-p95"),
        ("r5-unbooked", "advancement booking-success"),
    ],
)
def test_called_back_by_itself(tried: Releases, guests: Guests, tag: str, why: str) -> None:
    with guests(f"canary: {tag.partition('-')[2]}", tried=tag) as row:
        tried.deploy(tag)
        tried.until_phase("Progressing")
        shown = tried.monitor(600)
        assert tried.until_phase("Failed", "WaitingPromotion", "Succeeded") == "Failed"
        assert shown.wait(60) == 1
    assert why in tried.said()
    assert row.answered[tag] > 0
    _still_serves(tried)


@pytest.mark.parametrize(
    ("tag", "blind", "what", "why"),
    [
        ("r6", measuring.down, "Prometheus is down", "Metric query failed"),
        ("r10", measuring.unscraped, "no metrics", "no values found for custom metric"),
    ],
)
def test_called_back_when_nobody_can_see(
    tried: Releases,
    guests: Guests,
    tag: str,
    blind: Callable[[Cluster], AbstractContextManager[None]],
    what: str,
    why: str,
) -> None:
    """No value is no yes."""
    with guests(f"canary: {what}"), blind(tried.cluster):
        tried.deploy(tag)
        tried.until_phase("Progressing")
        assert tried.until_phase("Failed", "WaitingPromotion", "Succeeded") == "Failed"
    assert why in tried.said()
    _still_serves(tried)


def test_called_back_when_it_never_gets_ready(tried: Releases, guests: Guests) -> None:
    with guests("canary: never ready") as row:
        tried.deploy("r7-unready")
        tried.until_phase("Progressing")
        assert tried.until_phase("Failed", "WaitingPromotion", "Succeeded") == "Failed"
    assert "r7-unready" not in row.answered
    _still_serves(tried)


def test_called_back_by_hand(tried: Releases, guests: Guests) -> None:
    with guests("canary: called back by a person"):
        tried.deploy("r8")
        tried.until_weight(10)
        tried.decide(0)
        tried.until_phase("Failed", seconds=60)
    _still_serves(tried)
    # Of the next release nobody has said anything.
    tried.deploy("r9")
    tried.until_weight(10)
    assert (
        tried.cluster.get("canaries.flagger.app", NAMESPACE, CANARY)[0]["spec"]["analysis"]["maxWeight"] == 50
    )


def _still_serves(tried: Releases) -> None:
    """What served before, all of it, and nothing of what was tried is left."""
    assert tried.serving() == "r2"
    assert tried.image("hotel-booking-primary") == tried.known("r2")
    assert _replicas(tried, "hotel-booking-primary") == 3
    tried.cluster.until(
        "no pod of it", lambda: not tried.cluster.get("pods", NAMESPACE, workload="hotel-booking")
    )
    shares = flood(tried.cluster, 400)
    assert set(shares) == {"r2"}


def _replicas(tried: Releases, deployment: str) -> int:
    found = tried.cluster.get("deployments", NAMESPACE, deployment)[0]
    return int(found["status"].get("readyReplicas", 0))
