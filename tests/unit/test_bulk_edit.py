"""Bulk edits of rates worked out: what is previewed is what is written, and what is kept brings it back."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotel_booking.admin.rate_words import describe, shown, weekdays
from hotel_booking.domains.properties.catalogue import Property, RoomType
from hotel_booking.domains.rates.ari import RESTRICTIONS, spread
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.changes import (
    OF_THE_TYPE,
    BulkEdit,
    CellKey,
    InvalidEdit,
    Rows,
    Run,
    check_value,
    empty,
    lines,
    runs,
    targets,
    unrolled,
    value_at,
    work_out,
)
from hotel_booking.domains.rates.queries import Catalogue
from hotel_booking.domains.rates.repricing import PriceChange

TODAY = date(2030, 3, 1)  # a Friday
EVERY_DAY = frozenset(range(7))
T = TypeVar("T", Property, RoomType)


def plan(number: int, code: str, parent: int | None = None) -> RatePlan:
    adjust: dict[str, Any] = {"adjust_kind": "percent", "adjust_value": -100_000} if parent else {}
    none: dict[str, Any] = dict.fromkeys(RatePlan.__struct_fields__)
    given_ = none | {
        "id": number,
        "code": code,
        "name": code,
        "meal": 14,
        "policy_id": 1,
        "deposit_kind": "none",
        "deposit_value": 0,
        "parent_id": parent,
        "adjust_per_person": False,
        "sort": 0,
        "version": 1,
    }
    return RatePlan(**(given_ | adjust))


def of(kind: type[T], **known: Any) -> T:
    """Something of the catalogue of which a bulk edit reads only this."""
    values: dict[str, Any] = dict.fromkeys(kind.__struct_fields__)
    return kind(**(values | known))


CATALOGUE = Catalogue(
    of(Property, id=1, slug="seaview", timezone="Europe/Lisbon", currency="EUR", child_bands=[]),
    [of(RoomType, id=number, code=code, child_amounts=[]) for number, code in ((1, "DBL"), (2, "SGL"))],
    [plan(11, "FLEX"), plan(12, "CORP"), plan(13, "NRF", 11)],
    [],
    [],
)
FLEX, CORP, NRF = 11, 12, 13


def rate(**said: Any) -> dict[str, Any]:
    """A rate-night as it is stored."""
    columns = ("price", *RESTRICTIONS)
    return {column: empty(column) for column in columns} | said


def room(**said: Any) -> dict[str, Any]:
    """A room-night as it is stored."""
    return rate(overbooking_limit=0) | said


def done(edit: BulkEdit, rows: Rows) -> dict[CellKey, Any]:
    found = work_out(edit, *targets(edit, CATALOGUE, TODAY), rows)
    return {change.key: change.after for change in found.changes}


def edit_of(**said: Any) -> BulkEdit:
    values: dict[str, Any] = {
        "first": TODAY,
        "last": TODAY + timedelta(days=13),
        "weekdays": EVERY_DAY,
        "room_types": ("DBL",),
        "plans": ("FLEX",),
    }
    return BulkEdit(**(values | said))


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        (PriceChange("set", 12_900), None, 12_900),
        (PriceChange("set", 12_900), 10_000, 12_900),
        (PriceChange("percent", 100_000), 12_900, 14_190),
        (PriceChange("percent", 100_000, 100), 12_900, 14_200),
        (PriceChange("percent", -75_000, 500), 9_990, 9_000),
        (PriceChange("percent", -1_000_000), 9_990, 0),
        (PriceChange("percent", 100_000), None, None),
        (PriceChange("amount", -500), 300, 0),
        (PriceChange("amount", 1_500), 10_000, 11_500),
        (PriceChange("amount", 0, 100), 10_050, 10_100),
        (PriceChange("set", 12_345, 100), 10_000, 12_345),  # what is set is set as it is said
    ],
)
def test_prices_change_and_are_rounded(change: PriceChange, before: int | None, after: int | None) -> None:
    assert change.apply(before) == after


def test_weekdays_and_both_ends_are_nights() -> None:
    nights = list(edit_of(weekdays=frozenset({4, 5})).nights())
    assert [night.isoformat() for night in nights] == ["2030-03-01", "2030-03-02", "2030-03-08", "2030-03-09"]
    # Dates know no clock: no night is missing or doubled where clocks change (31 March, 27 October).
    year = list(edit_of(first=date(2030, 3, 1), last=date(2031, 2, 28)).nights())
    assert len(year) == len(set(year)) == 365


def test_only_what_differs_changes_and_a_night_without_a_row_goes_on_sale() -> None:
    rows = {
        (1, OF_THE_TYPE, TODAY): room(),
        (1, FLEX, TODAY): rate(price=9_000, closed=True),
    }
    edit = edit_of(
        last=TODAY + timedelta(days=1), price=PriceChange("set", 9_000), restrictions={"closed": False}
    )
    found = work_out(edit, *targets(edit, CATALOGUE, TODAY), rows)
    tomorrow = TODAY + timedelta(days=1)
    assert [(c.key.night, c.key.column, c.before, c.after) for c in found.changes] == [
        (TODAY, "closed", True, False),
        (tomorrow, "price", None, 9_000),
    ]
    assert found.goes_on_sale == ((1, tomorrow),)
    raised = edit_of(last=tomorrow, price=PriceChange("percent", 100_000))
    assert work_out(raised, *targets(raised, CATALOGUE, TODAY), rows).unpriced == 1


def test_the_room_type_itself_and_its_overbooking_limit() -> None:
    edit = edit_of(last=TODAY, plans=("", "NRF"), restrictions={"min_stay_arrival": 3}, overbooking_limit=2)
    assert done(edit, {(1, OF_THE_TYPE, TODAY): room()}) == {
        CellKey(1, OF_THE_TYPE, TODAY, "min_stay_arrival"): 3,
        CellKey(1, OF_THE_TYPE, TODAY, "overbooking_limit"): 2,
        CellKey(1, NRF, TODAY, "min_stay_arrival"): 3,
    }


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"plans": ("NRF",), "price": PriceChange("set", 1)}, "plans"),  # derived
        ({"plans": ("",), "price": PriceChange("set", 1)}, "plans"),
        ({"plans": ("GONE",), "price": PriceChange("set", 1)}, "plans"),
        ({"plans": (), "restrictions": {"closed": True}}, "plans"),
        ({"room_types": (), "price": PriceChange("set", 1)}, "room_types"),
        ({"room_types": ("GONE",), "price": PriceChange("set", 1)}, "room_types"),
        ({}, None),
        ({"last": TODAY - timedelta(days=1), "price": PriceChange("set", 1)}, "last"),
        ({"first": TODAY - timedelta(days=1), "price": PriceChange("set", 1)}, "first"),
        ({"last": TODAY + timedelta(days=900), "price": PriceChange("set", 1)}, "last"),
        ({"last": TODAY, "weekdays": frozenset({0}), "price": PriceChange("set", 1)}, "weekdays"),
        ({"restrictions": {"max_stay": 0}}, "max_stay"),
        ({"restrictions": {"max_stay": 367}}, "max_stay"),
        ({"restrictions": {"price": 5}}, "price"),
        ({"overbooking_limit": 10_001}, "overbooking_limit"),
        ({"price": PriceChange("set", 10**13)}, "price_value"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(said: dict[str, Any], field: str | None) -> None:
    with pytest.raises(InvalidEdit) as refused:
        done(edit_of(**said), {})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("column", "value"),
    [("price", -1), ("price", 10**13), ("min_stay_arrival", 0), ("closed", None), ("capacity", 1), ("x'", 1)],
)
def test_a_cell_holds_only_what_it_can(column: str, value: Any) -> None:
    with pytest.raises(InvalidEdit):
        check_value(CellKey(1, FLEX, TODAY, column), value, CATALOGUE)


# Any rows, any edit ------------------------------------------------------------------------------

LIMIT = st.none() | st.integers(1, 9)
RATES = st.fixed_dictionaries(
    {
        "price": st.none() | st.integers(0, 50_000),
        "closed": st.booleans(),
        "closed_to_arrival": st.booleans(),
        "closed_to_departure": st.booleans(),
        "min_stay_arrival": LIMIT,
        "min_stay_through": LIMIT,
        "max_stay": LIMIT,
    }
)
NIGHT = st.integers(0, 20).map(lambda days: TODAY + timedelta(days=days))
ROWS = st.dictionaries(
    st.tuples(st.sampled_from([1, 2]), st.sampled_from([OF_THE_TYPE, FLEX, CORP, NRF]), NIGHT),
    RATES.map(lambda said: room(**said)),
    max_size=60,
)
SAID = st.fixed_dictionaries(
    {},
    optional={
        "closed": st.booleans(),
        "closed_to_arrival": st.booleans(),
        "min_stay_arrival": LIMIT,
        "max_stay": LIMIT,
    },
)
PRICES = st.none() | st.builds(
    PriceChange,
    kind=st.sampled_from(["percent", "amount"]),
    value=st.integers(-1_000_000, 1_000_000),
    round_to=st.sampled_from([1, 50, 100, 500]),
)


@st.composite
def edits(draw: st.DrawFn) -> BulkEdit:
    first = draw(NIGHT)
    price = draw(PRICES)
    plans = ["FLEX", "CORP"] if price else ["", "FLEX", "CORP", "NRF"]
    return BulkEdit(
        first=first,
        last=first + timedelta(days=draw(st.integers(6, 15))),
        weekdays=frozenset(draw(st.sets(st.integers(0, 6), min_size=1))),
        room_types=tuple(draw(st.sets(st.sampled_from(["DBL", "SGL"]), min_size=1))),
        plans=tuple(draw(st.sets(st.sampled_from(plans), min_size=1))),
        price=price,
        restrictions=draw(SAID),
        overbooking_limit=draw(st.integers(0, 5)),
    )


@settings(max_examples=150, deadline=None)
@given(edit=edits(), rows=ROWS)
def test_what_is_previewed_is_what_is_written(edit: BulkEdit, rows: Rows) -> None:
    found = work_out(edit, *targets(edit, CATALOGUE, TODAY), rows)
    assert list(found.changes) == sorted(found.changes, key=lambda change: change.key)
    assert all(value_at(rows, change.key) == change.before != change.after for change in found.changes)
    wanted = {change.key: change.after for change in found.changes}
    # The lines given to `update_ari` set exactly these cells and no other, as its own code spreads them.
    written: dict[CellKey, Any] = {}
    if found.changes:
        cells = spread(lines(found.changes, CATALOGUE), CATALOGUE, TODAY)
        for (kind, on, night), said in cells.rates.items():
            written |= {CellKey(kind, on, night, column): value for column, value in said.items()}
        for (kind, night), said in cells.rooms.items():
            written |= {CellKey(kind, OF_THE_TYPE, night, column): value for column, value in said.items()}
    assert written == wanted
    # A second time, nothing is left to change but for what has to be worked out from the price.
    if edit.price is None:
        after = {key: dict(row) for key, row in rows.items()}
        for key, value in wanted.items():
            after.setdefault((key.room_type_id, key.plan_id, key.night), room())[key.column] = value
        assert done(edit, after) == {}


@settings(max_examples=100, deadline=None)
@given(edit=edits(), rows=ROWS)
def test_what_is_kept_brings_back_what_was(edit: BulkEdit, rows: Rows) -> None:
    found = work_out(edit, *targets(edit, CATALOGUE, TODAY), rows)
    kept = msgspec.json.decode(msgspec.json.encode(runs(found.changes)), type=list[Run])
    assert unrolled(kept) == list(found.changes)
    assert len(kept) <= len(found.changes)


def test_edits_in_words() -> None:
    edit = edit_of(
        price=PriceChange("percent", -75_000, 100),
        restrictions={"closed": True, "max_stay": None, "min_stay_arrival": 2},
        weekdays=frozenset({0, 1, 2, 6}),
        plans=("FLEX", ""),
    )
    assert describe(edit, "EUR") == (
        "Price -7.5% rounded to 1.00, closed, no max stay, min stay 2 nights on arrival: DBL"
        " on FLEX, all plans, Mon to Wed, Sun"
    )
    assert shown("price", 123_450, "EUR") == "1,234.50"
    assert shown("closed_to_arrival", False, "EUR") == "arrival"
    assert weekdays([0, 2, 3, 4]) == "Mon, Wed to Fri"
