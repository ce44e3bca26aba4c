"""One booking: guest, rooms with their prices line by line, money, notes, and everything that happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.booking_access import open_booking
from hotel_booking.admin.desk_form import WAYS, desk_form
from hotel_booking.admin.fee_words import fee_sentence
from hotel_booking.core.code_names import called, headed, value_called
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.audit import queries
from hotel_booking.domains.audit.queries import AuditEntry
from hotel_booking.domains.bookings import notes, overrides, service
from hotel_booking.domains.bookings.due import balance, refund_stages, still_open
from hotel_booking.domains.bookings.notes import Note
from hotel_booking.domains.bookings.overrides import Override
from hotel_booking.domains.bookings.pricing import price_of
from hotel_booking.domains.bookings.queries import free_rooms
from hotel_booking.domains.bookings.types import Booking, Reservation
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.notifications import queries as mail
from hotel_booking.domains.notifications.types import Message
from hotel_booking.domains.payments import queries as payments
from hotel_booking.domains.rates.cancellation import describe
from hotel_booking.domains.rates.pricing import night_totals
from hotel_booking.domains.rates.types import CancellationTerms, Line
from hotel_booking.domains.reporting.entry_names import names_in_entries
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import EntryContext, money, page, see_other

_OVERRIDE = "stay_override"


class ShownRoom(msgspec.Struct, frozen=True):
    """A room of the booking with its price and policy as sold; `free` are rooms that it can be given, if it
    may be given one now."""

    reservation: Reservation
    lines: tuple[Line, ...]
    policy: CancellationTerms
    may_give: bool
    free: list[str]

    @property
    def other(self) -> str:
        """The field for a room that is not among them."""
        return f"other-{self.reservation.position}"

    @property
    def free_pairs(self) -> list[tuple[str, str]]:
        """The free rooms for a select."""
        return [(number, f"Room {number}") for number in self.free]


class Event(msgspec.Struct, frozen=True):
    """One thing that happened. `entry` holds what changed where the audit log tells of it."""

    at: datetime
    title: str
    by: str
    kind: str
    entry: AuditEntry | None = None
    link: str = ""


@get("/bookings/{reference:str}", opt=staff(Permission.BOOKINGS_VIEW))
async def show_booking(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[str]:
    """All that is known of a booking."""
    return await booking_page(request, tx, caller, await open_booking(tx, reference, caller), now)


@post("/bookings/{reference:str}/notes", opt=staff(Permission.BOOKINGS_NOTE))
async def add_note(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """Write something down."""
    booking = await open_booking(tx, reference, caller, Permission.BOOKINGS_NOTE)
    form = await read(request)
    try:
        text = form.text("text", required=True, longest=notes.LONGEST)
        form.check()
        await notes.add(tx, booking_id=booking.id, staff_id=caller.staff_id or 0, text=text, now=now)
    except DomainError as error:
        return await booking_page(request, tx, caller, booking, now, form=form.failed(error), status=422)
    return see_other(request, f"/admin/bookings/{booking.reference}#notes", notice="The note has been added.")


@post("/bookings/{reference:str}/answered", opt=staff(Permission.BOOKINGS_NOTE))
async def mark_answered(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """The guest's messages, as far as the page showed them, have been answered."""
    booking = await open_booking(tx, reference, caller, Permission.BOOKINGS_NOTE)
    form = await read(request)
    try:
        until = form.whole("until", 1, 2**62, required=True)
        form.check()
        await notes.mark_answered(tx, booking_id=booking.id, until=until or 0, now=now)
    except DomainError as error:
        return await booking_page(request, tx, caller, booking, now, form=form.failed(error), status=422)
    notice = "The guest’s messages are marked as answered."
    return see_other(request, f"/admin/bookings/{booking.reference}#notes", notice=notice)


async def booking_page(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    booking: Booking,
    now: datetime,
    *,
    form: Form | None = None,
    status: int = 200,
) -> Response[str]:
    """The page of a booking, with a form that was refused where there is one."""
    today = business_date(now, booking.timezone, booking.day_end_time)
    may_act = caller.may(Permission.STAYS_MANAGE, booking.property_id)
    begun = today >= booking.arrival
    # Until a stay is over by the book: then who has not come is a no-show.
    coming = (
        begun
        and may_act
        and (booking.status == "confirmed" or any(today < room.departure for room in booking.expected))
    )
    may_give = booking.status in ("confirmed", "checked_in") and may_act
    to_give = booking.staying if may_give else ()
    rooms = [await _shown(tx, booking, room, room in to_give, today, now) for room in booking.reservations]
    written = await notes.of_booking(tx, booking.id)
    may_see_money = caller.may(Permission.PAYMENTS_VIEW, booking.property_id)
    paid = await payments.of_booking(tx, booking.id) if may_see_money else None
    entries = await queries.history_of_booking(tx, booking.id)
    return page(
        request,
        "bookings/detail.html",
        status=status,
        booking=booking,
        rooms=rooms,
        notes=written,
        waiting=max((note.id for note in written if note.waiting), default=0),
        payments=paid,
        stages=refund_stages(booking, now) if booking.status == "confirmed" else [],
        events=_history(
            booking,
            entries,
            await mail.of_booking(tx, booking.id),
            written,
            await overrides.of_booking(tx, booking.id),
            caller.may(Permission.MAIL_VIEW, booking.property_id),
        ),
        form=form or Form.of(),
        owed=_owed(booking),
        arriving=coming and booking.status in ("confirmed", "checked_in"),
        arrivals=[room_choice(room) for room in booking.expected if len(booking.expected) > 1],
        missing=begun and may_act and booking.status in ("confirmed", "checked_in") and booking.expected,
        undoable=may_act and service.checked_in_today(booking, now),
        without_room=any(room.room is None for room in to_give),
        kept=EntryContext(booking.currency, booking.timezone, await names_in_entries(tx, entries)),
        fee=fee_sentence(await service.fee_outcome(tx, booking), booking.currency),
        balance=0 if booking.status == "held" else balance(booking),
        left_open=still_open(booking),
        desk=desk_form(booking, caller, form),
        ways=WAYS,
        to_give_back=sum(
            item.amount
            for item in paid or []
            if item.kind == "refund" and item.status == "due" and item.at_desk
        ),
        now=now,
    )


def room_choice(room: Reservation, more: str = "") -> tuple[str, str]:
    """A room of a booking among others to choose from: its position, and which one it is."""
    parts = (f"Room {room.position}: {room.room_type_name}", room.room, room.guest_name, more)
    return str(room.position), ", ".join(part for part in parts if part)


def chosen_rooms(form: Form, booking: Booking) -> list[int] | None:
    """The rooms that a form names; None where it names none: all that it can be about. Others than those
    whose cost it showed (`seen`) are refused: what is done is what the button says, and what is ticked."""
    named = form.choices("rooms", [str(room.position) for room in booking.reservations])
    if form.many("seen") and {*form.many("seen")} != {*named}:
        form.wrong("rooms", "check what it costs for these rooms, and confirm again")
    return [int(text) for text in named] or None


async def _shown(
    tx: Transaction, booking: Booking, room: Reservation, may_give: bool, today: date, now: datetime
) -> ShownRoom:
    price = price_of(room, room.terms)
    policy = describe(
        room.terms.policy,
        arrival=room.arrival,
        timezone=booking.timezone,
        currency=booking.currency,
        total=room.total,
        night_totals=night_totals(price),
        at=now,
    )
    free = await free_rooms(tx, room, since=today) if may_give else []
    return ShownRoom(room, price.lines, policy, may_give, free)


def _owed(booking: Booking) -> int:
    """What the booking comes to: its total, or what is charged for one that does not stand."""
    dead = booking.status in ("cancelled", "expired", "no_show")
    return booking.fee if dead else booking.total


def _history(
    booking: Booking,
    entries: list[AuditEntry],
    sent: list[Message],
    written: list[Note],
    overridden: list[Override],
    may_mail: bool,
) -> list[Event]:
    several = len(booking.reservations) > 1
    numbers = {str(room.id): f" {room.position}" for room in booking.reservations if several}
    # Which room is used by which of the booking is said where it begins alone.
    for entry in entries:
        values = entry.after or entry.before or {}
        if entry.object_kind == "room_use" and (number := numbers.get(str(values.get("reservation_id")))):
            numbers[entry.object_id] = f" of room{number}"
    events = [
        _change(entry, numbers, booking.currency)
        for entry in entries
        if entry.object_kind not in ("note", _OVERRIDE)
    ]
    by = {
        entry.object_id: entry.actor_name or called(entry.actor_kind, "actor")
        for entry in entries
        if entry.object_kind == _OVERRIDE
    }
    events += [
        Event(one.made_at, f"Override: {one.detail}. Reason: {one.reason}", by.get(str(one.id), ""), "note")
        for one in overridden
    ]
    events += [
        Event(
            message.created_at,
            f"Mail: {message.subject or called(message.template, 'message')}"
            f" ({called(message.status, 'mail')})",
            "",
            "mail",
            link=f"/admin/mail/{message.id}" if may_mail else "",
        )
        for message in sent
    ]
    events += [
        Event(note.created_at, note.text[:300], note.author or "the guest", "note") for note in written
    ]
    return sorted(events, key=lambda event: event.at, reverse=True)


def _change(entry: AuditEntry, numbers: Mapping[str, str], currency: str) -> Event:
    """What somebody did; `numbers` tell the rooms of the booking apart. What was paid or refunded says how
    much."""
    after = entry.after or {}
    if entry.object_kind == "guest_message":
        title = "The guest’s message has been answered"
        return Event(entry.at, title, entry.actor_name or called(entry.actor_kind, "actor"), "note")
    of = f"{headed(entry.object_kind, 'object')}{numbers.get(entry.object_id, '')}"
    title = f"{of} {called(entry.action, 'act')}"
    if "status" in after and entry.action == "update":
        status = value_called(str(after["status"]), "status", entry.object_kind)
        if after.get("reversal"):
            status = "reversed"  # taken back by staff: no gateway let it go
        title = f"{of}: {status}"
    elif entry.action == "insert" and isinstance(amount := after.get("amount"), int) and amount:
        title = f"{title}: {money(amount, currency)}"
    by = entry.actor_name or called(entry.actor_kind, "actor")
    return Event(entry.at, title, by, entry.object_kind, entry=entry)


handlers = [show_booking, add_note, mark_answered]
