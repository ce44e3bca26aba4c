"""A price line by line in the guest's language: made of what the line carries, never of its English label."""

from __future__ import annotations

from datetime import date

import pytest

from hotel_booking.demo.taxes import taxes
from hotel_booking.domains.rates.pricing import price
from hotel_booking.domains.rates.types import ChildBand, NightPrice, Occupancy, Rules, Tax
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.code_names import TAXES
from hotel_booking.web.i18n.conditions import Conditions, RoomPrice

COUPLE = Occupancy(2)
NAMES = {("room_type", "DBL"): "Doppelzimmer", ("rate_plan", "FLEX"): "Flexibel"}


def told(*taxes: Tax, occupancy: Occupancy = COUPLE, language: str = "de") -> RoomPrice:
    """The price of a night as its guest reads it."""
    rules = Rules(
        currency="EUR",
        rounding="line",
        room_type="DBL",
        room_type_name="Double",
        rate_plan="FLEX",
        rate_plan_name="Flexible",
        child_bands=(ChildBand(2), ChildBand(11)),
        child_amounts=(5_00, 10_00),
        taxes=taxes,
    )
    found = price(rules, [NightPrice(date(2027, 3, 8), 100_00)], occupancy)
    return Conditions(language, translations(language)).breakdown(found.lines, found.total, NAMES)


@pytest.mark.parametrize(
    ("language", "rate", "said"),
    [
        ("de", 190_000, "Mehrwertsteuer 19\xa0%"),
        ("de", 88_750, "Mehrwertsteuer 8,875\xa0%"),
        ("en", 55_000, "VAT 5.5%"),
    ],
)
def test_a_rate_is_written_as_the_language_does(language: str, rate: int, said: str) -> None:
    (tax,) = told(Tax("VAT", "VAT", "percent", rate, 19, included=True), language=language).within
    assert tax.name == said


@pytest.mark.parametrize("name", ["Kurtaxe 5% der Insel", "Levy 7%", "Aufschlag 3 %"])
def test_a_name_of_the_hotels_own_is_left_as_it_is(name: str) -> None:
    """Also where it looks like a name with a rate: only the rate that the line carries is written anew."""
    (fixed,) = told(Tax("OWN", name, "fixed", 3_00, 12, included=False)).added
    (share,) = told(Tax("OWN", name, "percent", 50_000, 19, included=False)).added
    assert fixed.name == share.name == name


def test_children_are_said_with_their_ages() -> None:
    charges = told(occupancy=Occupancy(2, (1, 7, 9))).charges
    assert [(one.name, one.amount) for one in charges] == [
        ("Doppelzimmer", 100_00),
        ("1 Kind (Alter: 0 bis 2)", 5_00),
        ("2 Kinder (Alter: 3 bis 11)", 20_00),
    ]


def test_the_demonstrations_taxes_have_names_in_every_language() -> None:
    """What "Amsterdam tourist tax" would be: a line of English on every German price."""
    shipped = [*taxes().country.values(), *taxes().city.values()]
    assert {tax.name for group in shipped for tax in group} <= TAXES
    (tax,) = told(Tax("TOURIST-TAX", "Tourist tax", "percent", 125_000, 12, included=False)).added
    assert tax.name == "Tourismusabgabe 12,5\xa0%"


def test_lines_of_another_room_are_no_price_of_this_one() -> None:
    tell = Conditions("de", translations("de"))
    rules = Rules(
        currency="EUR",
        rounding="line",
        room_type="DBL",
        room_type_name="",
        rate_plan="FLEX",
        rate_plan_name="",
    )
    found = price(rules, [NightPrice(date(2027, 3, 8), 100_00)], COUPLE)
    with pytest.raises(ValueError, match="add up"):
        tell.breakdown((*found.lines, *found.lines), found.total, NAMES)
