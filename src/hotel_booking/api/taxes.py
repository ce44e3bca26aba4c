"""Taxes and fees."""

from __future__ import annotations

from datetime import date

import msgspec
from litestar import Response, delete, get, patch, post

from hotel_booking.api.properties import owned, readable
from hotel_booking.api.versioned import claim, versioned
from hotel_booking.core.db import Transaction
from hotel_booking.core.money import Money
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.properties import queries, tables
from hotel_booking.domains.properties.catalogue import Tax
from hotel_booking.domains.properties.service import taxes as service
from hotel_booking.domains.properties.types import NewTax, TaxChange
from hotel_booking.http.access import needs, public
from hotel_booking.http.answers import created
from hotel_booking.http.examples import example
from hotel_booking.http.pages import Page
from hotel_booking.http.preconditions import IfMatch

_WRITE = needs(Scope.PROPERTIES_WRITE)


class TaxAnswer(msgspec.Struct, frozen=True):
    """A tax or fee: a `percent` of the net charges, or an `amount`; in the prices, or added to them."""

    code: str
    name: str
    percent: str | None
    amount: Money | None
    charge_type: int
    included: bool
    exempt_below_age: int | None
    max_nights: int | None
    valid_from: date | None
    valid_to: date | None


@get("/properties/{slug:str}/taxes", opt=public(), tags=["Rates and availability"], summary="Taxes and fees")
async def list_taxes(slug: str, tx: Transaction, caller: Caller) -> Page[TaxAnswer]:
    """All of them."""
    property_ = await readable(tx, slug, caller)
    rows = await queries.list_items(tx, tables.tax, property_.id)
    return Page([_answer(row, property_.currency) for row in rows], None)


@get(
    "/properties/{slug:str}/taxes/{code:str}",
    opt=public() | example(parameters={"code": "VAT"}),
    tags=["Rates and availability"],
    summary="A tax or fee",
)
async def get_tax(slug: str, code: str, tx: Transaction, caller: Caller) -> Response[TaxAnswer]:
    """One, by its code."""
    property_ = await readable(tx, slug, caller)
    row = await queries.find_item(tx, tables.tax, property_.id, code)
    return versioned(_answer(row, property_.currency), row)


@post(
    "/properties/{slug:str}/taxes",
    opt=_WRITE
    | created("code")
    | example(
        lambda _: {
            "code": "ECO-TAX",
            "name": "Eco tax",
            "amount": 150,
            "charge_type": 21,
            "included": False,
            "exempt_below_age": 13,
            "max_nights": 7,
        }
    ),
    tags=["Rates and availability"],
    summary="Create a tax",
)
async def create_tax(slug: str, data: NewTax, tx: Transaction, caller: Caller) -> TaxAnswer:
    """Applies to new sales from now on."""
    property_ = await owned(tx, slug, caller)
    return _answer(await service.create(tx, property_id=property_.id, new=data), property_.currency)


@patch(
    "/properties/{slug:str}/taxes/{code:str}",
    opt=_WRITE | example(lambda _: {"name": "VAT"}, {"code": "VAT"}),
    tags=["Rates and availability"],
    summary="Change a tax",
)
async def change_tax(
    slug: str, code: str, data: TaxChange, tx: Transaction, caller: Caller, if_match: IfMatch
) -> Response[TaxAnswer]:
    """Existing bookings keep the taxes they were sold with."""
    property_ = await owned(tx, slug, caller)
    await claim(tx, tables.tax, property_.id, code, if_match)
    row = await service.change(tx, property_id=property_.id, code=code, changes=data)
    return versioned(_answer(row, property_.currency), row)


@delete(
    "/properties/{slug:str}/taxes/{code:str}",
    opt=_WRITE | example(parameters={"code": "CITY-TAX"}),
    tags=["Rates and availability"],
    summary="Remove a tax",
)
async def delete_tax(slug: str, code: str, tx: Transaction, caller: Caller, if_match: IfMatch) -> None:
    """Existing bookings keep it; new ones don't have it."""
    property_ = await owned(tx, slug, caller)
    await claim(tx, tables.tax, property_.id, code, if_match)
    await service.remove(tx, property_id=property_.id, code=code)


def _answer(row: Tax, currency: str) -> TaxAnswer:
    percent = row.kind == "percent"
    return TaxAnswer(
        code=row.code,
        name=row.name,
        percent=service.percent_text(row.value) if percent else None,
        amount=None if percent else Money(row.value, currency),
        charge_type=row.charge_type,
        included=row.included,
        exempt_below_age=row.exempt_below_age,
        max_nights=row.max_nights,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


handlers = [list_taxes, get_tax, create_tax, change_tax, delete_tax]
