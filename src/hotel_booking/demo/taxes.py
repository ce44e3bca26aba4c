"""Taxes of the kind that each country and city has, from taxes.toml."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Literal

import msgspec

from hotel_booking.demo.reading import read
from hotel_booking.domains.rates.types import PER_NIGHT, PER_PERSON_PER_NIGHT, PER_STAY, Tax

_PERCENT = 10_000
_CHARGED = {"night": PER_NIGHT, "person and night": PER_PERSON_PER_NIGHT, "stay": PER_STAY}


class TaxOutline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of taxes.toml, where the fields are described."""

    code: str
    name: str
    percent: float | None = None
    amount: int | None = None
    amount_by_stars: dict[int, int] | None = None
    each: Literal["night", "person and night", "stay"] = "night"
    included: bool = False
    exempt_below_age: int | None = None
    max_nights: int | None = None
    valid_from: date | None = None
    valid_to: date | None = None

    def __post_init__(self) -> None:
        if [self.percent, self.amount, self.amount_by_stars].count(None) != 2:
            raise ValueError("a tax is one of percent, amount and amount_by_stars")
        if self.amount_by_stars is not None and 1 not in self.amount_by_stars:
            raise ValueError("amount_by_stars begins with one star")

    def of(self, stars: int) -> Tax:
        """The tax of a property with so many stars."""
        steps = self.amount_by_stars or {1: self.amount or 0}
        fixed = steps[max(step for step in steps if step <= max(stars, 1))]
        return Tax(
            code=self.code,
            name=self.name,
            kind="fixed" if self.percent is None else "percent",
            value=fixed if self.percent is None else round(self.percent * _PERCENT),
            charge_type=_CHARGED[self.each],
            included=self.included,
            exempt_below_age=self.exempt_below_age,
            max_nights=self.max_nights,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )


class Taxes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of countries by code, and what cities add by their GeoNames id."""

    country: dict[str, tuple[TaxOutline, ...]]
    city: dict[int, tuple[TaxOutline, ...]]


@cache
def taxes() -> Taxes:
    """The table."""
    return read("taxes", Taxes)


def taxes_of(country: str, place: int, stars: int) -> tuple[Tax, ...]:
    """The taxes of a property, those of the country first."""
    return tuple(tax.of(stars) for tax in (*taxes().country[country], *taxes().city.get(place, ())))


def rounding_of(country: str) -> Literal["line", "sum"]:
    """Where prices are quoted net, invoices are rounded on their sum; elsewhere line by line."""
    return "line" if taxes().country[country][0].included else "sum"
