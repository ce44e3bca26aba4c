"""Taxes of the kind that each country has: enough to look true and to exercise every rule.

They are examples, not legal or tax advice: rates change, and real properties have classes and exemptions
that are left out here. Amounts are minor units of the country's currency, rates parts per million.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from hotel_booking.domains.rates.types import PER_NIGHT, PER_PERSON_PER_NIGHT, PER_STAY, Tax

_PERCENT = 10_000


def _share(code: str, name: str, percent: float, *, included: bool, nights: int | None = None) -> Tax:
    """A percentage of the net price of each night."""
    return Tax(code, name, "percent", round(percent * _PERCENT), PER_NIGHT, included, max_nights=nights)


def _per_person(code: str, name: str, value: int, from_age: int | None, nights: int | None = None) -> Tax:
    """A fixed amount for each person and night, on top of the price."""
    return Tax(code, name, "fixed", value, PER_PERSON_PER_NIGHT, False, from_age, nights)


def _per_night(code: str, name: str, value: int, nights: int | None = None) -> Tax:
    """A fixed amount for each room and night, on top of the price."""
    return Tax(code, name, "fixed", value, PER_NIGHT, False, None, nights)


def _vat(percent: float, name: str = "VAT") -> Tax:
    return _share("VAT", name, percent, included=True)


# What every property in the country charges.
_COUNTRY: dict[str, tuple[Tax, ...]] = {
    "AE": (
        _share("SERVICE", "Service charge", 10, included=False),
        _share("MUNICIPALITY", "Municipality fee", 7, included=False),
        _share("VAT", "VAT", 5, included=False),
        _per_night("TOURISM-DIRHAM", "Tourism dirham", 20_00, nights=30),
    ),
    "AT": (_vat(10),),
    "AU": (_vat(10, "GST"),),
    "BR": (
        _share("ISS", "ISS", 5, included=True),
        _per_night("ROOM-TAX", "Tourism room fee", 9_00),
    ),
    "CA": (_share("GST", "GST", 5, included=False), _share("PST", "Provincial sales tax", 8, included=False)),
    "CH": (_vat(3.8),),
    "CZ": (_vat(12),),
    "DE": (_vat(7),),
    "DK": (_vat(25),),
    "ES": (_vat(10, "IVA"),),
    "FR": (_vat(10, "TVA"),),
    "GB": (_vat(20),),
    "GR": (_vat(13), _per_night("CLIMATE", "Climate resilience fee", 10_00)),
    "IE": (_vat(13.5),),
    "IT": (_vat(10, "IVA"),),
    "JP": (_vat(10, "Consumption tax"),),
    "MA": (_vat(10), _per_person("CITY-TAX", "Tourist tax", 36_00, 12)),
    "MX": (
        _share("IVA", "IVA", 16, included=False),
        _share("LODGING", "Lodging tax", 5, included=False),
    ),
    "NL": (_vat(21),),
    "NO": (_vat(12),),
    "PL": (_vat(8),),
    "PT": (_vat(6, "IVA"),),
    "SE": (_vat(12),),
    "SG": (
        _share("SERVICE", "Service charge", 10, included=False),
        _share("GST", "GST", 9, included=False),
    ),
    "TH": (_vat(7), _share("SERVICE", "Service charge", 10, included=True)),
    "TR": (_vat(10), _share("LODGING", "Accommodation tax", 2, included=True)),
    "US": (_share("SALES", "State sales tax", 6, included=False),),
    "ZA": (_vat(15), _share("TOURISM-LEVY", "Tourism levy", 1, included=False)),
}

# What a city adds, by its GeoNames id.
_ByStars = dict[int, int]


def _city(place: int, stars: int) -> tuple[Tax, ...]:  # noqa: C901  # one case a city
    def by_stars(amounts: _ByStars) -> int:
        return amounts[max(star for star in amounts if star <= stars)]

    match place:
        case 2267057:  # Lisbon
            return (_per_person("CITY-TAX", "Lisbon city tax", 4_00, 13, nights=7),)
        case 2735943:  # Porto
            return (_per_person("CITY-TAX", "Porto tourist tax", 3_00, 13, nights=7),)
        case 2267827:  # Funchal
            return (_per_person("CITY-TAX", "Funchal tourist tax", 2_00, 13, nights=7),)
        case 3128760:  # Barcelona
            amount = by_stars({1: 5_00, 4: 5_70, 5: 7_50})
            return (_per_person("CITY-TAX", "Tourist tax of Catalonia and Barcelona", amount, 17, nights=7),)
        case 2512989:  # Palma
            amount = by_stars({1: 2_00, 4: 3_00, 5: 4_00})
            return (_per_person("ECO-TAX", "Sustainable tourism tax", amount, 16, nights=8),)
        case 2988507:  # Paris
            amount = by_stars({1: 2_60, 3: 5_53, 4: 8_45, 5: 11_38})
            return (_per_person("CITY-TAX", "Taxe de séjour", amount, 18),)
        case 2990440:  # Nice
            return (_per_person("CITY-TAX", "Taxe de séjour", by_stars({1: 1_50, 4: 3_20, 5: 5_00}), 18),)
        case 3169070:  # Rome
            amount = by_stars({1: 4_00, 3: 6_00, 4: 7_50, 5: 10_00})
            return (_per_person("CITY-TAX", "Rome accommodation contribution", amount, 10, nights=10),)
        case 3176959:  # Florence
            return (
                _per_person("CITY-TAX", "Florence tourist tax", by_stars({1: 4_50, 4: 7_00}), 12, nights=7),
            )
        case 3164603:  # Venice
            return (
                _per_person("CITY-TAX", "Venice tourist tax", by_stars({1: 3_50, 4: 4_50}), 10, nights=5),
            )
        case 3173435:  # Milan
            return (
                _per_person("CITY-TAX", "Milan tourist tax", by_stars({1: 5_00, 4: 7_00}), 18, nights=14),
            )
        case 2761369:  # Vienna: a rate that changes on a date
            early = _share("LOCAL-TAX-5", "Vienna local tax", 5, included=False)
            late = _share("LOCAL-TAX-8", "Vienna local tax", 8, included=False)
            return (_from(early, None, date(2027, 7, 1)), _from(late, date(2027, 7, 1), None))
        case 2775220:  # Innsbruck
            return (_per_person("VISITOR-TAX", "Visitor's tax", 3_00, 15),)
        case 2950159:  # Berlin
            return (_share("CITY-TAX", "Berlin city tax", 7.5, included=False, nights=21),)
        case 2911298:  # Hamburg
            return (_per_person("CULTURE-TAX", "Culture and tourism tax", 3_00, None),)
        case 2657896:  # Zürich
            return (_per_person("CITY-TAX", "City tax", 3_50, None),)
        case 2759794:  # Amsterdam
            return (_share("TOURIST-TAX", "Amsterdam tourist tax", 12.5, included=False),)
        case 2650225:  # Edinburgh
            levy = _share("VISITOR-LEVY", "Visitor levy", 5, included=False, nights=5)
            return (_from(levy, date(2026, 7, 24), None),)
        case 3067696:  # Prague
            return (_per_person("CITY-TAX", "Local fee", 50_00, 18, nights=60),)
        case 1850147:  # Tokyo
            return (_per_person("LODGING-TAX", "Tokyo accommodation tax", 200 if stars > 2 else 100, None),)
        case 1857910:  # Kyoto
            return (_per_person("LODGING-TAX", "Kyoto accommodation tax", 1000, None),)
        case 5128581:  # New York
            return (
                _share("CITY-OCCUPANCY", "City hotel occupancy tax", 5.875, included=False),
                _share("CITY-SALES", "City sales tax", 2.875, included=False),
                _per_night("OCCUPANCY-FEE", "Occupancy and unit fees", 3_50),
            )
        case 4164143:  # Miami Beach
            return (
                _share("RESORT-TAX", "Resort and county tax", 8, included=False),
                _per_night("RESORT-FEE", "Resort fee", 39_00),
            )
        case 5391959:  # San Francisco
            return (
                _share("HOTEL-TAX", "Transient occupancy tax", 14, included=False),
                _share("ASSESSMENT", "Tourism improvement assessment", 2.25, included=False),
            )
        case 6173331:  # Vancouver
            return (_share("MRDT", "Municipal and regional district tax", 5.5, included=False),)
        case 3531673:  # Cancún: once a stay
            return (Tax("SANITATION", "Environmental sanitation fee", "fixed", 85_00, PER_STAY, False),)
    return ()


def taxes_of(country: str, place: int, stars: int) -> tuple[Tax, ...]:
    """The taxes of a property, those of the country first."""
    return (*_COUNTRY[country], *_city(place, stars))


def rounding_of(country: str) -> Literal["line", "sum"]:
    """Where prices are quoted net, invoices are rounded on their sum; elsewhere line by line."""
    return "line" if _COUNTRY[country][0].included else "sum"


def _from(tax: Tax, first: date | None, end: date | None) -> Tax:
    return Tax(
        tax.code,
        tax.name,
        tax.kind,
        tax.value,
        tax.charge_type,
        tax.included,
        max_nights=tax.max_nights,
        valid_from=first,
        valid_to=end,
    )
