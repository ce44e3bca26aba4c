"""Guests who did not come: what it costs is known before, and what became of the fee afterwards."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from hotel_booking.core.code_names import is_a
from hotel_booking.core.dates import business_date, business_day_end, calendar_date
from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings import mail
from hotel_booking.domains.bookings.due import charged, no_show_fee, still_open
from hotel_booking.domains.bookings.errors import PriceChanged, TooEarly, WrongState
from hotel_booking.domains.bookings.queries import booking_by_id, lock_booking
from hotel_booking.domains.bookings.service.cancel import carry_out, settle, settle_others, total_without
from hotel_booking.domains.bookings.service.collect import collect_soon
from hotel_booking.domains.bookings.service.ending import end_stay
from hotel_booking.domains.bookings.service.stay import expected
from hotel_booking.domains.bookings.types import Booking, Cancellation, Reservation
from hotel_booking.domains.inventory import assignment
from hotel_booking.domains.payments.queries import saved_card, undecided

FeeState = Literal["none", "settled", "charging", "declined", "not_chargeable"]


class NoShowCost(msgspec.Struct, frozen=True):
    """What a no-show costs: `cost` is divided as for a cancellation, `chargeable` says whether a card was
    kept from which `cost.owed` is charged, and until `can_arrive_until` guests may be checked in.

    Where others of the booking have come, `cost.fee` is what the `rooms` cost that nobody came to, `total`
    what the booking comes to then, and `cost.owed` what is open of that, for the others to pay.
    """

    cost: Cancellation
    chargeable: bool
    can_arrive_until: datetime
    rooms: tuple[Reservation, ...]
    total: int


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


async def preview_no_show(
    tx: Transaction, *, booking_id: UUID, now: datetime, rooms: Collection[int] | None = None
) -> NoShowCost:
    """What the no-show would cost now. Changes nothing; raises what `no_show` raises."""
    booking = await booking_by_id(tx, booking_id)
    missing = _missing(booking, booking.status, now, rooms)
    fee = _asked(booking, missing)
    last = max(room.departure for room in missing) - date.resolution
    total = _total(booking, missing, _fee(booking, missing))
    return NoShowCost(
        msgspec.structs.replace(settle(booking, total), fee=fee),
        len(missing) == len(booking.staying) and await saved_card(tx, booking_id) is not None,
        business_day_end(last, booking.timezone, booking.day_end_time),
        missing,
        total,
    )


async def no_show(
    tx: Transaction,
    *,
    booking_id: UUID,
    now: datetime,
    on: date | None = None,
    rooms: Collection[int] | None = None,
    expected_fee: int | None = None,
    early: bool = False,
) -> Booking:
    """The guests did not come; where others of the booking did, those of `rooms` (reservation positions;
    default: all who are still expected). Gives back the nights from `on` (default: the date on the property's
    wall, as the night that is half over was kept for them) on, notes the sold policy's no-show fee, minor
    units in each reservation's `fee`, sends back what was paid beyond it, charges what is missing to a kept
    card, and tells the guest.

    Where others came the fee takes the place of the rooms' price in the booking's total: what was paid beyond
    that goes back, and what is open is for the others to pay.

    Raises `WrongState` unless the booking is confirmed or guests are still expected, `TooEarly` before the
    arrival day (unless `early`: in records of the past some were noted before it) and where `on` has not
    begun, and `PriceChanged` where the fee is not the one that the caller saw, `expected_fee`.
    """
    status = await lock_booking(tx, booking_id)
    booking = await booking_by_id(tx, booking_id)
    missing = _missing(booking, status, now, rooms, on, early=early)
    fees = [no_show_fee(room) for room in missing]
    if expected_fee is not None and expected_fee != _asked(booking, missing):
        raise PriceChanged(
            "the fee has changed since it was shown",
            field="expected_fee",
            fix="check it again and confirm it",
        )
    last = on or calendar_date(now, booking.timezone)
    await end_stay(tx, booking, missing, status="no_show", on=last, now=now, fees=fees)
    if any(room.room for room in missing):
        await assignment.release(tx, reservation_ids=[room.id for room in missing])
    if status == "checked_in":
        await _settle_others(tx, booking, _total(booking, missing, sum(fees)), now)
    else:
        result = settle(booking, _fee(booking, missing))
        await carry_out(tx, booking, result, reason="no-show", now=now)
        await mail.no_show(tx, booking, result, now=now)
    return await booking_by_id(tx, booking_id)


async def _settle_others(tx: Transaction, booking: Booking, total: int, now: datetime) -> None:
    """The booking comes to `total` now. What was paid beyond it goes back; nothing is collected but with the
    last of its rooms, from a kept card, for those who came pay what is open."""
    back = settle(booking, total).refund
    changed = await settle_others(tx, booking, total, back=back, reason="no-show", now=now)
    if not back and changed.status == "checked_out" and still_open(changed):
        await collect_soon(tx, booking_id=booking.id, now=now, only_from_card=True)


def _fee(booking: Booking, missing: Sequence[Reservation]) -> int:
    """What the no-show costs; where nobody came at all, with what rooms cost that were cancelled before."""
    before = 0 if booking.status == "checked_in" else sum(room.owed for room in booking.left)
    return before + sum(no_show_fee(room) for room in missing)


def _asked(booking: Booking, missing: Sequence[Reservation]) -> int:
    """The fee as it is shown: of a booking that is over, without what the hotel let go."""
    fee = _fee(booking, missing)
    return fee if booking.status == "checked_in" else charged(booking, fee)


def _total(booking: Booking, missing: Sequence[Reservation], fee: int) -> int:
    """What the booking comes to with the fee in place of these rooms' price: where others came, with what
    these pay."""
    return total_without(booking, missing, [fee]) if booking.status == "checked_in" else fee


async def fee_outcome(tx: Transaction, booking: Booking) -> FeeOutcome | None:
    """What became of the fee; None for a booking that is not over by cancelling or not coming."""
    if booking.status not in ("cancelled", "no_show"):
        return None
    fee, left = charged(booking, booking.fee), still_open(booking)
    if not left:
        return FeeOutcome("settled" if fee else "none", fee, 0)
    if await saved_card(tx, booking.id) is None:
        return FeeOutcome("not_chargeable", fee, left)
    row = await tx.fetchrow("SELECT collect_at, collect_tries FROM booking WHERE id = $1", booking.id)
    attempts, again = (row["collect_tries"], row["collect_at"]) if row is not None else (0, None)
    if (again is not None and not attempts) or await undecided(tx, booking.id) is not None:
        return FeeOutcome("charging", fee, left)
    return FeeOutcome("declined", fee, left, again)


def _missing(
    booking: Booking,
    status: str,
    now: datetime,
    rooms: Collection[int] | None,
    on: date | None = None,
    *,
    early: bool = False,
) -> tuple[Reservation, ...]:
    """The rooms that nobody came to."""
    if (
        status == "confirmed"
        and rooms is not None
        and {*rooms} != {room.position for room in booking.expected}
    ):
        raise WrongState(
            "no guests of the booking have come yet",
            field="rooms",
            fix="check in those who came first, cancel rooms that are given up, or leave `rooms` out: nobody"
            " came",
        )
    if status != "checked_in" and status != "confirmed":
        raise WrongState(f"the booking is {is_a(status)}; only a confirmed one can be a no-show")
    if status == "checked_in" and not booking.expected:
        raise WrongState("all guests of the booking have come", fix="check them out when they leave")
    missing = expected(booking, rooms, field="rooms", verb="a no-show")
    if on is not None and on > calendar_date(now, booking.timezone):
        raise TooEarly(
            f"{on} has not begun at the hotel", field="on", fix="wait for that day, or leave `on` out"
        )
    today = business_date(now, booking.timezone, booking.day_end_time)
    if today < min(room.arrival for room in missing) and not early:
        raise TooEarly(
            "a booking can't be a no-show before the arrival day", fix="cancel the booking instead"
        )
    return missing
