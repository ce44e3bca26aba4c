"""Room types: what guests book."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.catalogue import frame, select_options
from hotel_booking.core.code_names import headed
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.formats import for_field
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.domains.bookings import removal
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.inventory.tables import room as rooms_table
from hotel_booking.domains.properties import queries, tables
from hotel_booking.domains.properties.beds import bed_kind
from hotel_booking.domains.properties.catalogue import Property, RoomType
from hotel_booking.domains.properties.service import room_types as service
from hotel_booking.domains.properties.topics import ROOM_TOPICS
from hotel_booking.domains.properties.types import NewRoomType, RoomTypeChange
from hotel_booking.domains.properties.vocabularies import ROOM_AMENITIES
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import see_other

_BEDS = ("single", "twin", "double", "queen", "king", "sofa bed", "bunk bed", "cot")
_BED_ROWS = 4


@get("/properties/{slug:str}/room-types", opt=staff(Permission.CATALOGUE_VIEW))
async def list_room_types(request: Request[Any, Any, State], tx: Transaction, slug: str) -> Response[str]:
    """All of them, with how many rooms each has and which languages are missing."""
    property_ = await queries.property_by_slug(tx, slug)
    rows = await queries.list_items(tx, tables.room_type, property_.id)
    rooms = await queries.list_items(tx, rooms_table, property_.id)
    texts = await queries.translations(tx, property_.id)
    return frame.show(
        request,
        "room_types.html",
        property_,
        rows=rows,
        rooms={row.id: sum(room.room_type_id == row.id and room.active for room in rooms) for row in rows},
        missing={
            row.id: [
                code
                for code in LANGUAGES
                if code != property_.language
                and "name" not in texts.get(("room_type", row.id), {}).get(code, {})
            ]
            for row in rows
        },
    )


@get("/properties/{slug:str}/new-room-type", opt=staff(Permission.CATALOGUE_EDIT))
async def new_room_type(request: Request[Any, Any, State], tx: Transaction, slug: str) -> Response[str]:
    """The empty form."""
    property_ = await queries.property_by_slug(tx, slug)
    form = Form.of(base_occupancy=2, max_occupancy=2, max_adults=2, max_children="0", sort="0")
    return _form(request, property_, form, None)


@post("/properties/{slug:str}/new-room-type", opt=staff(Permission.CATALOGUE_EDIT))
async def create_room_type(request: Request[Any, Any, State], tx: Transaction, slug: str) -> Response[Any]:
    """Make a room type; it is sold once it has rooms, a rate plan and prices."""
    property_ = await queries.property_by_slug(tx, slug)
    form = await read(request)
    try:
        values = _values(form, property_) | {"code": form.text("code", required=True, longest=40)}
        row = await service.create(tx, property_=property_, new=frame.shaped(form, NewRoomType, values))
    except DomainError as error:
        form, status = frame.refused(form, error)
        return _form(request, property_, form, None, status=status)
    to = f"/admin/properties/{slug}/room-types"
    return see_other(request, to, notice=f"{row.name} has been created. Now add its rooms.")


@get("/properties/{slug:str}/room-types/{code:str}", opt=staff(Permission.CATALOGUE_VIEW))
async def show_room_type(
    request: Request[Any, Any, State], tx: Transaction, slug: str, code: str
) -> Response[str]:
    """The form with what it is."""
    property_ = await queries.property_by_slug(tx, slug)
    row = await queries.find_item(tx, tables.room_type, property_.id, code)
    return _form(request, property_, _filled(row, property_), row)


@post("/properties/{slug:str}/room-types/{code:str}", opt=staff(Permission.CATALOGUE_EDIT))
async def change_room_type(
    request: Request[Any, Any, State], tx: Transaction, slug: str, code: str
) -> Response[Any]:
    """Change it for the sales to come."""
    property_ = await queries.property_by_slug(tx, slug)
    row = await queries.find_item(tx, tables.room_type, property_.id, code)
    form = await read(request)
    try:
        version = frame.version_of(form)
        values = _values(form, property_) | {"active": form.flag("active")}
        changes = frame.shaped(form, RoomTypeChange, values)
        await removal.change_room_type(tx, property_=property_, code=code, changes=changes, version=version)
    except DomainError as error:
        now = await queries.find_item(tx, tables.room_type, property_.id, code)
        form, status = frame.refused(
            form, error, current=_filled(now, property_), names={"child_amounts": "child-0"}
        )
        return _form(request, property_, form, row, status=status)
    return see_other(request, f"/admin/properties/{slug}/room-types", notice="Saved.")


@get("/properties/{slug:str}/room-types/{code:str}/delete", opt=staff(Permission.CATALOGUE_EDIT))
async def ask_delete(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str, code: str
) -> Response[str]:
    """Asks, or says where it is needed."""
    property_ = await queries.property_by_slug(tx, slug)
    return await _removal(request, tx, property_, code, now)


@post("/properties/{slug:str}/room-types/{code:str}/delete", opt=staff(Permission.CATALOGUE_EDIT))
async def delete_room_type(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str, code: str
) -> Response[Any]:
    """Remove a room type that nothing needs."""
    property_ = await queries.property_by_slug(tx, slug)
    return await frame.remove(
        request,
        tx,
        code,
        lambda version: removal.remove_room_type(
            tx, property_=property_, code=code, now=now, version=version
        ),
        to=f"/admin/properties/{slug}/room-types",
        refused=partial(_removal, request, tx, property_, code, now),
    )


@post("/properties/{slug:str}/room-types/{code:str}/deactivate", opt=staff(Permission.CATALOGUE_EDIT))
async def deactivate_room_type(
    request: Request[Any, Any, State], tx: Transaction, slug: str, code: str
) -> Response[bytes]:
    """Take it off sale; refused while it has bookings to come."""
    property_ = await queries.property_by_slug(tx, slug)
    await removal.change_room_type(tx, property_=property_, code=code, changes=RoomTypeChange(active=False))
    return see_other(request, f"/admin/properties/{slug}/room-types", notice=f"{code} is no longer on sale.")


async def _removal(
    request: Request[Any, Any, State],
    tx: Transaction,
    property_: Property,
    code: str,
    now: datetime,
    error: DomainError | None = None,
) -> Response[str]:
    row = await queries.find_item(tx, tables.room_type, property_.id, code)
    uses = await removal.room_type_uses(tx, row=row, property_=property_, now=now)
    booked = any(use.kind == "bookings_to_come" for use in uses)
    return await frame.removal_page(
        request,
        property_,
        what=row.name,
        back=f"/admin/properties/{property_.slug}/room-types/{code}",
        uses=uses,
        version=row.version,
        goes_too=await frame.texts_and_prices(tx, property_, "room_type_id", row.id, now),
        deactivate=row.active and not booked,
        close_nights=row.active and booked,
        error=error,
    )


def _filled(row: RoomType, property_: Property) -> Form:
    plain = (
        "name",
        "description",
        "base_occupancy",
        "max_occupancy",
        "max_adults",
        "size_m2",
        "active",
        "version",
    )
    values: dict[str, Any] = {name: getattr(row, name) for name in plain}
    values |= {name: str(getattr(row, name)) for name in ("max_children", "sort")}
    values["extra_adult"] = for_field(row.extra_adult, property_.currency)
    for place, cost in enumerate(row.child_amounts):
        values[f"child-{place}"] = for_field(cost, property_.currency)
    for place, bed in enumerate(row.beds):
        values |= {f"bed-{place}": bed.type, f"beds-{place}": bed.count}
    return Form.of(**values, amenities=row.amenities)


def _values(form: Form, property_: Property) -> dict[str, Any]:
    currency = property_.currency
    bands = range(len(property_.child_bands))
    children = [form.money(f"child-{place}", currency) or 0 for place in bands]
    beds = []
    for place in range(20):
        kind = form.text(f"bed-{place}", longest=40)
        if kind:
            beds.append({"type": kind, "count": form.whole(f"beds-{place}", 1, 20) or 1})
    if (form.whole("base_occupancy", 1, 100) or 0) > (form.whole("max_occupancy", 1, 100) or 100):
        form.wrong("base_occupancy", "is more than the room sleeps")
    values: dict[str, Any] = {
        "name": form.text("name", required=True, longest=200),
        "description": form.text("description", longest=5000),
        "base_occupancy": form.whole("base_occupancy", 1, 100, required=True),
        "max_occupancy": form.whole("max_occupancy", 1, 100, required=True),
        "max_adults": form.whole("max_adults", 1, 100, required=True),
        "max_children": form.whole("max_children", 0, 100, required=True),
        "extra_adult": form.money("extra_adult", currency) or 0,
        "child_amounts": children if any(children) else [],
        "beds": beds,
        "size_m2": form.whole("size_m2", 1, 10_000),
        "sort": form.whole("sort", -1_000_000, 1_000_000) or 0,
        "amenities": [int(code) for code in form.choices("amenities", map(str, ROOM_AMENITIES))],
    }
    return values


def _form(
    request: Request[Any, Any, State],
    property_: Property,
    form: Form,
    row: RoomType | None,
    *,
    status: int = 200,
) -> Response[str]:
    ages = property_.child_bands
    used = [name for name in form.names() if name.startswith("bed-") and form.value(name)]
    kinds = list(dict.fromkeys([*_BEDS, *(form.value(name) for name in used)]))
    return frame.show(
        request,
        "room_type.html",
        property_,
        status=status,
        form=form,
        row=row,
        bands=[(ages[place - 1] + 1 if place else 0, age) for place, age in enumerate(ages)],
        beds=[(kind, headed(bed_kind(kind), "bed")) for kind in kinds],
        bed_rows=max(_BED_ROWS, len(used) + 1),
        topics=select_options.by_topic(ROOM_TOPICS, ROOM_AMENITIES),
    )


handlers = [
    list_room_types,
    new_room_type,
    create_room_type,
    show_room_type,
    change_room_type,
    ask_delete,
    delete_room_type,
    deactivate_room_type,
]
