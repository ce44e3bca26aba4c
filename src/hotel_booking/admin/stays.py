"""At the desk: check in and undo it, give rooms, check out. What is charged or stays open is said before, and
what really happened afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.acts import Act, carry_out
from hotel_booking.admin.booking_access import open_booking
from hotel_booking.admin.bookings import booking_page, room_choice
from hotel_booking.admin.desk_form import WAYS, desk_form
from hotel_booking.core.counting import count
from hotel_booking.core.dates import calendar_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import overrides, service
from hotel_booking.domains.bookings.due import still_open
from hotel_booking.domains.bookings.types import Booking, Reservation
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import money, page, see_other

_MANAGE = staff(Permission.STAYS_MANAGE)


@post("/bookings/{reference:str}/check-in", opt=_MANAGE)
async def check_in(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """The guests are there, all or those of some rooms, in the rooms that were chosen; or, with a reason, all
    the same."""
    booking = await open_booking(tx, reference, caller, Permission.STAYS_MANAGE)
    form = await sent(request)

    async def act() -> str:
        rooms = _rooms(form, booking)
        arriving = _chosen(form, booking, "arriving", booking.expected)
        form.check()
        inside = await service.check_in(
            tx, booking_id=booking.id, now=now, rooms=rooms, arriving=arriving, override=_reason(form)
        )
        who = "The guests" if arriving is None else f"The guests of {named(arriving)}"
        rest = f"; those of {count(len(inside.expected), 'room')} are expected" if inside.expected else ""
        if booking.reserved:
            taken = money(booking.reserved, booking.currency)
            return f"{who} are checked in{rest}; {taken} is being charged to the card."
        return f"{who} are checked in{rest}."

    return await carried_out(request, tx, caller, booking, now, form, act)


@get("/bookings/{reference:str}/undo-check-in", opt=_MANAGE)
async def show_undo_check_in(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """What stays as it is when a check-in is undone."""
    booking = await open_booking(tx, reference, caller, Permission.STAYS_MANAGE)
    try:
        await service.preview_undo_check_in(tx, booking_id=booking.id, now=now)
    except DomainError as error:
        form = Form.of().failed(error)
        return await booking_page(request, tx, caller, booking, now, form=form, status=422)
    wrong = service.last_checked_in(booking)
    others = [room.position for room in wrong] if len(wrong) < len(booking.inside) else []
    return page(
        request, "bookings/undo_check_in.html", booking=booking, rooms=wrong, only=others and named(others)
    )


@post("/bookings/{reference:str}/undo-check-in", opt=_MANAGE)
async def undo_check_in(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """The wrong guests were checked in."""
    booking = await open_booking(tx, reference, caller, Permission.STAYS_MANAGE)

    async def act() -> str:
        undone = await service.undo_check_in(tx, booking_id=booking.id, now=now)
        if undone.inside:
            return "The check-in has been undone; those who came before stay checked in."
        return "The check-in has been undone; the booking is confirmed."

    return await carried_out(request, tx, caller, booking, now, await sent(request), act)


@post("/bookings/{reference:str}/rooms", opt=_MANAGE)
async def give_rooms(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """Give rooms to guests who are in the hotel without one, or who will come."""
    booking = await open_booking(tx, reference, caller, Permission.STAYS_MANAGE)
    form = await sent(request)

    async def act() -> str:
        rooms = _rooms(form, booking)
        if not rooms:
            first = next((name for name in form.names() if name.startswith("room-")), "room-1")
            form.wrong(first, "choose a room")
        form.check()
        await service.give_rooms(tx, booking_id=booking.id, now=now, rooms=rooms, override=_reason(form))
        return _given(booking, rooms)

    return await carried_out(request, tx, caller, booking, now, form, act)


@get("/bookings/{reference:str}/check-out", opt=_MANAGE)
async def show_check_out(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """What is paid, what is open, and which nights go back on sale."""
    booking = await open_booking(tx, reference, caller, Permission.STAYS_MANAGE)
    if not booking.inside:
        return see_other(request, _page_of(booking), notice="Its guests are not in the house.")
    return check_out_page(request, caller, booking, now, Form.of())


@post("/bookings/{reference:str}/check-out", opt=_MANAGE)
async def check_out(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """The guests have left."""
    booking = await open_booking(tx, reference, caller, Permission.STAYS_MANAGE)
    form = await sent(request)

    async def act() -> str:
        rooms = _chosen(form, booking, "rooms", booking.inside)
        form.check()
        gone = await service.check_out(
            tx, booking_id=booking.id, now=now, rooms=rooms, override=_reason(form)
        )
        left = still_open(booking)
        rest = f"{money(left, booking.currency)} is outstanding." if left else "Nothing is outstanding."
        others = [
            f"those of {count(len(rooms_of), 'room')} are {what}"
            for rooms_of, what in ((gone.inside, "still here"), (gone.expected, "expected"))
            if rooms_of
        ]
        if others:
            who = "The guests" if rooms is None else f"The guests of {named(rooms)}"
            return f"{who} are checked out; {', '.join(others)}. {rest}"
        return f"The guests are checked out. {rest}"

    async def refused(form: Form) -> Response[str]:
        return check_out_page(request, caller, booking, now, form, status=422)

    # Only a booking that can be checked out has the page that asks about it.
    own = refused if booking.inside else None
    return await carried_out(request, tx, caller, booking, now, form, act, refused=own)


async def carried_out(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    booking: Booking,
    now: datetime,
    form: Form,
    act: Act,
    *,
    refused: Callable[[Form], Awaitable[Response[str]]] | None = None,
) -> Response[Any]:
    """Do something with a booking and go to its page with what `act` says. What is refused is shown by
    `refused`, the page that asked; without one, on the booking's page."""

    async def shown(error: DomainError) -> Response[str]:
        failed = form.failed(error)
        if refused is not None:
            return await refused(failed)
        return await booking_page(request, tx, caller, booking, now, form=failed, status=422)

    return await carry_out(request, tx, act, to=_page_of(booking), refused=shown)


async def sent(request: Request[Any, Any, State]) -> Form:
    """The form; an empty one for a button alone."""
    return await read(request) if request.headers.get("content-type") else Form.of()


def _rooms(form: Form, booking: Booking) -> dict[int, str]:
    """The rooms that were chosen, by position; one that is typed goes before the list. Who chose before
    somebody else gave another one is told so."""
    given: dict[int, str] = {}
    for room in booking.reservations:
        field, was = f"room-{room.position}", f"was-{room.position}"
        number = form.text(f"other-{room.position}", longest=20) or form.text(field, longest=20)
        if number and number in given.values():
            form.wrong(field, f"room {number} is chosen twice")
        elif number:
            given[room.position] = number
            if was in form.names() and form.value(was) != (room.room or "") and room.room != number:
                form.wrong(
                    field, f"somebody has given them {_room(room.room)} meanwhile; nothing was changed"
                )
    return given


def _room(number: str | None) -> str:
    return f"room {number}" if number else "no room"


def _given(booking: Booking, rooms: Mapping[int, str]) -> str:
    """What was done, in words."""
    if len(rooms) > 1:
        return "The rooms have been assigned."
    ((position, number),) = rooms.items()
    room = next(room for room in booking.reservations if room.position == position)
    if room.room and room.status == "checked_in":
        return f"The guests have been moved to room {number}."
    return f"Room {number} has been assigned."


def _chosen(form: Form, booking: Booking, field: str, among: Sequence[Reservation]) -> list[int] | None:
    """The rooms whose guests come or leave, where it can be chosen `among` several; else None."""
    if len(among) < 2 and field not in form.names():
        return None
    chosen = form.choices(field, [str(room.position) for room in booking.reservations])
    if not chosen:
        form.wrong(field, "choose at least one room")
    return [int(position) for position in chosen]


def named(positions: Sequence[int]) -> str:
    """Rooms of a booking in words: room 2; rooms 1 and 3."""
    *others, last = map(str, positions)
    return f"rooms {', '.join(others)} and {last}" if others else f"room {last}"


def _reason(form: Form) -> str | None:
    return form.text("override_reason", longest=overrides.LONGEST) or None


def _page_of(booking: Booking) -> str:
    return f"/admin/bookings/{booking.reference}"


def check_out_page(
    request: Request[Any, Any, State],
    caller: Caller,
    booking: Booking,
    now: datetime,
    form: Form,
    status: int = 200,
) -> Response[str]:
    """What is asked before guests leave, with a form that was refused where there is one."""
    left = calendar_date(now, booking.timezone)
    back = {room.position: max((room.departure - max(left, room.arrival)).days, 0) for room in booking.inside}
    nights = sum(back.values())
    return page(
        request,
        "bookings/check_out.html",
        status=status,
        booking=booking,
        form=form,
        left_open=still_open(booking),
        desk=desk_form(booking, caller, form),
        ways=WAYS,
        given_back=count(nights, "room-night") if nights else "",
        departed=left,
        expected=count(len(booking.expected), "room") if booking.expected else "",
        rooms=_choices(booking, back),
        chosen=form.many("rooms") if form.many("rooms") or "rooms" in form.errors else [*map(str, back)],
    )


def _choices(booking: Booking, back: Mapping[int, int]) -> list[tuple[str, str]]:
    """The rooms whose guests may leave alone, with what of each goes `back` on sale; none where there is one
    room."""
    if len(booking.inside) < 2:
        return []
    return [
        room_choice(room, f"{count(nights, 'night')} back on sale" if (nights := back[room.position]) else "")
        for room in booking.inside
    ]


handlers = [
    check_in,
    show_undo_check_in,
    undo_check_in,
    give_rooms,
    show_check_out,
    check_out,
]
