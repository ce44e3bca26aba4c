"""Whether a stay is sold, why not, and the nearest stay that is, against a brute force."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotel_booking.core.dates import InvalidStay, Stay
from hotel_booking.domains.rates.nearest_fix import Fix, RoomTypeCalendar, nearest_fix
from hotel_booking.domains.rates.restrictions import (
    NightState,
    OccupancyRules,
    PlanTerms,
    Restriction,
    combine,
    refusals,
    window,
)
from hotel_booking.domains.rates.types import Occupancy

TODAY = date(2027, 3, 1)
ARRIVAL = date(2027, 3, 10)
STAY = Stay(ARRIVAL, ARRIVAL + timedelta(days=2))
COUPLE = Occupancy(2)
NO_TERMS = PlanTerms()
DOUBLE = OccupancyRules(max_occupancy=3, max_adults=2, max_children=1, adult_age=12)


def on(offset: int) -> date:
    return ARRIVAL + timedelta(days=offset)


def calendar(first: int = -20, last: int = 40, **changed: Any) -> dict[date, NightState]:
    """Open nights around the arrival, but `d0={"closed": True}` for the arrival night, `d2` two later."""
    nights = {on(i): NightState(on(i), True, 5, False, 100_00) for i in range(first, last + 1)}
    for name, values in changed.items():
        night = on(int(name[1:]))
        nights[night] = msgspec.structs.replace(nights[night], **values)
    return nights


def codes(
    nights: dict[date, NightState],
    *,
    terms: PlanTerms = NO_TERMS,
    occupancy: Occupancy = COUPLE,
    stay: Stay = STAY,
    rooms: int = 1,
    today: date = TODAY,
) -> list[tuple[str, date | None, int | None]]:
    found = refusals(nights, terms, DOUBLE, occupancy, stay, rooms, today)
    return [(reason.code, reason.night, reason.limit) for reason in found]


def test_an_open_stay_is_sold() -> None:
    assert codes(calendar()) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"d0": {"on_sale": False}}, [("not_on_sale", on(0), None)]),
        ({"d1": {"price": None}}, [("no_price", on(1), None)]),
        ({"d1": {"rooms_left": 0}}, [("sold_out", on(1), 0)]),
        ({"d1": {"rooms_left": -2}}, [("sold_out", on(1), 0)]),
        ({"d0": {"closed": True}}, [("closed", on(0), None)]),
        ({"d0": {"min_stay_arrival": 3}}, [("min_stay_arrival", on(0), 3)]),
        ({"d1": {"min_stay_arrival": 3}}, []),
        ({"d0": {"min_stay_arrival": 2}}, []),
        ({"d1": {"min_stay_through": 3}}, [("min_stay_through", on(1), 3)]),
        ({"d2": {"min_stay_through": 3}}, []),
        ({"d0": {"max_stay": 1}}, [("max_stay", on(0), 1)]),
        ({"d1": {"max_stay": 1}}, []),
        ({"d0": {"closed_to_arrival": True}}, [("closed_to_arrival", on(0), None)]),
        ({"d1": {"closed_to_arrival": True}}, []),
        ({"d2": {"closed_to_departure": True}}, [("closed_to_departure", on(2), None)]),
        ({"d1": {"closed_to_departure": True}}, []),
        ({"d2": {"rooms_left": 0, "closed": True, "price": None, "on_sale": False}}, []),
        (
            {
                "d0": {"closed": True, "closed_to_arrival": True, "rooms_left": 0, "min_stay_through": 4},
                "d1": {"price": None, "min_stay_through": 5},
                "d2": {"closed_to_departure": True},
            },
            [
                ("closed", on(0), None),
                ("sold_out", on(0), 0),
                ("min_stay_through", on(0), 4),
                ("closed_to_arrival", on(0), None),
                ("no_price", on(1), None),
                ("min_stay_through", on(1), 5),
                ("closed_to_departure", on(2), None),
            ],
        ),
    ],
)
def test_each_restriction_where_it_counts(
    changed: dict[str, Any], expected: list[tuple[str, date | None, int | None]]
) -> None:
    assert codes(calendar(**changed)) == expected


def test_beyond_the_calendar_nothing_is_on_sale_but_departing_is_free() -> None:
    assert codes(calendar(last=0)) == [("not_on_sale", on(1), None)]
    assert codes(calendar(last=1)) == []


def test_more_rooms_than_are_left() -> None:
    assert codes(calendar(d1={"rooms_left": 2}), rooms=3) == [("sold_out", on(1), 2)]
    assert codes(calendar(d1={"rooms_left": 2}), rooms=2) == []


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (PlanTerms(min_advance_days=9), []),
        (PlanTerms(min_advance_days=10), [("advance_purchase", on(0), 10)]),
        (PlanTerms(max_advance_days=9), []),
        (PlanTerms(max_advance_days=8), [("advance_maximum", on(0), 8)]),
        (PlanTerms(min_stay=3), [("min_stay_arrival", None, 3)]),
        (PlanTerms(max_stay=1), [("max_stay", None, 1)]),
        (PlanTerms(min_stay=2, max_stay=2), []),
    ],
)
def test_terms_of_the_plan(terms: PlanTerms, expected: list[tuple[str, date | None, int | None]]) -> None:
    assert codes(calendar(), terms=terms) == expected


def test_the_past_is_not_sold() -> None:
    assert codes(calendar(), today=ARRIVAL) == []
    assert codes(calendar(), today=on(1), terms=PlanTerms(min_advance_days=1)) == [
        ("in_the_past", on(0), None)
    ]


@pytest.mark.parametrize(
    ("occupancy", "limits"),
    [
        (Occupancy(2, (11,)), []),
        (Occupancy(1, (12,)), []),
        (Occupancy(2, (12,)), [2]),  # counts as a third adult
        (Occupancy(3), [2]),
        (Occupancy(1, (3, 4)), [1]),
        (Occupancy(2, (3, 4)), [3, 1]),
        (Occupancy(0, (17,)), [1]),  # counts as an adult, but is none
    ],
)
def test_a_party_that_is_too_large_is_told_the_limit(occupancy: Occupancy, limits: list[int]) -> None:
    assert codes(calendar(), occupancy=occupancy) == [("occupancy", None, limit) for limit in limits]


def test_details_are_sentences_with_what_would_work() -> None:
    nights = calendar(
        d0={"min_stay_arrival": 3},
        d1={"rooms_left": 1, "min_stay_through": 4},
        d2={"closed_to_departure": True},
    )
    found = refusals(nights, PlanTerms(min_advance_days=14), DOUBLE, Occupancy(2, (3, 4)), STAY, 2, TODAY)
    assert [reason.detail for reason in found] == [
        "to be booked at least 14 days before arrival: arrive on 15 March or later",
        "sleeps at most 3 guests",
        "takes at most 1 child",
        "minimum stay 3 nights on 10 March",
        "only 1 room left on 11 March",
        "minimum stay 4 nights for stays over 11 March",
        "no departure on 12 March",
    ]


def test_the_strictest_level_counts() -> None:
    assert combine(
        Restriction(min_stay_arrival=2, max_stay=9, closed_to_departure=True),
        None,
        Restriction(min_stay_arrival=3, min_stay_through=2, max_stay=7),
        Restriction(min_stay_arrival=1),
    ) == Restriction(False, 3, 2, 7, False, True)
    assert combine() == combine(None) == Restriction()
    state = NightState.of(
        ARRIVAL, on_sale=True, rooms_left=1, price=1, restriction=Restriction(True, 2, 3, 4, True, False)
    )
    assert state == NightState(ARRIVAL, True, 1, True, 1, 2, 3, 4, True, False)


# --- the nearest fix ---------------------------------------------------------------------------------


def fix(
    *room_types: RoomTypeCalendar,
    stay: Stay = STAY,
    terms: PlanTerms = NO_TERMS,
    occupancy: Occupancy = COUPLE,
    today: date = TODAY,
) -> Fix | None:
    return nearest_fix(
        room_types, room_type="double", terms=terms, occupancy=occupancy, stay=stay, rooms=1, today=today
    )


def double(nights: dict[date, NightState]) -> RoomTypeCalendar:
    return RoomTypeCalendar("double", "Double room", DOUBLE, nights)


def suite(nights: dict[date, NightState]) -> RoomTypeCalendar:
    return RoomTypeCalendar("suite", "Suite", DOUBLE, nights)


@pytest.mark.parametrize(
    ("room_types", "expected"),
    [
        # One day later at the same length comes before a shorter stay at the same cost.
        (
            [double(calendar(d0={"rooms_left": 0}))],
            Fix("double", on(1), on(3), "arrive 11 March instead, 2 nights"),
        ),
        (
            [double(calendar(d1={"rooms_left": 0}, d2={"rooms_left": 0}))],
            Fix("double", on(-1), on(1), "arrive 9 March instead, 2 nights"),
        ),
        (
            [double(calendar(first=0, d1={"rooms_left": 0}, d2={"rooms_left": 0}))],
            Fix("double", on(0), on(1), "stay 1 night instead of 2, until 11 March"),
        ),
        (
            [double(calendar(d2={"closed_to_departure": True}))],
            Fix("double", on(1), on(3), "arrive 11 March instead, 2 nights"),
        ),
        ([double({}), suite(calendar())], Fix("suite", on(0), on(2), "take Suite instead")),
        (
            [double({}), suite(calendar(d0={"min_stay_arrival": 3}, d1={"closed_to_arrival": True}))],
            Fix("suite", on(-1), on(1), "take Suite instead, arrive 9 March, 2 nights"),
        ),
        # The same room type wins at the same cost.
        (
            [suite(calendar()), double(calendar(d0={"rooms_left": 0}))],
            Fix("double", on(1), on(3), "arrive 11 March instead, 2 nights"),
        ),
        ([double({}), suite({})], None),
        ([double(calendar())], Fix("double", on(0), on(2), "as asked")),
        ([], None),
    ],
)
def test_the_nearest_fix(room_types: list[RoomTypeCalendar], expected: Fix | None) -> None:
    assert fix(*room_types) == expected


def test_no_fix_lies_in_the_past_or_more_than_14_days_off() -> None:
    far = {on(i): NightState(on(i), True, 1, False, 1) for i in range(15, 40)}
    assert fix(double(far)) is None
    assert fix(double({**far, on(14): NightState(on(14), True, 1, False, 1)})) == Fix(
        "double", on(14), on(16), "arrive 24 March instead, 2 nights"
    )
    early = {on(i): NightState(on(i), True, 1, False, 1) for i in range(-14, -9)}
    assert fix(double(early), today=on(-9)) is None


def test_a_party_too_large_for_every_room_has_no_fix() -> None:
    assert fix(double(calendar()), suite(calendar()), occupancy=Occupancy(4)) is None


def test_the_window_holds_what_is_needed() -> None:
    assert window(STAY, TODAY) == (TODAY, on(16))
    assert window(STAY, on(-60)) == (on(-14), on(16))
    assert window(STAY, on(1)) == (on(0), on(16))


def brute_force(
    room_types: list[RoomTypeCalendar],
    asked: str,
    terms: PlanTerms,
    occupancy: Occupancy,
    stay: Stay,
    rooms: int,
    today: date,
) -> tuple[str, date, date] | None:
    """Every candidate by `refusals`, the least by the key as `nearest_fix` documents it."""
    found = []
    for order, option in enumerate(room_types):
        for first in range(-14, 15):
            for last in range(-14, 15):
                arrival, departure = stay.arrival + timedelta(first), stay.departure + timedelta(last)
                try:
                    candidate = Stay(arrival, departure)
                except InvalidStay:
                    continue
                if refusals(
                    option.calendar, terms, option.occupancy_rules, occupancy, candidate, rooms, today
                ):
                    continue
                growth = candidate.nights - stay.nights
                other = option.code != asked
                key = (
                    abs(first) + abs(growth) + other,
                    other,
                    growth != 0,
                    abs(first),
                    first < 0,
                    growth < 0,
                    order,
                )
                found.append((key, (option.code, arrival, departure)))
    return min(found)[1] if found else None


@st.composite
def night_states(draw: st.DrawFn, night: date, open_of_ten: int) -> NightState:
    def often() -> bool:
        return draw(st.integers(0, 9)) < open_of_ten

    return NightState(
        night,
        on_sale=often() or often(),
        rooms_left=draw(st.integers(1, 3)) if often() else 0,
        closed=not (often() or often()),
        price=100 if often() or often() else None,
        min_stay_arrival=None if often() else draw(st.integers(1, 9)),
        min_stay_through=None if often() else draw(st.integers(1, 9)),
        max_stay=None if often() else draw(st.integers(1, 9)),
        closed_to_arrival=not often(),
        closed_to_departure=not often(),
    )


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    stay = Stay(ARRIVAL, ARRIVAL + timedelta(days=draw(st.integers(1, 9) | st.sampled_from((20, 40)))))
    today = stay.arrival - timedelta(days=draw(st.integers(-3, 20)))
    first, last = window(stay, today)
    few = st.none() | st.integers(1, 12)
    room_types = []
    for code in draw(st.permutations(("double", "suite", "twin")))[: draw(st.integers(1, 3))]:
        openness = draw(st.sampled_from((5, 7, 8, 9, 10)))
        # A short pattern repeated keeps the examples small enough to be many.
        pattern = [draw(night_states(ARRIVAL, openness)) for _ in range(draw(st.integers(1, 11)))]
        missing = draw(st.sets(st.integers(0, 40), max_size=2))
        nights = {}
        for number in range((last - first).days + 1):
            night = first + timedelta(days=number)
            if number not in missing:
                nights[night] = msgspec.structs.replace(pattern[number % len(pattern)], night=night)
        rules = OccupancyRules(draw(st.integers(1, 4)), draw(st.integers(1, 3)), 2, 12)
        room_types.append(RoomTypeCalendar(code, code.title(), rules, nights))
    return {
        "room_types": room_types,
        "terms": PlanTerms(draw(few), draw(st.none() | st.integers(1, 40)), draw(few), draw(few)),
        "occupancy": Occupancy(draw(st.integers(1, 2)), (5,) * draw(st.integers(0, 1))),
        "stay": stay,
        "rooms": draw(st.integers(1, 2)),
        "today": today,
    }


@settings(deadline=None)  # the brute force takes its time
@given(cases())
def test_the_nearest_fix_is_the_brute_forces(case: dict[str, Any]) -> None:
    found = nearest_fix(**case, room_type="double")
    expected = brute_force(
        case["room_types"],
        "double",
        case["terms"],
        case["occupancy"],
        case["stay"],
        case["rooms"],
        case["today"],
    )
    assert (found and (found.room_type, found.arrival, found.departure)) == expected


@pytest.mark.parametrize(
    "stay",
    [
        Stay(ARRIVAL, ARRIVAL + timedelta(days=366)),
        Stay(date(2099, 12, 20), date(2099, 12, 31)),
        Stay(date(2000, 1, 3), date(2000, 1, 5)),
    ],
)
def test_the_fix_is_a_stay_even_at_the_ends_of_what_a_stay_can_be(stay: Stay) -> None:
    today = stay.arrival - timedelta(days=20)
    first, last = window(stay, today)
    dates = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    # Minimum stay through on two nights of three leaves few candidates; all lie at the edges.
    nights = {
        night: NightState(
            night,
            True,
            1,
            False,
            1,
            min_stay_through=stay.nights + 3,
            closed_to_arrival=night == stay.arrival,
        )
        for night in dates
    }
    options = [double(nights)]
    found = fix(*options, stay=stay, today=today)
    expected = brute_force(options, "double", NO_TERMS, COUPLE, stay, 1, today)
    assert (found and (found.room_type, found.arrival, found.departure)) == expected
