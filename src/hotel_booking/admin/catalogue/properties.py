"""Properties: the list, a new one, what a property is, and its end.

/admin/properties                    the caller's, with a search
/admin/properties/new                for those with the role at every property
/admin/properties/{slug}             at a glance
/admin/properties/{slug}/details     address, times, money, amenities
/admin/properties/{slug}/delete
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.catalogue import frame, select_options
from hotel_booking.admin.phone_words import with_phone
from hotel_booking.core.dates import DAY_END, business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.core.typed_numbers import number_list, plain_digits
from hotel_booking.domains.bookings import removal
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.inventory.found import found
from hotel_booking.domains.inventory.tables import room as rooms_table
from hotel_booking.domains.properties import queries, tables
from hotel_booking.domains.properties.catalogue import Property
from hotel_booking.domains.properties.group_pages import COMPULSORY, languages_by_kind
from hotel_booking.domains.properties.service import properties as service
from hotel_booking.domains.properties.topics import PROPERTY_TOPICS
from hotel_booking.domains.properties.types import NewProperty, PropertyChange
from hotel_booking.domains.properties.vocabularies import PROPERTY_AMENITIES
from hotel_booking.domains.rates.queries import lacking
from hotel_booking.domains.rates.tables import rate_plan
from hotel_booking.http.access import staff
from hotel_booking.http.i18n.code_names import AMENITIES
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import page, see_other

_MOST_LISTED = 200
_DEGREES = re.compile(r"([-+]?\d{1,3}(?:\.\d{1,12})?)\s*°?\s*([NESWnesw]?)")
_DECIMAL = str.maketrans({",": ".", "\u066b": ".", "\u060c": ".", "\uff0e": "."})


@get("/properties", opt=staff(Permission.CATALOGUE_VIEW))
async def list_properties(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, q: str = ""
) -> Response[str]:
    """The properties that the caller may see, by name."""
    within = caller.properties_for(Permission.CATALOGUE_VIEW)
    search = q.replace("\x00", "").strip()[:100]
    rows = await found(tx, within, search=search, limit=_MOST_LISTED + 1)
    written = await languages_by_kind(tx)
    return page(
        request,
        "catalogue/properties.html",
        rows=rows[:_MOST_LISTED],
        more=len(rows) > _MOST_LISTED,
        q=search,
        may_add=caller.may(Permission.CATALOGUE_EDIT),
        lacking=[kind for kind in COMPULSORY if kind not in written],
    )


@get("/properties/new", opt=staff(Permission.CATALOGUE_EDIT))
async def new_property(request: Request[Any, Any, State], caller: Caller) -> Response[str]:
    """The empty form."""
    caller.require_permission(Permission.CATALOGUE_EDIT)
    form = Form.of(
        currency="EUR",
        language="en",
        check_in_time="15:00",
        check_out_time="11:00",
        day_end_time=DAY_END.isoformat("minutes"),
        tax_rounding="line",
        stars=0,
    )
    return _form(request, form, None)


@post("/properties/new", opt=staff(Permission.CATALOGUE_EDIT))
async def create_property(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller
) -> Response[Any]:
    """Make a property; it is on sale once it has room types, plans and prices."""
    caller.require_permission(Permission.CATALOGUE_EDIT)
    form = await read(request)
    try:
        values = _values(form)
        slug = form.text("slug", longest=80)
        new = frame.shaped(form, NewProperty, values | ({"slug": slug} if slug else {}))
        row = await service.create(tx, new=new)
    except DomainError as error:
        form, status = frame.refused(form, error)
        return _form(request, form, None, status=status)
    return see_other(
        request,
        f"/admin/properties/{row.slug}",
        notice=with_phone(f"{row.name} has been created. Now add its room types and rate plans.", row.phone),
    )


def _amenity(code: int) -> str:
    """As guests read it; by its official name where guests are not told of it."""
    return AMENITIES.get(code) or PROPERTY_AMENITIES.get(code, str(code))


@get("/properties/{slug:str}", opt=staff(Permission.CATALOGUE_VIEW))
async def show_property(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str
) -> Response[str]:
    """A property at a glance, and what it still lacks."""
    property_ = await queries.property_by_slug(tx, slug)
    kinds = await queries.list_items(tx, tables.room_type, property_.id)
    plans = await queries.list_items(tx, rate_plan, property_.id)
    rooms = await queries.list_items(tx, rooms_table, property_.id)
    texts = await queries.translations(tx, property_.id)
    own = texts.get(("property", property_.id), {})
    today = business_date(now, property_.timezone, property_.day_end_time)
    return frame.show(
        request,
        "overview.html",
        property_,
        amenities=[_amenity(code) for code in property_.amenities],
        country=dict(select_options.countries()).get(property_.country, property_.country),
        languages=select_options.language_names(),
        missing=[
            name
            for code, name in select_options.language_names().items()
            if code != property_.language and "description" not in own.get(code, {})
        ],
        counts={
            "room types": (sum(row.active for row in kinds), "room-types"),
            "rooms": (sum(row.active for row in rooms), "rooms"),
            "rate plans": (sum(row.active for row in plans), "plans"),
        },
        policies=len(await queries.list_items(tx, tables.cancellation_policy, property_.id)),
        taxes=await queries.list_items(tx, tables.tax, property_.id),
        photos=await queries.photos(tx, property_.id),
        lacking=await lacking(tx, property_.id, since=today),
    )


@get("/properties/{slug:str}/details", opt=staff(Permission.CATALOGUE_VIEW))
async def show_details(request: Request[Any, Any, State], tx: Transaction, slug: str) -> Response[str]:
    """The form with what the property is."""
    property_ = await queries.property_by_slug(tx, slug)
    return _form(request, _filled(property_), property_)


@post("/properties/{slug:str}/details", opt=staff(Permission.CATALOGUE_EDIT))
async def change_details(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str
) -> Response[Any]:
    """Change what the property is."""
    property_ = await queries.property_by_slug(tx, slug)
    form = await read(request)
    try:
        version = frame.version_of(form)
        changes = frame.shaped(form, PropertyChange, _values(form) | {"active": form.flag("active")})
        row = await removal.change_property(tx, slug=slug, changes=changes, now=now, version=version)
    except DomainError as error:
        form, status = frame.refused(form, error, current=_filled(await queries.property_by_slug(tx, slug)))
        return _form(request, form, property_, status=status)
    return see_other(request, f"/admin/properties/{slug}/details", notice=with_phone("Saved.", row.phone))


@get("/properties/{slug:str}/delete", opt=staff(Permission.CATALOGUE_EDIT))
async def ask_delete(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str
) -> Response[str]:
    """Asks, or says where the property is needed."""
    return await _removal(request, tx, await queries.property_by_slug(tx, slug), now)


@post("/properties/{slug:str}/delete", opt=staff(Permission.CATALOGUE_EDIT))
async def delete_property(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str
) -> Response[Any]:
    """Remove a property that nothing needs."""
    property_ = await queries.property_by_slug(tx, slug)
    return await frame.remove(
        request,
        tx,
        property_.name,
        lambda version: removal.remove_property(tx, slug=slug, version=version, now=now),
        to="/admin/properties",
        refused=partial(_removal, request, tx, property_, now),
    )


@post("/properties/{slug:str}/deactivate", opt=staff(Permission.CATALOGUE_EDIT))
async def deactivate_property(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str
) -> Response[bytes]:
    """Take a property off sale."""
    await removal.change_property(tx, slug=slug, changes=PropertyChange(active=False), now=now)
    return see_other(request, f"/admin/properties/{slug}", notice="It is no longer on sale.")


async def _removal(
    request: Request[Any, Any, State],
    tx: Transaction,
    property_: Property,
    now: datetime,
    error: DomainError | None = None,
) -> Response[str]:
    photos = await queries.photos(tx, property_.id)
    return await frame.removal_page(
        request,
        property_,
        what=property_.name,
        back=f"/admin/properties/{property_.slug}",
        uses=await removal.property_uses(tx, property_=property_, now=now),
        version=property_.version,
        goes_too=[
            "its cancellation policies, taxes and texts",
            *([f"{len(photos)} photos"] if photos else []),
        ],
        deactivate=property_.active,
        error=error,
    )


def _filled(row: Property) -> Form:
    plain = (
        "name", "description", "stars", "address", "postal_code", "city", "country", "lat", "lon", "timezone",
        "currency", "email", "phone", "tax_rounding", "language", "active", "version",
    )  # fmt: skip
    return Form.of(
        **{name: value if (value := getattr(row, name)) != 0 else "0" for name in plain},
        check_in_time=row.check_in_time.isoformat("minutes"),
        check_out_time=row.check_out_time.isoformat("minutes"),
        day_end_time=row.day_end_time.isoformat("minutes"),
        child_bands=", ".join(map(str, row.child_bands)),
        amenities=row.amenities,
    )


def _values(form: Form) -> dict[str, Any]:
    """What the form says, as the API would have it; what is wrong is noted beside the fields."""
    values: dict[str, Any] = {
        "name": form.text("name", required=True, longest=200),
        "description": form.text("description", longest=5000),
        "country": form.choice("country", [code for code, _ in select_options.countries()]),
        "timezone": form.text("timezone", required=True, longest=200),
        "currency": form.choice("currency", [code for code, _ in select_options.currencies()]),
        "language": form.choice("language", LANGUAGES),
        "stars": form.whole("stars", 0, 5, required=True),
        "tax_rounding": form.choice("tax_rounding", ("line", "sum")),
        "check_in_time": frame.clock(form, "check_in_time"),
        "check_out_time": frame.clock(form, "check_out_time"),
        "day_end_time": frame.clock(form, "day_end_time"),
        "amenities": [int(code) for code in form.choices("amenities", map(str, PROPERTY_AMENITIES))],
    }
    for name, longest in (
        ("address", 200),
        ("postal_code", 20),
        ("city", 200),
        ("email", 254),
        ("phone", 40),
    ):
        values[name] = form.text(name, longest=longest)
    for name, limit, example in (("lat", 90, "38.7139"), ("lon", 180, "-9.1394")):
        values[name] = _degrees(form, name, limit, example)
    bands = form.text("child_bands", longest=100)
    try:
        values["child_bands"] = [int(age) for age in number_list(bands)]
    except ValueError:
        form.wrong("child_bands", "must be ages separated by commas, such as 2, 11")
    return values


def _degrees(form: Form, name: str, limit: int, example: str) -> float | None:
    """Degrees in the digits and with the decimal sign of any keyboard, also as maps write them: 9.1394° W."""
    text = form.text(name, required=True, longest=40)
    found = _DEGREES.fullmatch(plain_digits(text).translate(_DECIMAL))
    value = float(found[1]) * (-1 if found[2] and found[2] in "SWsw" else 1) if found else float("nan")
    if not -limit <= value <= limit:
        form.wrong(name, f"must be degrees from -{limit} to {limit}, such as {example}")
        return None
    return value


def _form(
    request: Request[Any, Any, State], form: Form, property_: Property | None, *, status: int = 200
) -> Response[str]:
    values: dict[str, Any] = {
        "form": form,
        "countries": select_options.countries(),
        "currencies": select_options.currencies(),
        "timezones": select_options.timezones("" if property_ is None else property_.timezone),
        "languages": select_options.languages(),
        "topics": select_options.by_topic(PROPERTY_TOPICS, PROPERTY_AMENITIES),
    }
    if property_ is None:
        return page(request, "catalogue/new_property.html", status=status, may_edit=True, **values)
    return frame.show(request, "details.html", property_, status=status, **values)


handlers = [
    list_properties,
    new_property,
    create_property,
    show_property,
    show_details,
    change_details,
    ask_delete,
    delete_property,
    deactivate_property,
]
