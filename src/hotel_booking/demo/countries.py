"""What the demo knows of countries: their money, and the round prices people there are used to."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec

from hotel_booking.core.money import divide

# Indicative rates to the euro, good enough for a demo; nothing is ever charged by them.
RATES_AS_OF = date(2025, 10, 1)
PER_EURO = {
    "EUR": Decimal(1),
    "AED": Decimal("4.31"),
    "AUD": Decimal("1.77"),
    "BRL": Decimal("6.25"),
    "CAD": Decimal("1.63"),
    "CHF": Decimal("0.935"),
    "CZK": Decimal("24.3"),
    "DKK": Decimal("7.46"),
    "GBP": Decimal("0.872"),
    "JPY": Decimal(173),
    "MAD": Decimal("10.6"),
    "MXN": Decimal("21.6"),
    "NOK": Decimal("11.7"),
    "PLN": Decimal("4.26"),
    "SEK": Decimal("11.0"),
    "SGD": Decimal("1.51"),
    "THB": Decimal("38.0"),
    "TRY": Decimal("48.8"),
    "USD": Decimal("1.17"),
    "ZAR": Decimal("20.3"),
}
# Prices are round to this many minor units; a euro, five francs, fifty crowns.
_ROUND_TO = {
    "AED": 500, "BRL": 500, "CHF": 500, "CZK": 5000, "DKK": 500, "JPY": 100, "MAD": 1000, "MXN": 1000,
    "NOK": 1000, "PLN": 500, "SEK": 500, "THB": 5000, "TRY": 5000, "ZAR": 1000,
}  # fmt: skip


class Country(msgspec.Struct, frozen=True):
    """`season` is the profile of a city hotel there that names none of its own."""

    currency: str
    phone: str
    season: str


COUNTRIES = {
    "AE": Country("AED", "+971", "gulf"),
    "AT": Country("EUR", "+43", "winter_city"),
    "AU": Country("AUD", "+61", "southern"),
    "BR": Country("BRL", "+55", "southern"),
    "CA": Country("CAD", "+1", "northern"),
    "CH": Country("CHF", "+41", "business"),
    "CZ": Country("CZK", "+420", "winter_city"),
    "DE": Country("EUR", "+49", "city"),
    "DK": Country("DKK", "+45", "northern"),
    "ES": Country("EUR", "+34", "mild_city"),
    "FR": Country("EUR", "+33", "city"),
    "GB": Country("GBP", "+44", "city"),
    "GR": Country("EUR", "+30", "mediterranean"),
    "IE": Country("EUR", "+353", "northern"),
    "IT": Country("EUR", "+39", "mild_city"),
    "JP": Country("JPY", "+81", "japan"),
    "MA": Country("MAD", "+212", "desert"),
    "MX": Country("MXN", "+52", "winter_sun"),
    "NL": Country("EUR", "+31", "mild_city"),
    "NO": Country("NOK", "+47", "northern"),
    "PL": Country("PLN", "+48", "winter_city"),
    "PT": Country("EUR", "+351", "mild_city"),
    "SE": Country("SEK", "+46", "northern"),
    "SG": Country("SGD", "+65", "equator"),
    "TH": Country("THB", "+66", "tropical"),
    "TR": Country("TRY", "+90", "mild_city"),
    "US": Country("USD", "+1", "city"),
    "ZA": Country("ZAR", "+27", "southern"),
}


def pleasant(amount: int, currency: str) -> int:
    """An amount in minor units as a hotelier would print it, and never less than one round step."""
    step = _ROUND_TO.get(currency, 100)
    return max(step, divide(amount, step) * step)
