"""Bookings: hold, pay, look, amend, cancel."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter

from hotel_booking.api.booking_access import open_booking, open_to_change
from hotel_booking.api.booking_answers import (
    BookingAnswer,
    CancellationAnswer,
    booking_answer,
    cancellation_answer,
)
from hotel_booking.api.positions import Positions, positions
from hotel_booking.api.prices import PriceLine, price_lines
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.money import Money
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.agreement import card_terms
from hotel_booking.domains.bookings.overrides import LONGEST, SHORTEST
from hotel_booking.domains.bookings.queries import booking_by_id
from hotel_booking.domains.bookings.types import Amendment, RoomChange, StayChange
from hotel_booking.domains.guests.types import GuestDetails
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.domains.rates.types import MAX_ROOMS
from hotel_booking.http.access import guest_or, public
from hotel_booking.http.answers import created, secret
from hotel_booking.http.examples import ARRIVAL, example, later
from hotel_booking.http.holder import holder_of
from hotel_booking.http.metrics import note_booking
from hotel_booking.http.openapi import ANSWERS, PROBLEMS
from hotel_booking.http.preconditions import IfMatch, content_tag, tagged

Text = Annotated[str, msgspec.Meta(max_length=2000)]
Reason = Annotated[str, msgspec.Meta(min_length=SHORTEST, max_length=LONGEST)]
GuestName = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class BookingRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A booking from a quote. `room_guests` names a guest for each room, in the quote's order."""

    quote: UUID
    guest: GuestDetails
    requests: Text | None = None
    room_guests: Annotated[list[GuestName | None], msgspec.Meta(max_length=MAX_ROOMS)] = []


class HeldAnswer(BookingAnswer, frozen=True, kw_only=True):
    """A fresh hold. `access_token` is shown only once: it gives the guest access to the booking."""

    access_token: str


class PaymentRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token from the payment gateway; after `requires_action`, the token of the answer. Without a token the
    gateway's own form asks for the card: the answer is `requires_action` with what that form needs.

    `method` is one of the ways to pay that the property takes (default: by card). `keep_card` says that the
    guest has read and accepted `card_terms` of the booking: later charges are taken from the same card.
    `expected_amount` (minor units) is what the guest saw; another amount is refused with `price_changed`.
    `balance` pays what is still open of a confirmed booking.
    """

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=300)] | None = None
    method: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    keep_card: bool = False
    expected_amount: Annotated[int, msgspec.Meta(ge=0)] | None = None
    balance: bool = False


class PaymentAnswer(msgspec.Struct, frozen=True):
    """The outcome of the payment. With `requires_action`, send `action_token` after the guest's second step,
    or open the gateway's form with it, or follow `action_text` (a transfer); with `pending` the gateway has
    not responded yet: check the booking again in a minute."""

    status: Literal["confirmed", "requires_action", "pending"]
    booking: BookingAnswer
    action_token: str | None = None
    action_text: str | None = None


class CancelRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`rooms` are the rooms to cancel, by the reservation's position: `[2]`; without it, all that are left.
    `expected_fee` (minor units) is what was shown; another fee is refused with `price_changed`."""

    rooms: Positions | None = None
    expected_fee: Annotated[int, msgspec.Meta(ge=0)] | None = None


class CancelAnswer(msgspec.Struct, frozen=True):
    """What was cancelled (`status`; the booking itself has its own) and what goes back to the guest. `owed`
    is what of the fee was never paid; where rooms are left, what is open of the booking."""

    status: Literal["cancelled"]
    refund: Money
    fee: Money
    owed: Money
    booking: BookingAnswer


class AmendRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change; fields left out stay. With `preview` nothing changes. `expected_total` (minor units)
    refuses the change where the price is no longer the one of the preview. Of guests who are in the house
    staff change `departure` alone; `override_reason` passes over a restriction then (the refusal has
    `override`), and is kept with the booking."""

    arrival: date | None = None
    departure: date | None = None
    rooms: Annotated[list[RoomChange], msgspec.Meta(max_length=MAX_ROOMS)] = []
    preview: bool = False
    expected_total: int | None = None
    override_reason: Reason | None = None


class AmendedRoom(msgspec.Struct, frozen=True):
    """One room as it will be, or is now."""

    position: int
    arrival: date
    departure: date
    room_type: str
    rate_plan: str
    adults: int
    children: tuple[int, ...]
    total: Money
    lines: list[PriceLine]


class AmendAnswer(msgspec.Struct, frozen=True):
    """The new price. `difference` is the new total less the old; `refund` is refunded at once, and `due_now`
    is to be paid at once: taken from the card on file, else asked for by mail. The rest is due as the rate
    plan says."""

    preview: bool
    total: Money
    difference: Money
    refund: Money
    due_now: Money
    rooms: list[AmendedRoom]


@post(
    "/bookings",
    opt=public()
    | created("reference")
    | example(
        lambda _: {
            "quote": "0198c2a4-6f0e-7c1b-9f43-5d2f6f0a1b2c",
            "guest": {
                "given_name": "Ana",
                "family_name": "Silva",
                "email": "ana@example.com",
                "phone": "+351 21 000 0000",
                "country": "PT",
            },
            "requests": "A quiet room, please",
        }
    )
    | secret(),
    tags=["Booking"],
    summary="Hold the rooms of a quote",
)
async def create_booking(
    data: BookingRequest,
    tx: Transaction,
    now: datetime,
    caller: Caller,
    settings: Settings,
    request: Request[Any, Any, State],
) -> HeldAnswer:
    """Takes all rooms of the quote, or none, and holds them until `hold_expires_at` while the guest pays.
    Send an `Idempotency-Key`, so that a repeated request never books twice."""
    held = await service.hold(
        tx,
        quote_id=data.quote,
        guest=data.guest,
        guest_names=data.room_guests,
        requests=data.requests,
        source=f"key:{caller.key_id}" if caller.kind == "key" else "api",
        holder=holder_of(request, settings),
        now=now,
        lifetime=timedelta(minutes=settings.hold_minutes),
    )
    note_booking(request, "held", held.booking.reference)
    answer = booking_answer(held.booking, now)
    return HeldAnswer(**msgspec.structs.asdict(answer), access_token=held.access_token)


@post(
    "/bookings/{reference:str}/payments",
    opt=guest_or(Scope.BOOKINGS_WRITE)
    | example(lambda _: {"token": "tok_success"})
    | {PROBLEMS: (402,), ANSWERS: {202: "The gateway has not responded yet: `status` is `pending`."}},
    tags=["Booking"],
    summary="Pay or guarantee, and confirm",
    status_code=200,
)
async def create_payment(
    reference: str,
    data: PaymentRequest,
    database: Database,
    gateways: Gateways,
    now: datetime,
    caller: Caller,
) -> Response[PaymentAnswer]:
    """Charges what is due now, or checks the guarantee if nothing is due, and confirms the booking."""
    async with database.reading() as tx:
        booking = await open_booking(tx, reference, caller)
    gateway = gateways.card if data.method in (None, "card") else gateways.of(data.method or "")
    paid = await service.pay(
        database,
        gateway,
        booking_id=booking.id,
        token=data.token,
        agreement=card_terms(booking) if data.keep_card else None,
        expected=data.expected_amount,
        balance=data.balance,
        now=now,
    )
    answer = PaymentAnswer(
        paid.status, booking_answer(paid.booking, now), paid.action_token, paid.action_text
    )
    return Response(answer, status_code=202 if paid.status == "pending" else 200)


@get(
    "/bookings/{reference:str}",
    opt=guest_or(Scope.BOOKINGS_READ),
    tags=["Booking"],
    summary="Retrieve a booking",
)
async def get_booking(
    reference: str, tx: Transaction, now: datetime, caller: Caller
) -> Response[BookingAnswer]:
    """The booking with every reservation, its price line by line, and what cancelling costs now."""
    answer = booking_answer(await open_booking(tx, reference, caller), now)
    return tagged(answer, content_tag(answer))


@get(
    "/bookings/{reference:str}/cancellation",
    opt=guest_or(Scope.BOOKINGS_READ) | {PROBLEMS: (409,)},
    tags=["Booking"],
    summary="Preview a cancellation",
)
async def preview_cancellation(
    reference: str,
    tx: Transaction,
    now: datetime,
    caller: Caller,
    rooms: Annotated[
        str | None,
        QueryParameter(
            description="The rooms to cancel, by position: `2,3`. Without it, all that are left.",
            max_length=60,
        ),
    ] = None,
) -> CancellationAnswer:
    """A preview: changes nothing."""
    return cancellation_answer(await open_booking(tx, reference, caller), now, positions(rooms))


@post(
    "/bookings/{reference:str}/cancel",
    opt=guest_or(Scope.BOOKINGS_WRITE) | example(lambda _: {"rooms": [1]}),
    tags=["Booking"],
    summary="Cancel",
    status_code=200,
)
async def cancel_booking(
    reference: str,
    tx: Transaction,
    now: datetime,
    caller: Caller,
    if_match: IfMatch,
    request: Request[Any, Any, State],
    data: CancelRequest | None = None,
) -> CancelAnswer:
    """Cancels under the policy the booking was sold with; what is not kept is refunded automatically. Before
    anybody has come, single rooms can be cancelled: the booking stays `confirmed`, and its `total` has their
    fee in place of their price. With the last of its rooms the booking is `cancelled`."""
    booking = await open_to_change(tx, reference, caller, if_match, now)
    asked = data or CancelRequest()
    result = await service.cancel(
        tx, booking_id=booking.id, now=now, rooms=asked.rooms, expected_fee=asked.expected_fee
    )
    booking = await booking_by_id(tx, booking.id)
    if booking.status == "cancelled":
        note_booking(request, "cancelled")
    return CancelAnswer(
        status="cancelled",
        refund=Money(result.refund, result.currency),
        fee=Money(result.fee, result.currency),
        owed=Money(result.owed, result.currency),
        booking=booking_answer(booking, now),
    )


@post(
    "/bookings/{reference:str}/amend",
    opt=guest_or(Scope.BOOKINGS_WRITE)
    | example(
        lambda today: {
            "departure": later(today, ARRIVAL + 3),
            "rooms": [{"position": 1, "adults": 1}],
            "preview": True,
        }
    ),
    tags=["Booking"],
    summary="Change dates, rooms or guests",
    status_code=200,
)
async def amend_booking(
    reference: str, data: AmendRequest, tx: Transaction, now: datetime, caller: Caller, if_match: IfMatch
) -> AmendAnswer:
    """Unchanged nights keep their price; the old nights are released only once the new ones are taken.
    Guests who are in the house stay longer or leave earlier in the rooms that they have: `room_in_use` where
    one is given to others on a further night, `fee_kept` where the booking's policy keeps more than the
    shortened stay costs."""
    wanted: StayChange = {
        "booking_id": (await open_to_change(tx, reference, caller, if_match, now)).id,
        "now": now,
        "arrival": data.arrival,
        "departure": data.departure,
        "rooms": data.rooms,
        "by_guest": caller.kind != "key",
        "override": data.override_reason,
    }
    if data.preview:
        result = await service.preview_amend(tx, **wanted)
    else:
        result = await service.amend(tx, **wanted, expected_total=data.expected_total)
    return _amended(result, preview=data.preview)


def _amended(result: Amendment, *, preview: bool) -> AmendAnswer:
    currency = result.currency
    return AmendAnswer(
        preview=preview,
        total=Money(result.booking_total, currency),
        difference=Money(result.difference, currency),
        refund=Money(result.refund, currency),
        due_now=Money(result.due_now, currency),
        rooms=[
            AmendedRoom(
                position=room.position,
                arrival=room.arrival,
                departure=room.departure,
                room_type=room.room_type,
                rate_plan=room.rate_plan,
                adults=room.adults,
                children=room.children,
                total=Money(room.total, currency),
                lines=price_lines(room.lines, currency),
            )
            for room in result.reservations
        ],
    )


handlers = [
    create_booking,
    create_payment,
    get_booking,
    preview_cancellation,
    cancel_booking,
    amend_booking,
]
