"""Blue-green on the whole cluster: there and back, and taken away again, while guests book and Argo CD
delivers beside it."""

from __future__ import annotations

from tests.cluster.platform import NAMESPACE
from tests.release.by_git import ByGit
from tests.release.conftest import Guests

_SCRIPT = "blue-green-deploy.sh"
_BLUE, _GREEN = "hotel-booking-blue", "hotel-booking-green"


def test_there_and_back(by_git: ByGit, guests: Guests) -> None:
    releases, (first, second) = by_git.releases, (by_git.built(), by_git.built())
    by_git.brought(first)
    with guests("blue-green: there, and back") as row:
        _passed(by_git, second)
        by_git.run(by_git.script(_SCRIPT, "--image-tag", second))
        _stands(by_git, _GREEN, second, kept=_BLUE)
        by_git.run(by_git.script(_SCRIPT, "--rollback"))
        _stands(by_git, _BLUE, first, kept=_GREEN)
    assert row.answered[first] > 0
    assert row.answered[second] > 0
    assert {*row.answered} == {first, second}
    assert releases.serving() == first


def test_a_release_that_turns_out_to_be_slow_is_led_back_from(by_git: ByGit, guests: Guests) -> None:
    """What it is asked before is answered, if late; what guests wait for is not what they had."""
    slow, before = by_git.built("slow"), by_git.releases.serving()
    with guests("blue-green: slow, and led back by itself") as row:
        _passed(by_git, slow)
        done = by_git.ana.run(by_git.script(_SCRIPT, "--image-tag", slow, watch=90), {}, seconds=1200)
        assert done.returncode == 1, done.stdout
        assert "answers took more than 1 s" in done.stderr, done.stderr
        _stands(by_git, _BLUE, before, kept=_GREEN)
    assert row.answered[slow] > 0


def test_the_colours_are_taken_away_under_guests(by_git: ByGit, guests: Guests) -> None:
    """Guests are led to deployment/hotel-booking, which is the same release, and Flagger could take over."""
    releases, before = by_git.releases, by_git.releases.serving()
    with guests("blue-green: the colours taken away"):
        by_git.run(by_git.script(_SCRIPT, "--finish"))
        assert releases.active() == "hotel-booking"
        by_git.until_serving(before)
    for colour in (_BLUE, _GREEN):
        assert not releases.cluster.get("deployments", NAMESPACE, colour)
        assert not releases.cluster.get("services", NAMESPACE, colour)


def _passed(by_git: ByGit, tag: str) -> None:
    done = by_git.ana.hotel("ops", "preflight", "--release", tag)
    assert done.returncode == 0, done.stdout + done.stderr


def _stands(by_git: ByGit, colour: str, tag: str, *, kept: str) -> None:
    """Guests get it; Git says so, and what Argo CD has synced for that has moved nobody; the other colour is
    there still."""
    releases = by_git.releases
    releases.cluster.until(f"Git and the cluster say {tag}", lambda: by_git.agreed(tag), 180)
    assert (releases.active(), releases.serving()) == (colour, tag)
    sizes = {
        one["metadata"]["name"]: one["status"].get("readyReplicas", 0)
        for one in releases.cluster.get("deployments", NAMESPACE, app="hotel-booking")
    }
    assert sizes[colour] >= 3, sizes
    assert sizes.get("hotel-booking", 0) == 0, "beside a colour it rests, whatever Argo CD brings"
    assert kept in sizes
