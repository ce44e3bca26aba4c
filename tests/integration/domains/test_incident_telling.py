"""PagerDuty and Slack over sockets: they are told in order and once, and however they misbehave no incident
waits for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.incidents import queries, service
from hotel_booking.domains.incidents.service import outbox
from hotel_booking.domains.incidents.types import Actor, Delivery, Incident, Refused, Unavailable
from hotel_booking.integrations.pagerduty import PagerDuty
from hotel_booking.integrations.slack import Slack
from tests.clients.jobs import run_jobs
from tests.doubles.telling import Mood, Told, telling

ADA = Actor("Ada Example")
SECONDS = 30.0  # a busy machine may take long to answer itself
SHORT = 0.5  # so long one is waited for that never answers


def adapters(told: Told) -> dict[str, Any]:
    seconds = SHORT if told.mood == "slow" else SECONDS
    return {
        "pager": PagerDuty("first-key", secondary_key="second-key", url=told.url, seconds=seconds),
        "chat": Slack("xoxb-1", url=told.url, seconds=seconds),
    }


async def declared(db: Database) -> Incident:
    async with db.transaction() as tx:
        return await service.declare(tx, title="Nobody can pay", severity="P1", by=ADA, now=utc_now())


async def deliveries(db: Database, incident: Incident) -> list[Delivery]:
    async with db.reading() as tx:
        return list(reversed(await queries.deliveries(tx, incident.id)))


async def test_both_are_told_everything_in_order_and_once(db: Database, database_url: str) -> None:
    async with telling() as told:
        incident = await declared(db)
        await run_jobs(db, database_url, "incidents", **adapters(told))
        async with db.transaction() as tx:
            await service.acknowledge(tx, incident_id=incident.id, by=Actor("Ben <!channel>"), now=utc_now())
            await service.resolve(tx, incident_id=incident.id, text="", by=ADA, now=utc_now())
        await run_jobs(db, database_url, "incidents", **adapters(told))
        await run_jobs(db, database_url, "incidents", **adapters(told))
    key = f"hotel-booking-incident-{incident.id}"
    events = told.bodies("/v2/enqueue")
    # What had not gone out when it was resolved need not be said any more.
    assert [(event["event_action"], event["dedup_key"]) for event in events] == [
        ("trigger", key),
        ("resolve", key),
    ]
    assert events[0]["routing_key"] == "first-key"
    assert events[0]["payload"]["summary"] == "P1: Nobody can pay"
    assert events[0]["payload"]["severity"] == "critical"
    assert events[0]["client_url"] == f"http://localhost:8000/admin/incidents/{incident.id}"
    assert told.bodies("/conversations.create") == [{"name": incident.channel}]
    texts = [body["text"] for body in told.bodies("/chat.postMessage")]
    first = ":rotating_light: P1 (Critical): Nobody can pay"
    link = f"<http://localhost:8000/admin/incidents/{incident.id}|Incident {incident.id} in the panel>"
    assert texts[0] == texts[1] == f"{first}\n{link}", "again once the channel is made"
    assert texts[2:] == [
        ":eyes: Ben &lt;!channel&gt; has acknowledged it",
        "Ben &lt;!channel&gt; is incident commander",
        ":white_check_mark: Resolved",
    ]
    assert all(
        headers["authorization"] == "bearer xoxb-1"
        for path, headers, _ in told.requests
        if path != "/v2/enqueue"
    )
    assert {one.status for one in await deliveries(db, incident)} == {"sent", "dropped"}


async def test_secondary_is_paged_by_its_own_key(db: Database, database_url: str) -> None:
    async with telling() as told:
        incident = await declared(db)
        async with db.transaction() as tx:
            late = utc_now() + timedelta(minutes=5)
            assert "escalate" in await service.watch(tx, incident_id=incident.id, now=late)
            await tx.execute("UPDATE incident_delivery SET next_at = now()")
        await run_jobs(db, database_url, "incidents", **adapters(told))
    assert [event["routing_key"] for event in told.bodies("/v2/enqueue")] == ["first-key", "second-key"]
    assert "infrastructure" in told.channels


async def test_without_a_second_key_pagerduty_escalates_by_itself(db: Database, database_url: str) -> None:
    async with telling() as told:
        incident = await declared(db)
        async with db.transaction() as tx:
            await service.watch(tx, incident_id=incident.id, now=utc_now() + timedelta(minutes=5))
            await tx.execute("UPDATE incident_delivery SET next_at = now()")
        pager = PagerDuty("first-key", secondary_key=None, url=told.url, seconds=SECONDS)
        await run_jobs(db, database_url, "incidents", **adapters(told) | {"pager": pager})
    assert len(told.bodies("/v2/enqueue")) == 1, "a second page for the same people would be noise"
    assert "infrastructure" in told.channels


@pytest.mark.parametrize("mood", ["slow", "500", "429", "garbage", "endless", "closed", "elsewhere"])
async def test_one_that_misbehaves_is_told_again_later(db: Database, database_url: str, mood: Mood) -> None:
    async with telling() as told:
        told.mood = mood
        incident = await declared(db)
        await run_jobs(db, database_url, "incidents", **adapters(told))
        # The incident goes on all the while.
        async with db.transaction() as tx:
            await service.acknowledge(tx, incident_id=incident.id, by=ADA, now=utc_now())
        for one in await deliveries(db, incident):
            if mood == "elsewhere" or (mood == "garbage" and one.target == "pagerduty"):
                continue  # it says that it is not the party: that is for a person to mend
            if one.attempts:
                assert (one.status, one.sent_at) == ("waiting", None)
                assert one.last_error
                assert one.next_at > one.created_at
        told.mood = "well"
        async with db.transaction() as tx:
            await tx.execute("UPDATE incident_delivery SET next_at = now()")
            await tx.execute(
                "SELECT enqueue('incidents', 'incidents:deliver', $1::jsonb, NULL)",
                {"incident_id": str(incident.id)},
            )
        await run_jobs(db, database_url, "incidents", **adapters(told))
        done = [one.status for one in await deliveries(db, incident)]
    assert set(done) == {"sent"} or mood in ("elsewhere", "garbage")
    assert "waiting" not in done


async def test_what_is_refused_is_said_to_people_and_not_repeated(db: Database, database_url: str) -> None:
    async with telling() as told:
        told.mood = "refusing"
        incident = await declared(db)
        await run_jobs(db, database_url, "incidents", **adapters(told))
        asked = len(told.requests)
        await run_jobs(db, database_url, "incidents", **adapters(told))
        assert len(told.requests) == asked == 2
    slack, page = await deliveries(db, incident)
    assert (slack.status, slack.last_error) == ("failed", "Slack refuses it: invalid_auth")
    assert page.status == "failed"
    assert "400" in page.last_error


async def test_where_neither_is_set_up_the_incident_says_so(db: Database, database_url: str) -> None:
    incident = await declared(db)
    await run_jobs(db, database_url, "incidents", pager=None, chat=None)
    assert {one.last_error for one in await deliveries(db, incident)} == {
        "PagerDuty is not set up (HOTEL_PAGERDUTY_KEY)",
        "Slack is not set up (HOTEL_SLACK_TOKEN)",
    }


async def test_the_clock_job_watches_every_lasting_incident(db: Database, database_url: str) -> None:
    incident = await declared(db)
    async with db.transaction() as tx:
        await tx.execute("SELECT enqueue('incidents', 'incidents:watch', '{\"timestamp\": 0}', NULL)")
    late = utc_now() + timedelta(minutes=5)
    await run_jobs(db, database_url, "incidents", pager=None, chat=None, clock=lambda: late)
    async with db.reading() as tx:
        assert any("Secondary" in entry.text for entry in await queries.timeline(tx, incident.id))


async def test_what_a_killed_worker_was_telling_is_told_by_the_next(db: Database, database_url: str) -> None:
    async with telling() as told:
        incident = await declared(db)
        async with db.transaction() as tx:
            # Taken to be told, by a worker that dies; and the jobs die with it.
            while await outbox.take(tx, incident.id, now=utc_now()) is not None:
                pass
            await tx.execute("DELETE FROM procrastinate_jobs")
            await tx.execute("SELECT enqueue('incidents', 'incidents:watch', '{\"timestamp\": 0}', NULL)")
        late = utc_now() + timedelta(minutes=8)
        await run_jobs(db, database_url, "incidents", **adapters(told), clock=lambda: late)
        first = await deliveries(db, incident)
    assert [one.status for one in first[:2]] == ["sent", "sent"]


async def test_a_dead_address_is_no_answer() -> None:
    with pytest.raises(Unavailable):
        await Slack("t", url="http://127.0.0.1:1", seconds=SECONDS).post(channel="c", text="x")
    async with telling() as told:
        told.channels.add("c")
        told.mood = "429"
        with pytest.raises(Unavailable) as found:
            await Slack("t", url=told.url, seconds=SECONDS).post(channel="c", text="x")
        assert found.value.after == 7
        told.mood = "elsewhere"
        with pytest.raises(Refused):
            await Slack("t", url=told.url, seconds=SECONDS).post(channel="c", text="x")
