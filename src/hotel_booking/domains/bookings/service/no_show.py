"""Guests who did not come: what it costs is known before, and what became of the fee afterwards."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from hotel_booking.core.code_names import is_a
from hotel_booking.core.dates import business_date, business_day_end, calendar_date
from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings.due import no_show_fee, still_open
from hotel_booking.domains.bookings.errors import PriceChanged, TooEarly, WrongState
from hotel_booking.domains.bookings.queries import booking_by_id, lock_booking
from hotel_booking.domains.bookings.service.cancel import carry_out, settle
from hotel_booking.domains.bookings.service.ending import end_stay
from hotel_booking.domains.bookings.types import Booking, Cancellation
from hotel_booking.domains.inventory import assignment
from hotel_booking.domains.payments.queries import saved_card, undecided

FeeState = Literal["none", "settled", "charging", "declined", "not_chargeable"]


class NoShowCost(msgspec.Struct, frozen=True):
    """What a no-show costs: `cost` is divided as for a cancellation, `chargeable` says whether a card was
    kept from which `cost.owed` can be charged, and until `can_arrive_until` guests may be checked in."""

    cost: Cancellation
    chargeable: bool
    can_arrive_until: datetime


class FeeOutcome(msgspec.Struct, frozen=True):
    """What became of the fee of a booking that is over. `open` is what of it was not paid, minor units.

    `none`: there is no fee. `settled`: it is paid. `charging`: the kept card is being charged. `declined`:
    the bank refused it, and `next_attempt` says when it is tried again (None: not any more).
    `not_chargeable`: no card was kept.
    """

    state: FeeState
    fee: int
    open: int
    next_attempt: datetime | None = None


async def preview_no_show(tx: Transaction, *, booking_id: UUID, now: datetime) -> NoShowCost:
    """What the no-show would cost now. Changes nothing; raises what `no_show` raises."""
    booking = await booking_by_id(tx, booking_id)
    _check(booking, booking.status, now)
    last = max(room.departure for room in booking.reservations) - date.resolution
    return NoShowCost(
        settle(booking, sum(no_show_fee(room) for room in booking.reservations)),
        await saved_card(tx, booking_id) is not None,
        business_day_end(last, booking.timezone, booking.day_end_time),
    )


async def no_show(
    tx: Transaction,
    *,
    booking_id: UUID,
    now: datetime,
    on: date | None = None,
    expected_fee: int | None = None,
) -> Booking:
    """The guests did not come. Gives back the nights from `on` (default: the date on the property's wall, as
    the night that is half over was kept for them) on, notes the sold policy's no-show fee, minor units in
    each reservation's `fee`, sends back what was paid beyond it and charges what is missing to a kept card.

    Raises `WrongState` unless the booking is confirmed, `TooEarly` before the arrival day where `on` is not
    given and where `on` has not begun, and `PriceChanged` where the fee is not the one that the caller
    saw, `expected_fee`.
    """
    status = await lock_booking(tx, booking_id)
    booking = await booking_by_id(tx, booking_id)
    _check(booking, status, now, on)
    fees = [no_show_fee(room) for room in booking.reservations]
    if expected_fee is not None and expected_fee != sum(fees):
        raise PriceChanged(
            "the fee has changed since it was shown",
            field="expected_fee",
            fix="check it again and confirm it",
        )
    last = on or calendar_date(now, booking.timezone)
    await end_stay(tx, booking, booking.reservations, status="no_show", on=last, now=now, fees=fees)
    if any(room.room for room in booking.reservations):
        await assignment.release(tx, reservation_ids=[room.id for room in booking.reservations])
    await carry_out(tx, booking, settle(booking, sum(fees)), reason="no-show", now=now)
    return await booking_by_id(tx, booking_id)


async def fee_outcome(tx: Transaction, booking: Booking) -> FeeOutcome | None:
    """What became of the fee; None for a booking that is not over by cancelling or not coming."""
    if booking.status not in ("cancelled", "no_show"):
        return None
    fee, left = booking.fee, still_open(booking)
    if not left:
        return FeeOutcome("settled" if fee else "none", fee, 0)
    if await saved_card(tx, booking.id) is None:
        return FeeOutcome("not_chargeable", fee, left)
    row = await tx.fetchrow("SELECT collect_at, collect_tries FROM booking WHERE id = $1", booking.id)
    attempts, again = (row["collect_tries"], row["collect_at"]) if row is not None else (0, None)
    if (again is not None and not attempts) or await undecided(tx, booking.id) is not None:
        return FeeOutcome("charging", fee, left)
    return FeeOutcome("declined", fee, left, again)


def _check(booking: Booking, status: str, now: datetime, on: date | None = None) -> None:
    if status != "confirmed":
        raise WrongState(f"the booking is {is_a(status)}; only a confirmed one can be a no-show")
    today = business_date(now, booking.timezone, booking.day_end_time)
    if on is None and today < min(room.arrival for room in booking.reservations):
        raise TooEarly(
            "a booking can't be a no-show before the arrival day", fix="cancel the booking instead"
        )
    if on is not None and on > calendar_date(now, booking.timezone):
        raise TooEarly(
            f"{on} has not begun at the hotel", field="on", fix="wait for that day, or leave `on` out"
        )
