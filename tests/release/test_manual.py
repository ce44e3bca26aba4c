"""What a person does by hand, and what Argo CD and Flagger make of it: `kubectl rollout undo`, and the
emergency deployment, which goes through Git."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from tests.cluster import delivery
from tests.cluster.platform import NAMESPACE
from tests.release.by_git import ByGit
from tests.release.conftest import Guests
from tests.release.releases import CANARY, Releases

_LOOKS = 30  # seconds: three looks of Flagger's and of Argo CD's
_WHY = {"HOTEL_REASON": "guests cannot pay", "HOTEL_APPROVER": "ben@hotel.example"}


def undo(releases: Releases, deployment: str = "hotel-booking") -> None:
    """The runbook's two lines."""
    named = (f"deployment/{deployment}", "-n", NAMESPACE)
    releases.cluster.kubectl("rollout", "undo", *named)
    releases.cluster.kubectl("rollout", "status", *named, "--timeout=450s", seconds=460)


def hotfix(by_git: ByGit, tag: str) -> str:
    """The runbook's emergency deployment of a tag; what it said."""
    words = ("--skip-staging", "--notify-team", "--image-tag", tag)
    return by_git.run(by_git.script("emergency-deploy.sh", *words), **_WHY).stdout


def test_an_undo_holds_until_the_next_commit(releases: Releases, guests: Guests) -> None:
    cluster = releases.cluster
    releases.deploy("r40")
    releases.until_serving("r40")
    with guests("rollout undo: Argo CD leaves it, the next commit ends it") as row:
        releases.deploy("r41")
        releases.until_serving("r41")
        undo(releases)
        releases.until_serving("r40")
        delivery.refresh(cluster)
        cluster.until("Argo CD shows it", lambda: delivery.state(cluster)[0] == "OutOfSync", 60)
        time.sleep(_LOOKS)
        assert releases.serving() == "r40"
        # A commit about something else.
        file = releases.repository.path("deployment/kubernetes/base/backup.yaml")
        before = file.read_text()
        file.write_text(re.sub(r"(?m)^  schedule: .*$", '  schedule: "7 3 * * *"', before, count=1))
        assert file.read_text() != before
        releases.repository.commit("Backups at another hour")
        delivery.refresh(cluster)
        releases.until_serving("r41")
        undo(releases)
        releases.deploy("r40")  # as the runbook has it: Git is told
        releases.until_serving("r40")
        cluster.until("all agree", lambda: delivery.state(cluster)[:2] == ("Synced", "Healthy"), 120)
    assert {*row.answered} == {"r40", "r41"}


@pytest.fixture(scope="module")
def fixed(by_git: ByGit) -> str:
    """A release with its digest, which serves before there is something to fix."""
    first = by_git.built()
    by_git.brought(first)
    return first


def test_an_emergency_deployment_is_what_git_says(by_git: ByGit, fixed: str, guests: Guests) -> None:
    releases, fix = by_git.releases, by_git.built(items=["build"])
    with guests("emergency: through Git, Argo CD watching") as row:
        said = hotfix(by_git, fix)
        by_git.until_serving(fix)
        delivery.refresh(releases.cluster)
        time.sleep(_LOOKS)
        assert releases.serving() == fix
    assert {*row.answered} == {fixed, fix}
    number = re.search(r"Incident (\S+)", said)
    assert number, said
    shown = by_git.ana.run(
        [
            *("kubectl", "exec", "-n", NAMESPACE, "service/hotel-booking-active", "--"),
            *("hotel-booking", "incident", "show", number[1]),
        ],
        {},
    ).stdout
    assert "guests cannot pay" in shown
    assert f"Let {fix} go through staging and the checklist" in shown


@pytest.fixture
def under_canary(by_git: ByGit, fixed: str) -> Iterator[str]:
    """What guests have while Flagger has taken over; in the end it gives that back."""
    releases = by_git.releases
    before = releases.serving()
    releases.take_over()
    yield before
    by_git.brought(before)
    releases.give_back()


def test_the_same_under_a_canary_and_an_undo_of_what_serves_there(
    by_git: ByGit, under_canary: str, guests: Guests
) -> None:
    """Flagger promotes it without its looks, this once. Guests have hotel-booking-primary, and Flagger
    leaves it as a person has put it. An undo of hotel-booking is a release to try."""
    releases, before, fix = by_git.releases, under_canary, by_git.built(items=["build"])
    with guests("emergency: under a canary, and rollout undo of what serves") as row:
        hotfix(by_git, fix)
        by_git.until_serving(fix)
        canary = releases.cluster.get("canaries.flagger.app", NAMESPACE, CANARY)[0]
        assert canary["spec"].get("skipAnalysis", False) is False
        releases.until_phase("Succeeded")
        undo(releases, "hotel-booking-primary")
        releases.until_serving(before)
        time.sleep(_LOOKS)
        assert (releases.serving(), releases.phase()) == (before, "Succeeded")
        releases.cluster.kubectl("rollout", "undo", "deployment/hotel-booking", "-n", NAMESPACE)
        releases.until_phase("Progressing")
        releases.decide(0)
        releases.until_phase("Failed")
        assert releases.serving() == before
    assert {*row.answered} == {before, fix}
