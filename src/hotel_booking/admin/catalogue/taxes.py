"""Taxes and fees, in words and with an example."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.catalogue import frame
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.formats import for_field
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties import catalogue, queries, tables
from hotel_booking.domains.properties.catalogue import Property
from hotel_booking.domains.properties.service import taxes as service
from hotel_booking.domains.properties.types import NewTax, TaxChange
from hotel_booking.domains.rates.catalogue import tax_of
from hotel_booking.domains.rates.examples import tax_example
from hotel_booking.domains.rates.types import (
    PER_NIGHT,
    PER_PERSON,
    PER_PERSON_PER_NIGHT,
    PER_STAY,
    Price,
)
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import money, see_other

PER = {PER_NIGHT: "night", PER_STAY: "stay", PER_PERSON: "person", PER_PERSON_PER_NIGHT: "person and night"}
_KINDS = (("percent", "Percentage of the price"), ("fixed", "A fixed amount"))
_CHARGED = tuple((str(code), f"For each {text}") for code, text in PER.items())
_BESIDE = {"percent": "value", "amount": "value"}


@get("/properties/{slug:str}/taxes", opt=staff(Permission.CATALOGUE_VIEW))
async def list_taxes(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str
) -> Response[str]:
    """All of them, in words, with what each makes of a stay."""
    property_ = await queries.property_by_slug(tx, slug)
    rows = await queries.list_items(tx, tables.tax, property_.id)
    return frame.show(
        request,
        "taxes.html",
        property_,
        rows=rows,
        words={row.id: _words(row, property_.currency) for row in rows},
        examples={row.id: _example(row, property_, now) for row in rows},
    )


@get("/properties/{slug:str}/new-tax", opt=staff(Permission.CATALOGUE_EDIT))
async def new_tax(request: Request[Any, Any, State], tx: Transaction, slug: str) -> Response[str]:
    """The empty form."""
    property_ = await queries.property_by_slug(tx, slug)
    return _form(request, property_, Form.of(kind="percent", charge_type=PER_NIGHT, included="true"), None)


@post("/properties/{slug:str}/new-tax", opt=staff(Permission.CATALOGUE_EDIT))
async def create_tax(request: Request[Any, Any, State], tx: Transaction, slug: str) -> Response[Any]:
    """Make a tax; it counts for sales from now on."""
    property_ = await queries.property_by_slug(tx, slug)
    form = await read(request)
    try:
        values = _values(form, property_) | {"code": form.text("code", required=True, longest=40)}
        row = await service.create(tx, property_id=property_.id, new=frame.shaped(form, NewTax, values))
    except DomainError as error:
        form, status = frame.refused(form, error, names=_BESIDE)
        return _form(request, property_, form, None, status=status)
    return see_other(request, f"/admin/properties/{slug}/taxes", notice=f"{row.name} applies from now on.")


@get("/properties/{slug:str}/taxes/{tax:str}", opt=staff(Permission.CATALOGUE_VIEW))
async def show_tax(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str, tax: str
) -> Response[str]:
    """The form with what it is."""
    property_ = await queries.property_by_slug(tx, slug)
    row = await queries.find_item(tx, tables.tax, property_.id, tax)
    return _form(request, property_, _filled(row, property_), row, example=_example(row, property_, now))


@post("/properties/{slug:str}/taxes/{tax:str}", opt=staff(Permission.CATALOGUE_EDIT))
async def change_tax(
    request: Request[Any, Any, State], tx: Transaction, slug: str, tax: str
) -> Response[Any]:
    """Change it for the sales to come."""
    property_ = await queries.property_by_slug(tx, slug)
    row = await queries.find_item(tx, tables.tax, property_.id, tax)
    form = await read(request)
    try:
        version = frame.version_of(form)
        changes = frame.shaped(form, TaxChange, _values(form, property_))
        await service.change(tx, property_id=property_.id, code=tax, changes=changes, version=version)
    except DomainError as error:
        current = _filled(await queries.find_item(tx, tables.tax, property_.id, tax), property_)
        form, status = frame.refused(form, error, current=current, names=_BESIDE)
        return _form(request, property_, form, row, status=status)
    return see_other(
        request, f"/admin/properties/{slug}/taxes", notice="Saved. New bookings use it from now on."
    )


@get("/properties/{slug:str}/taxes/{tax:str}/delete", opt=staff(Permission.CATALOGUE_EDIT))
async def ask_delete(
    request: Request[Any, Any, State], tx: Transaction, slug: str, tax: str
) -> Response[str]:
    """Asks first: bookings keep the taxes that they were sold with, so nothing stands in the way."""
    return await _removal(request, tx, await queries.property_by_slug(tx, slug), tax)


@post("/properties/{slug:str}/taxes/{tax:str}/delete", opt=staff(Permission.CATALOGUE_EDIT))
async def delete_tax(
    request: Request[Any, Any, State], tx: Transaction, slug: str, tax: str
) -> Response[Any]:
    """Remove a tax from the sales to come."""
    property_ = await queries.property_by_slug(tx, slug)
    return await frame.remove(
        request,
        tx,
        tax,
        lambda version: service.remove(tx, property_id=property_.id, code=tax, version=version),
        to=f"/admin/properties/{slug}/taxes",
        refused=partial(_removal, request, tx, property_, tax),
    )


async def _removal(
    request: Request[Any, Any, State],
    tx: Transaction,
    property_: Property,
    code: str,
    error: DomainError | None = None,
) -> Response[str]:
    row = await queries.find_item(tx, tables.tax, property_.id, code)
    return await frame.removal_page(
        request,
        property_,
        what=row.name,
        back=f"/admin/properties/{property_.slug}/taxes/{code}",
        uses=(),
        version=row.version,
        error=error,
    )


def _words(row: catalogue.Tax, currency: str) -> list[str]:
    percent = row.kind == "percent"
    rate = f"{service.percent_text(row.value)}%" if percent else money(row.value, currency)
    what = "of the price" if percent else f"for each {PER[row.charge_type]}"
    words = [f"{rate} {what}", "included in the prices" if row.included else "added to the prices"]
    if row.exempt_below_age:
        words.append(f"not for guests under {row.exempt_below_age}")
    if row.max_nights:
        words.append(
            f"for the first {row.max_nights} nights" if row.max_nights > 1 else "for the first night"
        )
    if row.valid_from:
        words.append(f"from {row.valid_from:%d.%m.%Y}")
    if row.valid_to:
        words.append(f"until before {row.valid_to:%d.%m.%Y}")
    return words


def _example(row: catalogue.Tax, property_: Property, now: datetime) -> Price:
    arrival = business_date(now, property_.timezone, property_.day_end_time) + timedelta(days=30)
    if row.valid_from is not None:
        arrival = max(arrival, row.valid_from)
    return tax_example(
        tax_of(row), currency=property_.currency, rounding=property_.tax_rounding, arrival=arrival
    )


def _filled(row: catalogue.Tax, property_: Property) -> Form:
    percent = row.kind == "percent"
    return Form.of(
        name=row.name,
        kind=row.kind,
        value=service.percent_text(row.value) if percent else for_field(row.value, property_.currency),
        charge_type=row.charge_type,
        included="true" if row.included else "false",
        exempt_below_age=row.exempt_below_age,
        max_nights=row.max_nights,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        version=row.version,
    )


def _values(form: Form, property_: Property) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": form.text("name", required=True, longest=200),
        "charge_type": int(form.choice("charge_type", map(str, PER)) or PER_NIGHT),
        "included": form.choice("included", ("true", "false")) == "true",
        "exempt_below_age": form.whole("exempt_below_age", 1, 120),
        "max_nights": form.whole("max_nights", 1, 366),
        "valid_from": form.day("valid_from"),
        "valid_to": form.day("valid_to"),
    }
    if form.choice("kind", ("percent", "fixed")) == "fixed":
        values["amount"] = form.money("value", property_.currency, required=True)
    else:
        percent = form.percent("value", required=True)
        values["percent"] = service.percent_text(percent or 0)
    return values


def _form(
    request: Request[Any, Any, State],
    property_: Property,
    form: Form,
    row: catalogue.Tax | None,
    *,
    status: int = 200,
    example: Price | None = None,
) -> Response[str]:
    return frame.show(
        request,
        "tax.html",
        property_,
        status=status,
        form=form,
        row=row,
        kinds=_KINDS,
        charged=_CHARGED,
        example=example,
    )


handlers = [list_taxes, new_tax, create_tax, show_tax, change_tax, ask_delete, delete_tax]
