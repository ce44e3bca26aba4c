"""Alertmanager's webhook: alerts become incidents and findings once each, and end with them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.incidents import notification, queries, service
from hotel_booking.domains.incidents.types import Actor, Incident
from hotel_booking.integrations.pagerduty import PagerDuty
from tests.clients.http_client import bearer, running, settings_for
from tests.clients.jobs import run_jobs
from tests.clients.server import serving
from tests.clients.waiting import until
from tests.doubles.telling import telling

CONFIG = (
    Path(__file__).resolve().parents[3] / "deployment" / "monitoring" / "alertmanager" / "alertmanager.yml"
)
TOKEN = "c2hvd24gdG8gdXMgYnkgQWxlcnRtYW5hZ2Vy"
GROUP = '{}/{severity="critical"}:{alertname="HighErrorRate"}'
# What Alertmanager 0.25 (Debian 12) sends, field by field.
BODY: dict[str, Any] = {
    "receiver": "pagerduty",
    "status": "firing",
    "alerts": [],
    "groupLabels": {"alertname": "HighErrorRate"},
    "commonLabels": {"alertname": "HighErrorRate", "severity": "critical"},
    "commonAnnotations": {"summary": "More than 5 % of requests fail"},
    "externalURL": "http://monitoring:9093",
    "version": "4",
    "groupKey": GROUP,
    "truncatedAlerts": 0,
}
BEGAN = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


def alert(
    name: str = "HighErrorRate", *, severity: str = "critical", began: datetime = BEGAN, ended: bool = False,
    **labels: str,
) -> dict[str, Any]:  # fmt: skip
    return {
        "status": "resolved" if ended else "firing",
        "labels": {"alertname": name, "severity": severity, **labels},
        "annotations": {"summary": f"{name} on the site", "action": "Immediate rollback"},
        "startsAt": began.isoformat().replace("+00:00", "Z"),
        "endsAt": "2026-03-10T10:00:00.123Z" if ended else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph?g0.expr=x",
        "fingerprint": f"{name}{labels}"[:60],
    }


def body(*alerts: dict[str, Any], group: str = GROUP) -> dict[str, Any]:
    return {**BODY, "alerts": list(alerts), "groupKey": group}


async def post(client: httpx.AsyncClient, said: dict[str, Any]) -> httpx.Response:
    return await client.post("/webhooks/alertmanager", json=said, headers=bearer(TOKEN))


async def all_of(db: Database) -> list[Incident]:
    async with db.reading() as tx:
        return await queries.list_incidents(tx)


async def test_an_alert_makes_one_incident_and_resolves_it(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url, alertmanager_token=TOKEN)) as (_, client):
        # Two Alertmanagers tell the same at the same time, and again each four hours.
        said = await asyncio.gather(*(post(client, body(alert())) for _ in range(4)))
        assert {answer.status_code for answer in said} == {200}
        (incident,) = await all_of(db)
        assert (incident.kind, incident.severity, incident.source) == ("incident", "P2", "alert")
        assert (incident.title, incident.started_at) == ("HighErrorRate on the site", BEGAN)
        # Another of the group joins, and one of the two ends.
        await post(client, body(alert(), alert(route="/pay")))
        await post(client, body(alert(ended=True), alert(route="/pay")))
        (incident,) = await all_of(db)
        assert incident.resolved_at is None, "one of its alerts still fires"
        await post(client, body(alert(ended=True), alert(ended=True, route="/pay")))
        (incident,) = await all_of(db)
        assert (incident.phase, incident.resolved_at is not None) == ("post_mortem", True)
        async with db.reading() as tx:
            lines = [(entry.actor, entry.text) for entry in await queries.timeline(tx, incident.id)]
            told = [(one.target, one.act) for one in await queries.deliveries(tx, incident.id)]
        assert lines == [
            ("Alertmanager", "Declared as P2 (Major): HighErrorRate on the site"),
            ("Alertmanager", "Alert HighErrorRate fires: HighErrorRate on the site"),
            ("Alertmanager", "Alert HighErrorRate fires: HighErrorRate on the site"),
            ("Alertmanager", "Alert HighErrorRate has ended"),
            ("Alertmanager", "Alert HighErrorRate has ended"),
            ("Alertmanager", "Resolved: all its alerts have ended"),
        ]
        assert ("pagerduty", "trigger") not in told, "Alertmanager pages by itself"
        # It fires again at once: the same incident goes on.
        await post(client, body(alert(began=BEGAN + timedelta(minutes=1))))
        (incident,) = await all_of(db)
        assert (incident.phase, incident.resolved_at) == ("response", None)
        # Repeats of what has ended change nothing.
        await post(client, body(alert(), alert(ended=True)))
        assert len(await all_of(db)) == 1


async def test_a_storm_of_alerts_is_as_many_incidents_with_channels_of_their_own(
    db: Database, database_url: str
) -> None:
    async with running(settings_for(database_url, alertmanager_token=TOKEN)) as (_, client):
        said = await asyncio.gather(
            *(
                post(client, body(alert(f"A{number % 12}", n=str(number % 12)), group=f"g{number % 12}"))
                for number in range(36)
            )
        )
    assert {answer.status_code for answer in said} == {200}
    made = await all_of(db)
    assert len(made) == len({one.channel for one in made}) == 12


async def test_much_later_it_is_another_incident(db: Database) -> None:
    first = notification.read(json.dumps(body(alert())).encode())
    over = notification.read(json.dumps(body(alert(ended=True))).encode())
    again = notification.read(json.dumps(body(alert(began=BEGAN + timedelta(days=1)))).encode())
    for said, now in ((first, BEGAN), (over, BEGAN), (again, BEGAN + timedelta(days=1))):
        async with db.transaction() as tx:
            await service.receive(tx, notification=said, now=now)
    assert [one.phase for one in await all_of(db)] == ["detection", "post_mortem"]


async def test_an_alert_ends_what_it_began_whatever_its_group_is_called_now(db: Database) -> None:
    for said in (body(alert()), body(alert(), group="new"), body(alert(ended=True), group="new")):
        async with db.transaction() as tx:
            read = notification.read(json.dumps(said).encode())
            await service.receive(tx, notification=read, now=BEGAN)
    (incident,) = await all_of(db)
    assert incident.phase == "post_mortem"


async def test_our_acknowledgement_reaches_the_page_that_alertmanager_made(db: Database) -> None:
    said = notification.read(json.dumps(body(alert())).encode())
    async with db.transaction() as tx:
        incident = await service.receive(tx, notification=said, now=BEGAN)
        assert incident is not None
        await service.acknowledge(tx, incident_id=incident.id, by=Actor("Ada Example"), now=BEGAN)
        (told,) = [one for one in await queries.deliveries(tx, incident.id) if one.target == "pagerduty"]
    # As Alertmanager's notify.Key.Hash() makes the dedup_key of what it pages.
    assert (told.act, told.key) == ("acknowledge", hashlib.sha256(GROUP.encode()).hexdigest())


async def test_a_warning_is_a_finding_and_an_incident_once_it_is_critical(
    db: Database, database_url: str
) -> None:
    async with running(settings_for(database_url, alertmanager_token=TOKEN)) as (_, client):
        await post(client, body(alert("SlowResponses", severity="warning"), group="slow"))
        (finding,) = await all_of(db)
        assert (finding.kind, finding.severity, finding.channel) == ("finding", "P3", None)
        async with db.reading() as tx:
            assert await queries.deliveries(tx, finding.id) == [], "Alertmanager tells Slack by itself"
        await post(
            client,
            body(alert("SlowResponses", severity="critical", incident_severity="P1", n="2"), group="slow"),
        )
        (incident,) = await all_of(db)
        assert (incident.id, incident.kind, incident.severity) == (finding.id, "incident", "P1")
        assert incident.channel == f"incident-{utc_now():%Y-%m-%d}"
        # Another warning ends by itself, and is closed: nothing is left to learn.
        await post(client, body(alert("HighCpu", severity="warning"), group="cpu"))
        await post(client, body(alert("HighCpu", severity="warning", ended=True), group="cpu"))
        newest, _ = await all_of(db)
        assert (newest.kind, newest.phase) == ("finding", "closed")


WRONG: dict[str, Any] = {
    "no JSON": b"{",
    "not UTF-8": b'{"version":"4","groupKey":"\xff","alerts":[]}',
    "a list": b"[]",
    "nested": b"[" * 100_000,
    "an older version": {**BODY, "version": "3", "alerts": [alert()]},
    "no alerts": body(),
    "too many": body(*[alert()] * 1001),
    "no group": body(alert(), group=""),
    "no fingerprint": body({**alert(), "fingerprint": ""}),
    "no time": body({**alert(), "startsAt": "yesterday"}),
    "no zone": body({**alert(), "startsAt": "2026-03-10T09:00:00"}),
    "beyond the calendar": body({**alert(), "startsAt": "9999-12-31T23:59:59Z"}),
    "labels that are no texts": body({**alert(), "labels": {"a": 1}}),
    "a state that is none": body({**alert(), "status": "thinking"}),
}


async def test_what_is_no_notification_or_not_from_us_changes_nothing(
    db: Database, database_url: str
) -> None:
    async with running(settings_for(database_url, alertmanager_token=TOKEN)) as (_, client):
        for name, said in WRONG.items():
            sent = said if isinstance(said, bytes) else json.dumps(said).encode()
            answer = await client.post("/webhooks/alertmanager", content=sent, headers=bearer(TOKEN))
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_alert_notification") or (
                answer.status_code == 400
            ), f"{name}: {answer.status_code} {answer.text[:200]}"
        for headers in ({}, bearer("wrong"), {"authorization": f"Basic {TOKEN}"}, bearer(TOKEN + "x")):
            answer = await client.post("/webhooks/alertmanager", json=body(alert()), headers=headers)
            assert answer.status_code == 401
        huge = body({**alert(), "annotations": {"summary": "x" * 600_000}})
        assert (await post(client, huge)).status_code == 413
    async with running(settings_for(database_url)) as (_, client):
        assert (await post(client, body(alert()))).status_code == 401, "no token is set: nobody is believed"
    assert await all_of(db) == []


@pytest.mark.parametrize("text", ["a\x00b", "x" * 5000, "", "<script>"])
async def test_what_rules_say_is_kept_as_far_as_it_can_be(db: Database, database_url: str, text: str) -> None:
    odd = alert()
    odd["annotations"] = {"summary": text}
    odd["labels"] = {"severity": "critical", "x\x00": text}
    async with running(settings_for(database_url, alertmanager_token=TOKEN)) as (_, client):
        assert (await post(client, body(odd))).status_code == 200
    (incident,) = await all_of(db)
    assert 0 < len(incident.title) <= 200


@contextmanager
def alertmanager(folder: Path, tracker: str, pagerduty: str) -> Iterator[str]:
    """A real one with our configuration; its address."""
    program = shutil.which("prometheus-alertmanager")
    if program is None:
        pytest.skip("Alertmanager is not installed: sudo apt-get install -y prometheus-alertmanager")
    text = CONFIG.read_text()
    for ours, theirs in {
        "/etc/alertmanager/secrets": str(folder),
        "https://hotelbooking.com/webhooks": f"{tracker}/webhooks",
        "global:\n": f"global:\n  pagerduty_url: {pagerduty}/v2/enqueue\n",
        "group_wait: 10s": "group_wait: 300ms",
        "group_interval: 1m": "group_interval: 1s",
    }.items():
        assert ours in text, ours
        text = text.replace(ours, theirs)
    (folder / "alertmanager.yml").write_text(text)
    shutil.copy(CONFIG.parent / "messages.tmpl", folder)
    secrets = {"alertmanager_token": TOKEN, "pagerduty_routing_key": "first-key"}
    for name, value in (secrets | {"smtp_password": "x", "slack_url": f"{pagerduty}/slack"}).items():
        (folder / name).write_text(value)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    words = [f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data"]
    words += [f"--web.listen-address={address}", "--cluster.listen-address="]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, *words], stdout=log, stderr=log)
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(10)


async def test_a_real_alertmanager_and_the_tracker_speak_of_the_same_page(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    fires = {
        "labels": {"alertname": "ErrorRateHigh", "severity": "critical", "category": "application"},
        "annotations": {"summary": "6 % of requests fail.", "action": "Immediate rollback"},
        "startsAt": (utc_now() - timedelta(minutes=5)).isoformat(),
    }

    async with (
        telling() as told,
        serving(database_url, HOTEL_ALERTMANAGER_TOKEN=TOKEN) as site,
        httpx.AsyncClient(verify=False) as client,
    ):
        with alertmanager(tmp_path, site, told.url) as url:

            async def tell(**times: str) -> bool:
                try:
                    answer = await client.post(f"{url}/api/v2/alerts", json=[fires | times])
                except httpx.TransportError:
                    return False
                return answer.status_code == 200

            async def resolved() -> bool:
                return (await all_of(db))[0].resolved_at is not None

            await until(tell)
            await until(lambda: told.bodies("/v2/enqueue"))
            await until(lambda: all_of(db))
            (incident,) = await all_of(db)
            assert (incident.title, incident.severity) == ("6 % of requests fail.", "P2")
            async with db.transaction() as tx:
                await service.acknowledge(tx, incident_id=incident.id, by=Actor("Ada Example"), now=utc_now())
            pager = PagerDuty("first-key", secondary_key=None, url=told.url)
            await run_jobs(db, database_url, "incidents", pager=pager, chat=None)
            theirs, ours = told.bodies("/v2/enqueue")[0], told.bodies("/v2/enqueue")[-1]
            assert (theirs["event_action"], ours["event_action"]) == ("trigger", "acknowledge")
            assert theirs["dedup_key"] == ours["dedup_key"]
            assert theirs["routing_key"] == ours["routing_key"]
            await tell(endsAt=utc_now().isoformat())
            await until(resolved)
    (incident,) = await all_of(db)
    assert incident.phase == "post_mortem"
