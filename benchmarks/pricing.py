"""Measure `rates.pricing.price`: the time of one offer.

Run `.venv/bin/python benchmarks/pricing.py`; prints microseconds per call, the best of several runs.
"""

from __future__ import annotations

import timeit
from datetime import date, timedelta

from hotel_booking.domains.rates.pricing import price
from hotel_booking.domains.rates.types import (
    PER_NIGHT,
    PER_PERSON_PER_NIGHT,
    Adjustment,
    ChildBand,
    NightPrice,
    Occupancy,
    Rules,
    Tax,
)

VAT = Tax("vat", "VAT", "percent", 70_000, PER_NIGHT, included=True)
CITY = Tax("city", "City tax", "fixed", 250, PER_PERSON_PER_NIGHT, included=False, exempt_below_age=14)
CAPPED = Tax(
    "city", "City tax", "fixed", 250, PER_PERSON_PER_NIGHT, included=False, exempt_below_age=14, max_nights=7
)


def rules(*taxes: Tax, adjustment: Adjustment | None = None) -> Rules:
    """A double room with one included VAT and a city tax."""
    return Rules(
        currency="EUR",
        rounding="line",
        room_type="double",
        room_type_name="Double room",
        rate_plan="flexible",
        rate_plan_name="Flexible",
        extra_adult=2500,
        child_bands=(ChildBand(2), ChildBand(11)),
        child_amounts=(0, 1200),
        adjustment=adjustment,
        taxes=taxes,
    )


def main() -> None:
    couple, family = Occupancy(2), Occupancy(2, (5, 1))
    cases = {
        "3 nights, couple": (rules(VAT, CITY), 3, couple),
        "3 nights, couple, city tax capped at 7 nights": (rules(VAT, CAPPED), 3, couple),
        "3 nights, family, plan 10 % cheaper": (
            rules(VAT, CITY, adjustment=Adjustment("percent", -100_000)),
            3,
            family,
        ),
        "14 nights, couple": (rules(VAT, CITY), 14, couple),
    }
    for name, (terms, length, occupancy) in cases.items():
        nights = [NightPrice(date(2027, 3, 1) + timedelta(days=i), 12_900 + 100 * i) for i in range(length)]
        calls = 5_000
        # It is called at once.
        best = min(timeit.repeat(lambda: price(terms, nights, occupancy), number=calls, repeat=5))  # noqa: B023
        print(f"{best / calls * 1e6:6.1f} µs  {name}")


if __name__ == "__main__":
    main()
