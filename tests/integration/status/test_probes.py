"""Probes are counted once, by days; a component's last word is the youngest probe's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hotel_booking.core.db import Database
from hotel_booking.domains.incidents import status_probes
from hotel_booking.domains.incidents.status_types import COMPONENTS, Outcome, Probe, Round

AT = datetime(2030, 3, 1, 23, 59, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def looked(at: datetime, outcome: Outcome = "up") -> Round:
    return Round(at, tuple(Probe(component, outcome, 12, "") for component in COMPONENTS))


async def test_a_round_is_counted_once_in_its_day(db: Database) -> None:
    async with db.transaction() as tx:
        assert await status_probes.record(tx, looked(AT)) == 6
        assert await status_probes.record(tx, looked(AT, "down")) == 0
        assert await status_probes.record(tx, looked(AT + MINUTE, "slow")) == 6
        assert await status_probes.record(tx, looked(AT + 2 * MINUTE, "down")) == 6
        days = [day for day in await status_probes.days(tx, since=date(2030, 3, 1)) if day.component == "api"]
    assert [(day.day.day, day.up, day.slow, day.down, day.uptime) for day in days] == [
        (1, 1, 0, 0, 1.0),
        (2, 0, 1, 1, 0.5),
    ]


async def test_one_failure_is_no_outage_and_two_are(db: Database) -> None:
    states = []
    outcomes: list[Outcome] = ["up", "down", "down", "down", "up", "down"]
    for number, outcome in enumerate(outcomes):
        async with db.transaction() as tx:
            await status_probes.record(tx, looked(AT + number * MINUTE, outcome))
            [api, *_] = [one for one in await status_probes.last_words(tx) if one.component == "api"]
        states.append((api.state, (api.since - AT) // MINUTE))
    assert states == [("up", 0), ("slow", 1), ("down", 2), ("down", 2), ("up", 4), ("slow", 5)]


async def test_a_round_that_waited_counts_and_has_not_the_last_word(db: Database) -> None:
    async with db.transaction() as tx:
        await status_probes.record(tx, looked(AT + MINUTE, "up"))
        assert await status_probes.record(tx, looked(AT, "down")) == 6
        assert {one.state for one in await status_probes.last_words(tx)} == {"up"}
        [first] = [
            d for d in await status_probes.days(tx, since=AT.date()) if (d.component, d.down) == ("api", 1)
        ]
    assert first.day == AT.date()


async def test_old_probes_are_forgotten_and_their_days_stay(db: Database) -> None:
    async with db.transaction() as tx:
        await status_probes.record(tx, looked(AT))
        await status_probes.record(tx, looked(AT + MINUTE))
        assert await status_probes.purge(tx, before=AT + MINUTE, limit=100) == 6
        assert len(await status_probes.days(tx, since=AT.date())) == 12
