"""What staff do with a booking: confirm it, change it with a preview, cancel it with a preview."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.booking_access import open_booking
from hotel_booking.admin.bookings import booking_page, chosen_rooms, room_choice
from hotel_booking.admin.stays import carried_out, named
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.typed_numbers import number_list
from hotel_booking.domains.bookings import notes, service
from hotel_booking.domains.bookings.due import cancellation_fee, refund_stages
from hotel_booking.domains.bookings.errors import WrongState, not_changeable
from hotel_booking.domains.bookings.queries import booking_by_id
from hotel_booking.domains.bookings.service.cancel import cancellation_at
from hotel_booking.domains.bookings.types import Booking, RoomChange, StayChange
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.identity.service.confirmation import require_recent
from hotel_booking.domains.rates.queries import load_catalogue
from hotel_booking.domains.rates.types import MAX_ADULTS, MAX_CHILD_AGE, MAX_CHILDREN
from hotel_booking.http.access import staff
from hotel_booking.http.metrics import note_booking
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import day, money, page, see_other

_SHORTEST_REASON = 5
# What staff can do about a booking that is no longer to be cancelled; they are whom guests are told to ask.
_INSTEAD = {
    "checked_in": "undo the check-in first, or check the guests out; rooms that nobody comes to are no-shows"
}


@post("/bookings/{reference:str}/guarantee", opt=staff(Permission.BOOKINGS_CREATE))
async def guarantee(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """Confirm a hold on the hotel's own word."""
    booking = await open_booking(tx, reference, caller, Permission.BOOKINGS_CREATE)

    async def act() -> str:
        await service.guarantee(tx, booking_id=booking.id, now=now)
        note_booking(request, "confirmed")
        return "The booking is confirmed; the guest pays at the hotel."

    return await carried_out(request, tx, caller, booking, now, Form.of(), act)


@get("/bookings/{reference:str}/cancel", opt=staff(Permission.BOOKINGS_CANCEL))
async def preview_cancel(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[str]:
    """What cancelling costs by the policy that was sold: the booking, or rooms of it."""
    booking = await open_booking(tx, reference, caller, Permission.BOOKINGS_CANCEL)
    form = Form({"rooms": request.query_params.getall("rooms", [])})
    return await _cancel_page(request, tx, caller, booking, now, form)


@post("/bookings/{reference:str}/cancel", opt=staff(Permission.BOOKINGS_CANCEL))
async def cancel(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """Cancel all of it, or the rooms that are named, at the fee that was shown; or, with a reason, let it
    go."""
    booking = await open_booking(tx, reference, caller, Permission.BOOKINGS_CANCEL)
    form = await read(request)
    waive = form.flag("waive")
    if waive:
        caller.require_permission(Permission.BOOKINGS_WAIVE, booking.property_id)
        require_recent(caller, now)

    async def act() -> str:
        seen = form.shown_amount("fee", required=not waive)
        reason = form.text("reason", longest=1000)
        if waive and len(reason) < _SHORTEST_REASON:
            form.wrong("reason", f"must be at least {_SHORTEST_REASON} characters")
        rooms = chosen_rooms(form, booking)
        form.check()
        full = cancellation_at(booking, now, rooms=rooms).fee
        result = await service.cancel(
            tx, booking_id=booking.id, now=now, rooms=rooms, waive=waive, expected_fee=None if waive else seen
        )
        changed = await booking_by_id(tx, booking.id)
        whole = changed.status == "cancelled"
        which = "" if whole or rooms is None else f" of {named(rooms)}"
        if waive:
            waived = money(full - result.fee, booking.currency)
            text = f"Cancellation fee{which} of {waived} waived: {reason}"
            await notes.add(tx, booking_id=booking.id, staff_id=caller.staff_id or 0, text=text, now=now)
        back = f"; {money(result.refund, booking.currency)} will be refunded" if result.refund else ""
        if whole or rooms is None:
            note_booking(request, "cancelled")
            return f"The booking has been cancelled{back}."
        what, total = named(rooms), money(changed.total, changed.currency)
        verb = "have" if len(rooms) > 1 else "has"
        return f"{what[0].upper()}{what[1:]} {verb} been cancelled; the booking comes to {total}{back}."

    async def refused(form: Form) -> Response[str]:
        # As it is now: somebody else may have cancelled it, or checked its guests in.
        current = await booking_by_id(tx, booking.id)
        return await _cancel_page(request, tx, caller, current, now, form, status=422)

    return await carried_out(request, tx, caller, booking, now, form, act, refused=refused)


@get("/bookings/{reference:str}/amend", opt=staff(Permission.BOOKINGS_AMEND))
async def show_amend(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """The stay as it is, to be changed; of guests who are in the house, the departure."""
    booking = await open_booking(tx, reference, caller, Permission.BOOKINGS_AMEND)
    if booking.status == "checked_in":
        return see_other(request, f"/admin/bookings/{booking.reference}/departure")
    if booking.status != "confirmed":
        return await _not_changed(request, tx, caller, booking, now)
    return await _amend_page(request, tx, booking, _as_it_is(booking))


@post("/bookings/{reference:str}/amend", opt=staff(Permission.BOOKINGS_AMEND))
async def amend(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """Preview the change, or make it at the total that was shown."""
    booking = await open_booking(tx, reference, caller, Permission.BOOKINGS_AMEND)
    form = await read(request)
    if booking.status != "confirmed":
        return await _not_changed(request, tx, caller, booking, now)
    form, changed = _compared(form, booking)
    if changed:
        return await _amend_page(request, tx, booking, form, status=409)
    try:
        arrival, departure = form.day("arrival", required=True), form.day("departure", required=True)
        changes = [_room_change(form, room.position) for room in booking.staying]
        agreed = form.shown_amount("agreed_total") if form.value("act") == "confirm" else None
        form.check()
        wanted: StayChange = {
            "booking_id": booking.id,
            "now": now,
            "arrival": arrival,
            "departure": departure,
            "rooms": changes,
            "by_guest": False,
        }
        if agreed is None:
            preview = await service.preview_amend(tx, **wanted)
            return await _amend_page(request, tx, booking, form, preview=preview)
        async with tx.savepoint():
            await service.amend(tx, **wanted, expected_total=agreed)
    except DomainError as error:
        return await _amend_page(request, tx, booking, form.failed(error), status=422)
    return see_other(request, f"/admin/bookings/{booking.reference}", notice="The booking has been changed.")


async def _not_changed(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, booking: Booking, now: datetime
) -> Response[str]:
    """A link or a form of a booking that is no longer to be changed: what it is now."""
    error = not_changeable(booking.status)
    return await booking_page(request, tx, caller, booking, now, form=Form.of().failed(error), status=422)


async def _cancel_page(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    booking: Booking,
    now: datetime,
    form: Form,
    status: int = 200,
) -> Response[str]:
    try:
        rooms = chosen_rooms(form, booking)
        cost = cancellation_at(booking, now, rooms=rooms)
        going = service.going_of(booking, rooms)
    except DomainError as error:
        if isinstance(error, WrongState) and booking.status in _INSTEAD:
            error.fix = _INSTEAD[booking.status]
        # The booking's page has no field of these.
        return await booking_page(request, tx, caller, booking, now, form=Form.of().failed(error), status=422)
    part = len(going) < len(booking.staying)
    several = booking.status == "confirmed" and len(booking.staying) > 1
    fees = {room.position: cancellation_fee(booking, room, now) for room in booking.staying}
    return page(
        request,
        "bookings/cancel.html",
        status=422 if form.errors else status,
        booking=booking,
        stages=[] if part else refund_stages(booking, now),
        cost=cost,
        form=form,
        part=named([room.position for room in going]) if part else "",
        total=booking.total - sum(room.total for room in going) + cost.fee,
        choices=[
            room_choice(room, f"fee {money(fees[room.position], booking.currency)}")
            for room in booking.staying
            if several
        ],
        chosen=[str(room.position) for room in going],
    )


async def _amend_page(
    request: Request[Any, Any, State],
    tx: Transaction,
    booking: Booking,
    form: Form,
    *,
    preview: Any = None,
    status: int = 200,
) -> Response[str]:
    catalogue = await load_catalogue(tx, booking.property_slug, off_sale=True)
    kinds = {kind.code: kind.name for kind in catalogue.room_types.values()}
    plans = {plan.code: plan.name for plan in catalogue.plans.values()}
    # What is booked may be off sale by now: it is kept unless somebody chooses another.
    for room in booking.staying:
        kinds.setdefault(room.room_type, f"{room.room_type_name} (off sale)")
        plans.setdefault(room.rate_plan, f"{room.rate_plan_name} (off sale)")
    return page(
        request,
        "bookings/amend.html",
        status=status,
        booking=booking,
        form=form,
        seen={name: was for name, (was, _) in _fields(booking).items()},
        preview=preview,
        most_adults=MAX_ADULTS,
        room_types=list(kinds.items()),
        rate_plans=list(plans.items()),
    )


def _fields(booking: Booking) -> dict[str, tuple[str, str]]:
    """The stay as the form's fields hold it, and as staff read it."""
    first = booking.staying[0]
    shown = {
        "arrival": (first.arrival.isoformat(), day(first.arrival)),
        "departure": (first.departure.isoformat(), day(first.departure)),
    }
    for room in booking.staying:
        children = ", ".join(map(str, room.children))
        shown |= {
            f"room_type-{room.position}": (room.room_type, room.room_type_name),
            f"rate_plan-{room.position}": (room.rate_plan, room.rate_plan_name),
            f"adults-{room.position}": (str(room.adults), str(room.adults)),
            f"children-{room.position}": (children, children or "no children"),
        }
    return shown


def _as_it_is(booking: Booking) -> Form:
    return Form.of(**{name: value for name, (value, _) in _fields(booking).items()})


def _compared(form: Form, booking: Booking) -> tuple[Form, bool]:
    """The form, and whether somebody has changed the booking since its page was opened: what it is by now
    stands beside the field then, and in it, unless it was about to be changed."""
    values = {name: form.many(name) for name in form.names()}
    told: dict[str, str] = {}
    for name, (current, words) in _fields(booking).items():
        was = form.value(f"was-{name}")
        if f"was-{name}" in values and was != current and form.value(name) != current:
            told[name] = f"somebody has changed this meanwhile: it is now {words}"
            if form.value(name) == was:
                values[name] = [current]
    compared = Form(values)
    for name, words in told.items():
        compared.wrong(name, words)
    return compared, bool(told)


def _room_change(form: Form, position: int) -> RoomChange:
    return RoomChange(
        position,
        room_type=form.text(f"room_type-{position}", longest=40) or None,
        rate_plan=form.text(f"rate_plan-{position}", longest=40) or None,
        adults=form.whole(f"adults-{position}", 1, MAX_ADULTS, required=True),
        children=ages(form, f"children-{position}"),
    )


def ages(form: Form, name: str) -> tuple[int, ...]:
    """Children's ages such as "5, 9"."""
    parts = number_list(form.text(name, longest=200))
    if any(not (part.isascii() and part.isdecimal()) or int(part) > MAX_CHILD_AGE for part in parts):
        form.wrong(name, f"must be ages from 0 to {MAX_CHILD_AGE}, such as 5, 9")
        return ()
    if len(parts) > MAX_CHILDREN:
        form.wrong(name, f"is for at most {MAX_CHILDREN} children; make several bookings for more")
        return ()
    return tuple(map(int, parts))


handlers = [
    guarantee,
    preview_cancel,
    cancel,
    show_amend,
    amend,
]
