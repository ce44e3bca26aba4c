"""What a process is doing when it dies: each scenario is prepared, then acted until its crash point.

Run as a program it is the process that dies: it reads lines of JSON (scenario, state, crash point), forks
for each, acts in the child and says on standard output how the child ended. So Python starts once, and every
death is real.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.types import Quote
from hotel_booking.domains.payments import steps
from hotel_booking.domains.payments.errors import GatewayRefused
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.domains.payments.refunds import give_refunds
from hotel_booking.domains.payments.steps import Moment, Step
from hotel_booking.integrations.stripe import StripeGateway
from tests.factories.small_hotel import GUEST, make_quote, stay

CARD = "pm_card_visa"
AGREED = "I allow the hotel to charge my card later."
State = dict[str, str]
Prepare = Callable[[Database, Gateways, datetime], Awaitable[State]]
Act = Callable[[Database, Gateways, State, datetime], Awaitable[None]]


async def plans(db: Database) -> None:
    """Two more ways to sell: PRE is paid in full and can be given back; RES is reserved until check-in."""
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO rate_plan (property_id, code, name, policy_id, parent_id, adjust_kind, adjust_value,"
            "                       deposit_kind, deposit_capture)"
            " SELECT p.property_id, v.code, v.code, p.policy_id, p.id, 'percent', 0, 'full', v.capture"
            "   FROM rate_plan p, (VALUES ('PRE', 'booking'), ('RES', 'check_in')) AS v(code, capture)"
            "  WHERE p.code = 'FLEX'"
        )


async def _held(db: Database, quote: Quote, now: datetime) -> UUID:
    async with steps.write(db, Step.HOLD) as tx:
        return (await service.hold(tx, quote_id=quote.id, guest=GUEST, now=now)).booking.id


async def _paid(
    db: Database, gateways: Gateways, now: datetime, plan: str, agreement: str | None = None
) -> State:
    booking = await _held(db, await make_quote(db, stay(20, 2), plan=plan, now=now), now)
    paid = await service.pay(db, gateways.card, booking_id=booking, token=CARD, agreement=agreement, now=now)
    return {"booking": str(booking), "payment": str(paid.payment_id)}


async def _quoted(db: Database, _gateways: Gateways, now: datetime) -> State:
    return {"quote": str((await make_quote(db, stay(20, 2), plan="NRF", now=now)).id)}


async def _book(db: Database, gateways: Gateways, state: State, now: datetime) -> None:
    async with steps.write(db, Step.HOLD) as tx:
        held = await service.hold(tx, quote_id=UUID(state["quote"]), guest=GUEST, now=now)
    await service.pay(db, gateways.card, booking_id=held.booking.id, token=CARD, now=now)


async def _reserved(db: Database, gateways: Gateways, now: datetime) -> State:
    return await _paid(db, gateways, now, "RES")


async def _capture(db: Database, gateways: Gateways, state: State, now: datetime) -> None:
    """The day of the capture has come."""
    later = now + timedelta(days=30)
    await service.finish_payment(db, gateways, payment_id=UUID(state["payment"]), now=later)


async def _prepaid(db: Database, gateways: Gateways, now: datetime) -> State:
    return await _paid(db, gateways, now, "PRE", AGREED)


async def _cancel(db: Database, gateways: Gateways, state: State, now: datetime) -> None:
    async with steps.write(db, Step.CANCEL) as tx:
        await service.cancel(tx, booking_id=UUID(state["booking"]), now=now)
    if "payment" in state:
        await service.finish_payment(db, gateways, payment_id=UUID(state["payment"]), now=now)
    await give_refunds(db, gateways, now=now)


async def _amend(db: Database, gateways: Gateways, state: State, now: datetime) -> None:
    booking = UUID(state["booking"])
    async with steps.write(db, Step.AMEND) as tx:
        await service.amend(tx, booking_id=booking, departure=stay(20, 4).departure, now=now)
    await service.collect(db, gateways, booking_id=booking, now=now)


async def _amend_down(db: Database, gateways: Gateways, state: State, now: datetime) -> None:
    async with steps.write(db, Step.AMEND) as tx:
        await service.amend(tx, booking_id=UUID(state["booking"]), departure=stay(20, 1).departure, now=now)
    await give_refunds(db, gateways, now=now)


async def _left_open(db: Database, gateways: Gateways, now: datetime) -> State:
    """The gateway has reserved the money, and nobody has heard its answer."""
    booking = await _held(db, await make_quote(db, stay(20, 2), plan="NRF", now=now), now)

    def deaf(step: Step, moment: Moment) -> None:
        if (step, moment) == (Step.AUTHORISE, "after"):
            raise RuntimeError("the answer is lost")

    with listening(deaf):
        paid = await service.pay(db, gateways.card, booking_id=booking, token=CARD, now=now)
    assert paid.status == "pending"
    return {"booking": str(booking), "payment": str(paid.payment_id)}


async def _too_late(db: Database, gateways: Gateways, now: datetime) -> State:
    """As above, and then the hold lapsed and its rooms were sold to others."""
    state = await _left_open(db, gateways, now)
    async with db.transaction() as tx:
        await service.lapse(tx, booking_id=UUID(state["booking"]), now=now + timedelta(hours=2))
        await tx.execute("UPDATE room_night SET closed = closed, physical = taken")
    return state


async def _finish(db: Database, gateways: Gateways, state: State, now: datetime) -> None:
    with suppress(DomainError):
        await service.finish_payment(db, gateways, payment_id=UUID(state["payment"]), now=now)
    async with db.transaction() as tx:
        await tx.execute("UPDATE room_night SET physical = 5000")


async def _shorten(db: Database, gateways: Gateways, state: State, now: datetime) -> None:
    """Half of what is reserved is no longer owed; then the day of the capture comes."""
    async with steps.write(db, Step.AMEND) as tx:
        await service.amend(tx, booking_id=UUID(state["booking"]), departure=stay(20, 1).departure, now=now)
    await _capture(db, gateways, state, now)


async def _refused_and_reserved(db: Database, gateways: Gateways, now: datetime) -> State:
    """The gateway has reserved a deposit and said no; the guest has paid by another card since."""
    booking = await _held(db, await make_quote(db, stay(20, 2), plan="PRE", now=now), now)

    def refused(step: Step, moment: Moment) -> None:
        if (step, moment) in ((Step.AUTHORISE, "after"), (Step.FIND, "after")):
            raise GatewayRefused("it says no")

    with listening(refused), suppress(DomainError):
        await service.pay(db, gateways.card, booking_id=booking, token=CARD, now=now)
    async with db.transaction() as tx:
        first = await tx.fetchval("SELECT id FROM payment WHERE booking_id = $1", booking)
    await service.pay(db, gateways.card, booking_id=booking, token="pm_card_mastercard", now=now)
    return {"booking": str(booking), "payment": str(first)}


async def _notice_comes(db: Database, gateways: Gateways, state: State, now: datetime) -> None:
    """The first card's notice comes at last."""
    with suppress(DomainError):
        await service.finish_payment(db, gateways, payment_id=UUID(state["payment"]), now=now)


async def _reserved_twice(db: Database, gateways: Gateways, now: datetime) -> State:
    """A second reservation in the payment's own name, as the release before could leave it."""
    state = await _reserved(db, gateways, now)
    card = gateways.card
    assert isinstance(card, StripeGateway)
    params: Any = {
        "amount": 20_000,
        "currency": "eur",
        "capture_method": "manual",
        "payment_method_types": ["card"],
        "payment_method": CARD,
        "confirm": True,
        "metadata": {"payment_id": state["payment"]},
    }
    second = await card._api.payment_intents.create_async(params)  # noqa: SLF001  # as nobody should
    return {**state, "second": second.id}


async def _seen_twice(db: Database, gateways: Gateways, state: State, now: datetime) -> None:
    """Its notice comes."""
    payment = UUID(state["payment"])
    await service.finish_payment(db, gateways, payment_id=payment, seen=state["second"], now=now)


SCENARIOS: dict[str, tuple[Prepare, Act]] = {
    "book and pay": (_quoted, _book),
    "take at check-in": (_reserved, _capture),
    "cancel with refund": (_prepaid, _cancel),
    "cancel what is reserved": (_reserved, _cancel),
    "change with a difference": (_prepaid, _amend),
    "change with a refund": (_prepaid, _amend_down),
    "change what is reserved": (_reserved, _shorten),
    "reserved and refused": (_refused_and_reserved, _notice_comes),
    "reserved twice": (_reserved_twice, _seen_twice),
    "find what was left open": (_left_open, _finish),
    "find it too late": (_too_late, _finish),
}


class listening:  # noqa: N801  # reads as the statement that it is
    """Hear of every point that is reached, for as long as the block lasts."""

    def __init__(self, heard: Callable[[Step, Moment], None]) -> None:
        self._heard, self._before = heard, steps.reached

    def __enter__(self) -> None:
        steps.reached = self._heard

    def __exit__(self, *_: object) -> None:
        steps.reached = self._before


async def _act(database_url: str, stripe_url: str, wanted: dict[str, Any]) -> None:
    gateways = Gateways(StripeGateway("sk_test_double", api_base=stripe_url))

    def die(step: Step, moment: Moment) -> None:
        if (step.name, moment) == (wanted["step"], wanted["moment"]):
            os.kill(os.getpid(), signal.SIGKILL)

    async with Database.open(database_url, size=3) as db:
        with listening(die):
            act = SCENARIOS[wanted["scenario"]][1]
            await act(db, gateways, wanted["state"], datetime.fromisoformat(wanted["now"]))


def main() -> None:
    """A child for every line."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                asyncio.run(_act(sys.argv[1], sys.argv[2], json.loads(line)))
                status = 0
            finally:
                os._exit(status)
        _, ended = os.waitpid(child, 0)
        how = "killed" if os.WIFSIGNALED(ended) else f"ended {os.waitstatus_to_exitcode(ended)}"
        sys.stdout.write(f"{how}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
