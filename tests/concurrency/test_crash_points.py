"""Every crash point of the saga, one after the other: the process is killed there, or its connections are
cut; then the reconciler runs, and money and rooms must belong together again, on our side and on Stripe's.

The points come from the code (domains/payments/steps.py). What was tried is printed as a table.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database, DatabaseUnavailable
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.queries import expired_holds, to_collect
from hotel_booking.domains.payments.errors import GatewayUnavailable
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.domains.payments.reconcile import reconcile
from hotel_booking.domains.payments.refunds import give_refunds
from hotel_booking.domains.payments.steps import WRITES, Moment, Point, Step, points
from hotel_booking.integrations.stripe import StripeGateway
from tests.doubles.stripe import StripeDouble
from tests.factories.crash_scenarios import SCENARIOS, listening, plans
from tests.factories.invariants import differences
from tests.factories.paying import finish_waiting
from tests.factories.paying import stripe as stripe
from tests.factories.small_hotel import small_hotel

SLOWER = timedelta(seconds=2)  # Stripe's clock may be, and counts whole seconds


async def ready(db: Database) -> None:
    await small_hotel(db, rooms=5_000)
    await plans(db)


async def reached_by(db: Database, gateways: Gateways, name: str) -> list[Point]:
    """The points that a scenario passes, in their order, when nothing goes wrong."""
    prepare, act = SCENARIOS[name]
    now = utc_now()
    state = await prepare(db, gateways, now)
    heard: list[Point] = []
    with listening(lambda step, moment: heard.append((step, moment))):
        await act(db, gateways, state, now)
    return list(dict.fromkeys(heard))


async def put_right(db: Database, gateways: Gateways, since: datetime, now: datetime) -> None:
    """What the worker does all day, some time later: the reconciler. A job that died with its process is made
    anew by the nightly comparison of what was paid since then."""
    await reconcile(db, gateways, since=since, until=now, now=utc_now() + timedelta(hours=1))
    await finish_waiting(db, gateways, now)
    for _ in range(2):
        await service.finish_undecided(db, gateways, now=now, older_than=timedelta(minutes=1))
        await give_refunds(db, gateways, now=now)
        async with db.transaction() as tx:
            due = await to_collect(tx, now=now, limit=100)
        for booking_id in due:
            await service.collect(db, gateways, booking_id=booking_id, now=now)
        async with db.transaction() as tx:
            for _, booking_id in await expired_holds(tx, now=now, limit=1000):
                await service.lapse(tx, booking_id=booking_id, now=now)


async def wrongs(
    db: Database, gateways: Gateways, stripe: StripeDouble, since: datetime, now: datetime
) -> list[str]:
    """Everything that does not belong together; nothing may. What Stripe lists is compared since then."""
    found = [str(difference) for difference in await differences(db, prices=False)]
    async with db.transaction() as tx:
        for row in await tx.fetch(
            "SELECT b.reference, b.status, m.kept FROM booking b, LATERAL ("
            "   SELECT coalesce(sum(amount), 0) AS kept FROM ledger_entry WHERE booking_id = b.id) AS m"
            " WHERE (b.status IN ('confirmed', 'checked_in') AND m.kept < least(b.due_now, b.total)"
            "        OR b.status IN ('held', 'expired', 'cancelled') AND m.kept <> 0)"
            "   AND NOT EXISTS (SELECT FROM payment WHERE booking_id = b.id AND status = 'reserved')"
        ):
            found += [f"booking {row['reference']} is {row['status']} and has {row['kept']} paid"]
        ours = {
            str(row["id"]): (row["taken"], row["given"], row["reserved"])
            for row in await tx.fetch(
                "SELECT p.id, coalesce((SELECT sum(amount) FROM ledger_entry"
                "                        WHERE payment_id = p.id AND kind = 'payment'), 0)::bigint AS taken,"
                "       coalesce((SELECT -sum(amount) FROM ledger_entry"
                "                  WHERE payment_id = p.id AND kind <> 'payment'), 0)::bigint AS given,"
                "       CASE WHEN p.status = 'reserved' THEN p.amount ELSE 0 END AS reserved"
                "  FROM payment p"
            )
        }
        for stuck in await tx.fetch(
            "SELECT id, status FROM payment WHERE status IN ('started', 'unknown', 'authorised', 'voiding')"
        ):
            found += [f"payment {stuck['id']} is still {stuck['status']}"]
    theirs = {key: (sum_.captured, sum_.refunded, sum_.held) for key, sum_ in stripe.sums().items()}
    for key in ours.keys() | theirs.keys():
        if ours.get(key, (0, 0, 0)) != theirs.get(key, (0, 0, 0)):
            found += [f"payment {key}: ours {ours.get(key)}, Stripe's {theirs.get(key)}"]
    for comparison in await reconcile(
        db, gateways, since=since, until=now, now=utc_now() + timedelta(hours=1)
    ):
        found += [str(difference) for difference in comparison.differences]
    return found


async def test_every_point_is_reached(db: Database, stripe: StripeDouble) -> None:
    """A step that no scenario reaches would never be tried: write a scenario for it."""
    begun = utc_now() - SLOWER
    gateways = Gateways(StripeGateway("sk_test_double", api_base=stripe.url))
    await ready(db)
    reached = {point for name in SCENARIOS for point in await reached_by(db, gateways, name)}
    assert set(points()) - reached == set()
    assert reached - set(points()) == set()
    later = utc_now() + timedelta(minutes=20)
    await put_right(db, gateways, begun, later)
    assert await wrongs(db, gateways, stripe, begun, later) == []
    await gateways.close()


@pytest.mark.parametrize(
    ("ways", "each_point_once"),
    [
        # Each night every point in both ways in every scenario that reaches it.
        pytest.param(("killed", "cut off"), True, id="in turns"),
        pytest.param(("killed",), False, id="killed", marks=pytest.mark.nightly),
        pytest.param(("cut off",), False, id="cut off", marks=pytest.mark.nightly),
    ],
)
async def test_money_and_rooms_survive_every_crash(
    db: Database,
    database_url: str,
    stripe: StripeDouble,
    ways: tuple[str, ...],
    each_point_once: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gateways = Gateways(StripeGateway("sk_test_double", api_base=stripe.url))
    await ready(db)
    begun = utc_now() - SLOWER
    root = Path(__file__).parents[2]
    dying = subprocess.Popen(  # noqa: ASYNC220  # it is the one that dies; waiting for it is the test
        [sys.executable, "-m", "tests.factories.crash_scenarios", database_url, stripe.url],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    table: list[tuple[str, str, str, str, str]] = []
    turns = cycle(ways)
    tried: set[Point] = set()
    try:
        for name, (prepare, act) in SCENARIOS.items():
            for step, moment in await reached_by(db, gateways, name):
                if each_point_once and (step, moment) in tried:
                    continue
                tried.add((step, moment))
                how = next(turns)
                now = utc_now()
                state = await prepare(db, gateways, now)
                if how == "killed":
                    assert dying.stdin is not None
                    assert dying.stdout is not None
                    asked = {"scenario": name, "state": state, "step": step.name, "moment": moment}
                    print(json.dumps({**asked, "now": now.isoformat()}), file=dying.stdin, flush=True)
                    assert dying.stdout.readline().strip() == "killed", (name, step, moment)
                else:
                    await cut_off(db, gateways, act, state, now, (step, moment), database_url)
                if name == "find it too late":
                    async with db.transaction() as tx:
                        await tx.execute("UPDATE room_night SET physical = 5000")
                at_check_in = name in ("take at check-in", "change what is reserved")
                later = now + timedelta(minutes=60 * 24 * 31 if at_check_in else 20)
                # What earlier points left is listed at the end: to list it every time takes half the test.
                await put_right(db, gateways, now - SLOWER, later)
                problems = await wrongs(db, gateways, stripe, now - SLOWER, later)
                table.append((name, step.value, moment, how, "; ".join(problems) or "as it must be"))
        assert await wrongs(db, gateways, stripe, begun, utc_now() + timedelta(minutes=20)) == []
    finally:
        dying.kill()
        dying.wait()
        await gateways.close()
    with capsys.disabled():
        sys.stdout.write("\n")
        for line in table:
            sys.stdout.write(f"  {line[0]:<26}{line[1]:<42}{line[2]:<15}{line[3]:<9}{line[4]}\n")
    assert [line for line in table if line[4] != "as it must be"] == []
    assert tried == set(points())


async def cut_off(
    db: Database,
    gateways: Gateways,
    act: Any,
    state: dict[str, str],
    now: datetime,
    point: Point,
    database_url: str,
) -> None:
    """Act, and lose all connections to the database, or the gateway's answer, at one point."""
    done = False

    def cut(step: Step, moment: Moment) -> None:
        nonlocal done
        if (step, moment) != point or done:
            return
        done = True
        if step not in WRITES:
            raise GatewayUnavailable("the line was cut")
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    with listening(cut), suppress(DatabaseUnavailable, GatewayUnavailable, DomainError):
        await act(db, gateways, state, now)
    assert done, point
    del state


async def test_a_payment_that_is_too_late_goes_back_and_everybody_is_told(
    db: Database, stripe: StripeDouble
) -> None:
    gateways = Gateways(StripeGateway("sk_test_double", api_base=stripe.url))
    await ready(db)
    prepare, act = SCENARIOS["find it too late"]
    now = utc_now()
    state = await prepare(db, gateways, now)
    await act(db, gateways, state, now)
    async with db.transaction() as tx:
        payment = await tx.fetchrow("SELECT * FROM payment WHERE id = $1", UUID(state["payment"]))
        mails = [row["template"] for row in await tx.fetch("SELECT template FROM mail_message")]
    assert payment is not None
    assert payment["status"] == "voided"
    assert "too late" in payment["problem"]
    assert mails == ["payment_returned"]
    assert stripe.sums()[state["payment"]].captured == 0
    await gateways.close()
