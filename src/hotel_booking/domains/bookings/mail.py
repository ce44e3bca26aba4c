"""What guests are told about their booking: each event once, in the transaction that it happens in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from msgspec.structs import replace

from hotel_booking.core.dates import business_date, business_day_end
from hotel_booking.core.db import Transaction
from hotel_booking.core.moments import same_day
from hotel_booking.domains.bookings import cancelling
from hotel_booking.domains.bookings.due import charged, payment_schedule, still_open
from hotel_booking.domains.bookings.guest_bookings import GuestBooking
from hotel_booking.domains.bookings.names import booking_in
from hotel_booking.domains.bookings.types import STANDING, Booking, Cancellation
from hotel_booking.domains.notifications import service as mail
from hotel_booking.domains.notifications.types import MessageLimit
from hotel_booking.domains.payments import returns
from hotel_booking.domains.payments.returns import Returning
from hotel_booking.domains.payments.service import Payment
from hotel_booking.domains.payments.types import DeskPayment
from hotel_booking.domains.properties.queries import postal_address

_AT_THE_DESK = frozenset({"desk", "phone", "walk_in"})
# What anybody can have sent to any address by holding rooms, and to a hotel by writing to it: as many as a
# family makes, and as a hotel reads.
_TO_STRANGER = MessageLimit(6, 20)
_TO_HOTEL = MessageLimit(60, 300)


async def held(tx: Transaction, booking: Booking, *, now: datetime) -> None:
    """The link to pay, where staff made the booking. Somebody who books by themselves is paying on a page
    right now: they get it from a job if they have not paid after a while, and the sale costs nothing more."""
    if booking.source in _AT_THE_DESK:
        await link_to_pay(tx, booking, now=now)


async def link_to_pay(tx: Transaction, booking: Booking, *, now: datetime) -> None:
    """How to pay for a hold; pointless once it has expired."""
    data = {**_facts(booking), **_held_until(booking), "due_now": booking.due_now}
    limit = None if booking.source in _AT_THE_DESK else _TO_STRANGER
    await _queue(tx, booking, "held", "booking_held", data, now=now, limit=limit)


async def link_to_pay_again(tx: Transaction, booking: Booking, *, now: datetime) -> None:
    """The same once more: the guest's address has been corrected since it went out."""
    data = {**_facts(booking), **_held_until(booking), "due_now": booking.due_now}
    await _queue(tx, booking, f"held:{uuid4()}", "booking_held", data, now=now)


async def confirmed(tx: Transaction, booking: Booking, *, now: datetime, again: bool = False) -> None:
    """The confirmation, or once more where the guest's address was corrected; a link to pay that has not gone
    out is withdrawn. `booking` is as it is with the payment that confirmed it."""
    data = {
        **_facts(booking),
        **_money(booking, now),
        **await _whereabouts(tx, booking),
        **_times(booking),
        **cancelling.told(booking, now),
    }
    name = f"confirmed:{uuid4()}" if again else "confirmed"
    await _queue(tx, booking, name, "booking_confirmed", data, now=now, withdraw=_event(booking, "held"))


async def amended(
    tx: Transaction, booking: Booking, *, refund: int, now: datetime, cancelled: Sequence[int] = ()
) -> None:
    """How the booking stands now, what is left to pay, what goes back (`refund`, minor units), and until when
    cancelling is free: the confirmation's dates count no more. `booking` is as it has become; `cancelled` are
    the rooms, by position, that it has just lost."""
    cancellable = booking.status == "confirmed"
    rest = payment_schedule(booking, now)
    # It is about the rooms that it changes: not those whose guests have left, or never came.
    there = replace(booking, reservations=booking.staying)
    data = {
        **_facts(there),
        **_times(booking),
        "cancelled": await _cancelled(tx, booking, cancelled),
        "refund": refund,
        "back": await _going_back(tx, booking, now) if refund else [],
        **_money(booking, now),
        "due": rest.now,
        "at_hotel": rest.at_hotel,
        "open": still_open(booking),  # for the release before, which may still be sending
        "cancellable": cancellable,
        **(cancelling.told(booking, now) if cancellable else {"free_until": None}),
    }
    await _queue(tx, there, f"amended:{uuid4()}", "booking_amended", data, now=now)


async def cancelled(tx: Transaction, booking: Booking, result: Cancellation, *, now: datetime) -> None:
    """The cancellation with its fee, and what of it goes back or is still to be paid."""
    await _queue(
        tx,
        booking,
        "cancelled",
        "booking_cancelled",
        await _over(tx, booking, result, now),
        now=now,
        withdraw=_event(booking, "held"),
        limit=_TO_STRANGER if not booking.paid and booking.source not in _AT_THE_DESK else None,
    )


async def no_show(tx: Transaction, booking: Booking, result: Cancellation, *, now: datetime) -> None:
    """Nobody came at all: what that costs, so that whoever did come can say so."""
    await _queue(tx, booking, "no_show", "booking_no_show", await _over(tx, booking, result, now), now=now)


async def _over(tx: Transaction, booking: Booking, result: Cancellation, now: datetime) -> dict[str, Any]:
    """What a booking that is over costs, and what becomes of the money."""
    return {
        **_facts(booking),
        "fee": result.fee,
        "refund": result.refund,
        "released": result.released,
        "owed": result.owed,
        "back": await _going_back(tx, booking, now) if result.refund else [],
    }


async def transfer_expected(
    tx: Transaction, booking: Booking, *, account: str, until: datetime, now: datetime
) -> None:
    """Where to send the money, and until when the rooms wait for it."""
    data = {
        **_facts(booking),
        "due_now": booking.due_now,
        "account": account,
        "until": until.isoformat(),
    }
    await _queue(
        tx,
        booking,
        "transfer",
        "transfer_expected",
        data,
        now=now,
        withdraw=_event(booking, "held"),
        limit=None if booking.source in _AT_THE_DESK else _TO_STRANGER,
    )


async def payment_received(
    tx: Transaction, booking: Booking, *, payment: Payment, amount: int, now: datetime
) -> None:
    """The receipt for money that was taken; `booking` is as it is with the payment."""
    data = {
        **_facts(booking),
        "amount": amount,
        "way": returns.way_of(payment.gateway),
        "open": still_open(booking),
        "at": now.isoformat(),
    }
    await _queue(tx, booking, f"payment:{payment.id}", "payment_received", data, now=now)


async def payment_reversed(tx: Transaction, booking: Booking, *, payment: DeskPayment, now: datetime) -> None:
    """The receipt was a mistake: the money never came, and is owed. Why is the hotel's own affair."""
    data = {
        **_facts(booking),
        "amount": payment.amount,
        "open": still_open(booking),
        "at": payment.created_at.isoformat(),
    }
    await _queue(tx, booking, f"reversed:{payment.id}", "payment_reversed", data, now=now)


async def refund_sent(
    tx: Transaction, booking: Booking, *, refund_id: UUID, refund: Returning, now: datetime
) -> None:
    """A refund has left us: by what way, and by which day it is there."""
    data = {
        **_facts(booking),
        "amount": refund.amount,
        "way": refund.way,
        "at": refund.since.isoformat(),
        "by": (refund.by or refund.since.date()).isoformat(),
    }
    await _queue(tx, booking, f"refund:{refund_id}", "refund_sent", data, now=now)


async def payment_returned(
    tx: Transaction, booking: Booking, *, amount: int, payment_id: UUID, now: datetime
) -> None:
    """The money came too late for the room, or was not needed: it goes back."""
    data = {**_facts(booking), "amount": amount, "standing": booking.status in STANDING}
    await _queue(tx, booking, f"returned:{payment_id}", "payment_returned", data, now=now)


async def balance_due(
    tx: Transaction,
    booking: Booking,
    *,
    amount: int,
    tried: Literal["declined", "to_confirm"] | None = None,
    now: datetime,
) -> None:
    """What is due now and how to pay it: of the price, or of the fee of a booking that is over. The kept card
    was `tried` in vain: it was declined, or the bank wants the guest to confirm the payment."""
    over = booking.status if booking.status in ("cancelled", "no_show") else ""
    # Both are a decline to the release before, which may still be sending.
    data = {
        **_facts(booking),
        "amount": amount,
        "declined": tried is not None,
        "confirm": tried == "to_confirm",
        "over": over,
        "fee": charged(booking, booking.fee) if over else 0,
    }
    today = business_date(now, booking.timezone, booking.day_end_time)
    await _queue(tx, booking, f"balance:{today}:{amount}", "balance_due", data, now=now)


async def before_arrival(tx: Transaction, booking: Booking, *, now: datetime) -> None:
    """A few days ahead: when the room is ready, and where."""
    data = {
        **_facts(booking),
        **_money(booking, now),
        **await _whereabouts(tx, booking),
        **_times(booking),
        "expires": _end_of_first_day(booking).isoformat(),
    }
    await _queue(tx, booking, "before_arrival", "before_arrival", data, now=now)


async def booking_list(
    tx: Transaction, bookings: Sequence[GuestBooking], *, recipient: str, language: str, now: datetime
) -> None:
    """The bookings of an address, each with its link, for who has lost the references."""
    await mail.queue(
        tx,
        event_key=f"booking_list:{uuid4()}",
        template="booking_list",
        language=language,
        recipient=recipient,
        data={
            "bookings": [
                {
                    "reference": booking.reference,
                    "property": booking.property_name,
                    "arrival": booking.arrival.isoformat(),
                    "departure": booking.departure.isoformat(),
                    "path": f"/booking/{booking.reference}",
                }
                for booking in bookings
            ]
        },
        now=now,
    )


def _event(booking: Booking, name: str) -> str:
    return f"booking:{booking.id}:{name}"


async def message_to_hotel(
    tx: Transaction, booking: Booking, *, number: int, hotel: str, text: str, now: datetime
) -> None:
    """What a guest wrote, to the hotel's own address; in English, as the panel is."""
    await mail.queue(
        tx,
        event_key=_event(booking, f"message:{number}"),
        template="guest_message",
        language="en",
        recipient=hotel,
        data={
            "name": booking.name,
            "reference": booking.reference,
            "property": booking.property_name,
            "arrival": booking.arrival.isoformat(),
            "text": text,
        },
        booking_id=booking.id,
        property_id=booking.property_id,
        now=now,
        limit=_TO_HOTEL,
    )


async def _queue(
    tx: Transaction,
    booking: Booking,
    name: str,
    template: str,
    data: dict[str, Any],
    *,
    now: datetime,
    withdraw: str | None = None,
    limit: MessageLimit | None = None,
) -> None:
    if not booking.email:
        return  # nobody to write to
    named = await booking_in(tx, booking, booking.language)
    rooms = Counter(room.room_type_name for room in named.coming)
    kinds = [f"{number} × {kind}" if number > 1 else kind for kind, number in rooms.items()]  # noqa: RUF001 - the sign of times, no x
    parties = [
        {
            "room": room.room_type_name,
            "adults": room.adults,
            "ages": list(room.children),
            "meal": room.terms.meal,
        }
        for room in named.coming
    ]
    await mail.queue(
        tx,
        event_key=_event(booking, name),
        template=template,
        language=booking.language,
        recipient=booking.email,
        data={**data, "property": named.property_name, "rooms": kinds, "parties": parties},
        booking_id=booking.id,
        property_id=booking.property_id,
        now=now,
        withdraw=withdraw,
        limit=limit,
    )


def _money(booking: Booking, now: datetime) -> dict[str, Any]:
    """What is paid and reserved, and when and where the rest is paid."""
    rest = payment_schedule(booking, now)
    return {
        "paid": booking.paid,
        "reserved": booking.reserved,
        "later": [{"day": day.isoformat(), "amount": amount} for day, amount in rest.later],
        # What is due already and was let in unpaid, by the hotel's own word, is paid in the house.
        "at_hotel": rest.now + rest.at_hotel,
    }


async def _whereabouts(tx: Transaction, booking: Booking) -> dict[str, Any]:
    """The hotel's address, and its country: a guest comes from anywhere. One statement."""
    where, country = await postal_address(tx, booking.property_id, booking.language)
    # In one for the release before, which may still be sending.
    return {"address": ", ".join(where), "where": where, "country": country}


async def _going_back(tx: Transaction, booking: Booking, now: datetime) -> list[dict[str, Any]]:
    """What is given back from now on, by the ways that it came: a transfer goes back to no card."""
    back: Counter[str] = Counter()
    for part in await returns.of_booking(tx, booking.id):
        if part.state == "due" and part.since >= now:
            back[part.way] += part.amount
    return [{"way": way, "amount": amount} for way, amount in back.items()]


async def _cancelled(tx: Transaction, booking: Booking, positions: Sequence[int]) -> list[dict[str, Any]]:
    """The rooms that were cancelled, as the guest reads of them, and their fees."""
    if not positions:
        return []
    named = await booking_in(tx, booking, booking.language)
    return [
        {"number": room.position, "room": room.room_type_name, "fee": room.fee}
        for room in named.reservations
        if room.position in positions
    ]


def _held_until(booking: Booking) -> dict[str, Any]:
    # A time alone means today's: a hold of the desk's is a day long.
    another = not same_day(booking.created_at, booking.hold_expires_at, booking.timezone)
    return {"expires": booking.hold_expires_at.isoformat(), "another_day": another}


def _facts(booking: Booking) -> dict[str, Any]:
    return {
        "name": booking.name,
        "reference": booking.reference,
        "timezone": booking.timezone,
        "arrival": min(room.arrival for room in booking.coming).isoformat(),
        "departure": max(room.departure for room in booking.coming).isoformat(),
        "total": booking.total,
        "currency": booking.currency,
        "path": f"/booking/{booking.reference}",
    }


def _times(booking: Booking) -> dict[str, str]:
    return {"check_in": f"{booking.check_in_time:%H:%M}", "check_out": f"{booking.check_out_time:%H:%M}"}


def _end_of_first_day(booking: Booking) -> datetime:
    return business_day_end(booking.arrival, booking.timezone, booking.day_end_time)
