"""`hotel-booking ops guard`: going back because an alert says so, at most once and never too far, and what
becomes of it when the cluster, the database or the storm of alerts is against it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.ops.guard import live
from hotel_booking.ops.guard.alerts import Alert
from hotel_booking.ops.guard.gateway import FILTER, Gateway
from hotel_booking.ops.guard.receiver import Inbox, listening
from hotel_booking.ops.guard.rollback import Event, Guard
from hotel_booking.ops.kubernetes import Api, ApiError
from hotel_booking.ops.refusals import WrongUse
from tests.doubles.kubernetes_api import CANARY, DEPLOYMENTS, NAMESPACE, SERVICES, Kubernetes, kubernetes

OLD, NEW = ("20300301-aaaaaaaaaaaa", "0009-0009-0008"), ("20300308-bbbbbbbbbbbb", "0009-0010-0009")
ACTIVE = SERVICES + "hotel-booking-active"


def alert(name: str = "ErrorRateHigh", *, age: float = 10, **labels: str) -> Alert:
    at = utc_now() - timedelta(seconds=age)
    told = {"alertname": name, "rollback": "automatic", **labels}
    return Alert("firing", told, at, {"summary": "12 % of requests end with an error of ours (limit 5 %)."})


class World:
    """A guard over a cluster: what it has told, and what the database would say."""

    def __init__(self, api: Kubernetes) -> None:
        self.api, self.told = api, list[Event]()
        self.schema: str | None = "0010 0009"
        self.closed = False

    def guard(self, *, dry_run: bool = False) -> Guard:
        return Guard(
            self.reached(),
            NAMESPACE,
            found=lambda: self.schema,
            closed=lambda: self.closed,
            tell=self.told.append,
            clock=utc_now,
            pause=lambda _: None,
            dry_run=dry_run,
        )

    def reached(self) -> Api:
        return Api("127.0.0.1", self.api.port, self.api.account)

    def records(self) -> list[dict[str, Any]]:
        annotations = self.api.objects[ACTIVE]["metadata"]["annotations"]
        found: list[dict[str, Any]] = json.loads(annotations.get(live.RECORD, "[]"))
        return found

    def outcomes(self) -> list[str]:
        return [event.outcome for event in self.told]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A release that came an hour ago, over one of which it must be gone back to."""
    with kubernetes(tmp_path / "account") as api:
        began = utc_now() - timedelta(hours=1)
        service = {"metadata": {"annotations": {}}, "spec": {"selector": {"workload": "hotel-booking"}}}
        api.put(ACTIVE, service)
        api.deployment("hotel-booking", began, OLD, NEW)
        api.deployment("hotel-booking-worker", began, OLD, NEW)
        yield World(api)


def test_it_goes_back_to_the_release_before_web_and_worker_and_says_so(world: World) -> None:
    world.guard().alerted([alert()])
    assert (world.api.running(), world.api.running("hotel-booking-worker")) == (OLD[0], OLD[0])
    assert world.outcomes() == ["begun", "done"]
    assert {(event.release, event.to, event.alert) for event in world.told} == {
        (NEW[0], OLD[0], "ErrorRateHigh")
    }
    (record,) = world.records()
    assert (record["release"], record["to"], record["done"]) == (NEW[0], OLD[0], True)
    template = world.api.objects[DEPLOYMENTS + "hotel-booking"]["spec"]["template"]
    assert "pod-template-hash" not in template["metadata"]["labels"]
    assert template["metadata"]["annotations"] == {"hotel-booking.com/schema": OLD[1]}


def test_at_most_once_for_a_release_and_never_twice_in_a_row(world: World) -> None:
    guard = world.guard()
    guard.alerted([alert()])
    changes = len(world.api.patched)
    for _ in range(5):  # it goes on, whatever runs
        guard.alerted([alert(), alert("HealthCheckFailing")])
    assert world.told[-1].text.startswith(f"{OLD[0]} is what was gone back to")
    # The same release once more, by hand or by Git.
    world.api.deployment("hotel-booking", utc_now() - timedelta(minutes=5), OLD, NEW)
    guard.alerted([alert()])
    assert "was gone back from before" in world.told[-1].text
    assert len(world.api.patched) == changes
    assert world.api.running() == NEW[0]
    # Told once each, not once an alert.
    assert world.outcomes() == ["begun", "done", "refused", "refused"]


@pytest.mark.parametrize(
    ("schema", "before", "reason"),
    [
        ("0011 0010", OLD, "serves releases from 0010 on"),
        (
            None,
            ("20300101-cccccccccccc", "0007-0008-0007"),
            "serves releases from 0009 on: it cannot be gone",
        ),
        ("0010 0009", ("20300101-cccccccccccc", ""), "do not say which schemas"),
        (None, None, "there is nothing before"),
    ],
)
def test_never_to_a_release_that_the_schema_has_left_behind(
    world: World, schema: str | None, before: tuple[str, str] | None, reason: str
) -> None:
    world.schema = schema
    releases = [NEW] if before is None else [before, NEW]
    for path in [path for path in world.api.objects if "/replicasets/" in path]:
        del world.api.objects[path]
    world.api.deployment("hotel-booking", utc_now() - timedelta(hours=1), *releases)
    world.guard().alerted([alert()])
    assert world.outcomes() == ["refused"]
    assert reason in world.told[0].text
    assert world.api.patched == []


@pytest.mark.parametrize(
    "why", ["old", "before", "closed", "canary", "called back", "colours", "led back", "by a person"]
)
def test_what_is_no_release_s_fault_or_somebody_else_s_business_changes_nothing(
    world: World, why: str
) -> None:
    fired, until = alert(), (utc_now() + timedelta(minutes=1)).isoformat()
    match why:
        case "old":
            world.api.deployment("hotel-booking", utc_now() - timedelta(hours=25), OLD, NEW)
            reason = "look elsewhere"
        case "before":
            fired, reason = alert(age=7200), f"fired before {NEW[0]} served"
        case "closed":
            world.closed, reason = True, "closed for maintenance"
        case "canary":
            world.api.put(CANARY, {"metadata": {}, "spec": {}, "status": {"phase": "Progressing"}})
            reason = "a canary is under way"
        case "called back":
            failed = {"phase": "Failed", "lastTransitionTime": (utc_now() - timedelta(minutes=2)).isoformat()}
            world.api.put(CANARY, {"metadata": {}, "spec": {}, "status": failed})
            reason = "fired for a release that was taken back"
        case "led back":
            stand = json.dumps({"step": "failed", "at": (utc_now() - timedelta(minutes=2)).isoformat()})
            world.api.objects[ACTIVE]["metadata"]["annotations"][live.COLOURS] = stand
            reason = "fired for a release that was taken back"
        case "by a person":  # kubectl rollout undo: the pods that serve are older than those before them
            made = next(one for path, one in world.api.objects.items() if path.endswith("/hotel-booking-1"))
            made["metadata"]["creationTimestamp"] = (utc_now() - timedelta(minutes=9)).isoformat()
            reason = f"{OLD[0]} was rolled back to {NEW[0]}"
        case _:
            stand = json.dumps({"step": "watching", "holder": "ana on laptop", "until": until})
            world.api.objects[ACTIVE]["metadata"]["annotations"][live.COLOURS] = stand
            reason = "a blue-green deployment is under way"
    world.guard().alerted([fired])
    assert world.outcomes() == ["refused"]
    assert reason in world.told[0].text
    assert world.api.patched == []


def test_what_begins_long_after_another_release_was_taken_back_is_this_one_s(world: World) -> None:
    failed = {"phase": "Failed", "lastTransitionTime": (utc_now() - timedelta(minutes=20)).isoformat()}
    world.api.put(CANARY, {"metadata": {}, "spec": {}, "status": failed})
    world.guard().alerted([alert()])
    assert world.api.running() == OLD[0]


def test_a_rehearsal_changes_nothing_and_says_what_it_would(world: World) -> None:
    world.guard(dry_run=True).alerted([alert()])
    assert world.api.patched == []
    assert (world.told[0].to, "rehearsal" in world.told[0].text) == (OLD[0], True)


def test_under_flagger_the_primary_goes_back_at_once_and_the_target_untried(world: World) -> None:
    began = utc_now() - timedelta(hours=1)
    world.api.objects[ACTIVE]["spec"]["selector"] = {"workload": "hotel-booking-primary"}
    world.api.deployment("hotel-booking-primary", began, OLD, NEW)
    world.api.put(CANARY, {"metadata": {}, "spec": {}, "status": {"phase": "Succeeded"}})
    world.guard().alerted([alert()])
    assert [world.api.running(name) for name in ("hotel-booking-primary", "hotel-booking")] == [OLD[0]] * 2
    assert world.outcomes() == ["begun", "done"]
    asked = [body["spec"]["skipAnalysis"] for path, body in world.api.patched if path == CANARY]
    assert asked == [True, False]
    first = next(path for path, _ in world.api.patched if path.startswith(DEPLOYMENTS))
    assert first.endswith("-primary"), "guests first"


def test_of_two_colours_guests_are_led_to_the_one_that_is_kept(world: World) -> None:
    began = utc_now() - timedelta(hours=1)
    world.api.deployment("hotel-booking-blue", began, OLD, replicas=0)
    world.api.deployment("hotel-booking-green", began, NEW)
    stand = json.dumps({"step": "done", "kept": "hotel-booking-blue"})
    world.api.objects[ACTIVE]["metadata"]["annotations"][live.COLOURS] = stand
    world.api.objects[ACTIVE]["spec"]["selector"] = {"workload": "hotel-booking-green"}
    world.guard().alerted([alert()])
    service = world.api.objects[ACTIVE]
    assert service["spec"]["selector"] == {"workload": "hotel-booking-blue"}
    assert json.loads(service["metadata"]["annotations"][live.COLOURS])["kept"] == "hotel-booking-green"
    assert world.api.objects[DEPLOYMENTS + "hotel-booking-blue"]["spec"]["replicas"] == 3
    assert world.outcomes() == ["begun", "done"]


@pytest.mark.parametrize("patches", [1, 2, 3])
def test_what_was_begun_when_the_api_went_away_is_ended_by_the_next(world: World, patches: int) -> None:
    world.api.fails_after = patches
    with pytest.raises(ApiError, match="does not answer"):
        world.guard().alerted([alert()])
    world.api.down, world.api.fails_after = False, None
    world.guard().take_up()
    assert (world.api.running(), world.api.running("hotel-booking-worker")) == (OLD[0], OLD[0])
    assert world.records()[0]["done"] is True
    assert world.outcomes() == ["begun", "done"]
    changes = len(world.api.patched)
    world.guard().take_up()
    assert len(world.api.patched) == changes


def test_a_release_that_was_deployed_meanwhile_stays(world: World) -> None:
    world.api.fails_after = 1
    with pytest.raises(ApiError):
        world.guard().alerted([alert()])
    world.api.down, world.api.fails_after = False, None
    mended = ("20300309-dddddddddddd", "0009-0010-0009")
    world.api.deployment("hotel-booking", utc_now(), OLD, NEW, mended)
    world.guard().take_up()
    assert world.api.running() == mended[0]
    assert world.outcomes() == ["begun", "failed"]
    assert "deployed meanwhile" in world.told[-1].text


def test_an_account_that_has_expired_or_a_cluster_that_is_away_changes_nothing(world: World) -> None:
    (world.api.account / "token").write_text("expired")
    with pytest.raises(ApiError, match="does not know this pod's account any more"):
        world.guard().alerted([alert()])
    world.api.down = True
    with pytest.raises(ApiError, match="does not answer"):
        world.guard().alerted([alert()])
    assert (world.api.patched, world.told) == ([], [])
    with pytest.raises(WrongUse, match="no pod with an account"):
        Api.in_pod({})


def notification(*alerts: dict[str, Any], version: str = "4") -> bytes:
    return json.dumps({"version": version, "groupKey": "{}", "alerts": alerts}).encode()


def told(name: str, at: datetime, *, status: str = "firing", rollback: str = "automatic") -> dict[str, Any]:
    labels = {"alertname": name, "severity": "critical", "rollback": rollback}
    return {
        "status": status,
        "labels": labels,
        "annotations": {},
        "startsAt": at.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "f",
    }


def test_alerts_are_taken_from_who_shows_the_token_and_a_storm_is_one_question() -> None:
    inbox, now = Inbox(), utc_now()
    # One client: each would read all certificate authorities anew.
    with listening("127.0.0.1", 0, "the-token", inbox) as port, httpx.Client(trust_env=False) as client:
        url = f"http://127.0.0.1:{port}/alerts"
        good = {"Authorization": "Bearer the-token"}
        assert client.get(f"http://127.0.0.1:{port}/health").status_code == 200
        body = notification(told("ErrorRateHigh", now))
        for headers in ({}, {"Authorization": "Bearer the-tokem"}, {"Authorization": "Basic the-token"}):
            assert client.post(url, content=body, headers=headers).status_code == 401
        assert client.post(f"{url}/x", content=body, headers=good).status_code == 404
        for wrong in (b"", b"{", b"[]", b'{"version":"4"}', notification(version="3"), b"\xff"):
            assert client.post(url, content=wrong, headers=good).status_code == 400
        announced = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        announced.putrequest("POST", "/alerts")
        for header, value in {**good, "Content-Length": "2000000"}.items():
            announced.putheader(header, value)
        announced.endheaders()
        assert announced.getresponse().status == 413
        announced.close()
        others = notification(
            told("CpuHigh", now, rollback=""), told("ErrorRateHigh", now, status="resolved")
        )
        assert client.post(url, content=others, headers=good).status_code == 202
        assert inbox.take(0.05) == []
        with ThreadPoolExecutor(30) as storm:
            sent = [
                storm.submit(client.post, url, content=body, headers=good, timeout=30) for _ in range(300)
            ]
        assert {one.result().status_code for one in sent} == {202}
        assert [one.name for one in inbox.take(1)] == ["ErrorRateHigh"]
        assert inbox.take(0.05) == []


def test_the_application_is_told_that_the_gateway_is_closed_until_it_knows(world: World) -> None:
    said, works = list[str](), [False, True, True]

    def close() -> bool:
        said.append("close")
        return works.pop(0)

    def reopen() -> bool:
        said.append("reopen")
        return True

    gateway = Gateway(world.reached(), close=close, reopen=reopen)
    gateway.look()
    assert said == ["reopen"], "what an earlier guard has closed, and nobody has opened"
    world.api.put(FILTER, {"metadata": {"name": "hotel-booking-maintenance"}})
    for _ in range(4):
        gateway.look()
    assert (said, gateway.closed) == (["reopen", "close", "close"], True)
    world.api.down = True
    gateway.look()
    world.api.down = False
    assert gateway.closed, "what cannot be seen is as it was"
    del world.api.objects[FILTER]
    for _ in range(2):
        gateway.look()
    assert (said[3:], gateway.closed) == (["reopen"], False)
