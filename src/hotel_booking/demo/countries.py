"""What the demo knows of countries, from countries.toml: their money, and the round prices people there are
used to."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache

import msgspec

from hotel_booking.core.money import divide
from hotel_booking.demo.reading import read


class Currency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Units for a euro, and the minor units that prices are round to."""

    per_euro: Decimal
    round_to: int = 100


class Country(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`season` is the profile of a city hotel there that names none of its own."""

    currency: str
    phone: str
    season: str


class Countries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Countries and currencies by their codes; the rates are of the day `rates_as_of`."""

    rates_as_of: date
    currency: dict[str, Currency]
    country: dict[str, Country]

    def __post_init__(self) -> None:
        for code, country in self.country.items():
            if country.currency not in self.currency:
                raise ValueError(f"{code} pays in {country.currency}, whose rate is not known")


@cache
def world() -> Countries:
    """The table."""
    return read("countries", Countries)


def pleasant(amount: int, currency: str) -> int:
    """An amount in minor units as a hotelier would print it, and never less than one round step."""
    step = world().currency[currency].round_to
    return max(step, divide(amount, step) * step)
