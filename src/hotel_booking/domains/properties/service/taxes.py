"""Make, change and remove taxes. Bookings keep the taxes that they were sold with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec.structs import asdict

from hotel_booking.core.amounts import read_percent
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.core.money import check_charged
from hotel_booking.domains.properties import tables
from hotel_booking.domains.properties.catalogue import Tax
from hotel_booking.domains.properties.queries import currency_of, find_item
from hotel_booking.domains.properties.rows import changed_values, check_version, insert, update
from hotel_booking.domains.properties.types import NewTax, TaxChange, check_texts

_PER_MILLION = Decimal(10_000)


async def create(tx: Transaction, *, property_id: int, new: NewTax) -> Tax:
    """Make a tax. Raises `AlreadyExists` for a taken code, `Invalid` naming the field."""
    values = {name: getattr(new, name) for name in new.__struct_fields__ if name not in ("percent", "amount")}
    values |= {"property_id": property_id, "name": new.name or new.code}
    values |= _value(new.percent, new.amount, await currency_of(tx, property_id))
    if values["kind"] == "percent" and new.charge_type in (20, 21):
        raise Invalid(
            "a percentage does not depend on the number of persons",
            field="charge_type",
            fix="use 12 or 19, or a fixed amount",
        )
    _check(values)
    return await insert(tx, tables.tax, values, what=f"a tax {new.code!r}")


async def change(
    tx: Transaction, *, property_id: int, code: str, changes: TaxChange, version: int | None = None
) -> Tax:
    """Change a tax for the sales to come. Raises `ChangedMeanwhile` where it is not `version` any more."""
    row = await find_item(tx, tables.tax, property_id, code, lock=True)
    await check_version(tx, tables.tax, row, version)
    values = changed_values(changes)
    percent, amount = values.pop("percent", None), values.pop("amount", None)
    if percent is not None or amount is not None:
        values |= _value(percent, amount, await currency_of(tx, property_id))
    _check(asdict(row) | values)
    check_texts(values)
    return await update(tx, tables.tax, row.id, values)


async def remove(tx: Transaction, *, property_id: int, code: str, version: int | None = None) -> None:
    """Remove a tax from the sales to come."""
    row = await find_item(tx, tables.tax, property_id, code, lock=True)
    await check_version(tx, tables.tax, row, version)
    await tx.execute("DELETE FROM tax WHERE id = $1", row.id)


def percent_text(value: int) -> str:
    """Parts per million as a percentage text: 190000 is "19"."""
    text = f"{Decimal(value) / _PER_MILLION:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _value(percent: str | None, amount: int | None, currency: str) -> dict[str, Any]:
    if (percent is None) == (amount is None):
        raise Invalid("a tax has a percent or an amount", field="percent", fix="give exactly one of the two")
    if percent is not None:
        return {"kind": "percent", "value": read_percent(percent, name="percent")}
    check_charged(amount or 0, currency, field="amount")
    return {"kind": "fixed", "value": amount}


def _check(values: dict[str, Any]) -> None:
    check_texts(values)
    if values["valid_from"] and values["valid_to"] and values["valid_to"] <= values["valid_from"]:
        raise Invalid("a tax ends after it begins", field="valid_to", fix="give a later day, or none")
    if values["kind"] == "percent" and (values["exempt_below_age"] or values["charge_type"] in (20, 21)):
        raise Invalid("a percentage does not depend on persons or their age", field="exempt_below_age")
