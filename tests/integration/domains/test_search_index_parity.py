"""The search index gives what SQL gives: over random catalogues and searches, whole answers are compared."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotel_booking.api.offers import FORM as OFFERS
from hotel_booking.api.offers import offer_of
from hotel_booking.api.search import FORM, result_of
from hotel_booking.core.dates import Stay, earliest_business_date
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.exchange.queries import exchange_rates
from hotel_booking.domains.rates.party import spread
from hotel_booking.domains.rates.queries import load_catalogue
from hotel_booking.domains.rates.restrictions import window
from hotel_booking.domains.rates.types import CancellationPolicy, Fee, Occupancy, Step, Tax
from hotel_booking.domains.search import find as by_sql
from hotel_booking.domains.search.calendar import calendar_of
from hotel_booking.domains.search.form import WrittenPage
from hotel_booking.domains.search.index import compiled, layout, single_nights, sold
from hotel_booking.domains.search.index.load import capacity_for, put_properties
from hotel_booking.domains.search.index.view import IndexView
from hotel_booking.domains.search.index.writer import Writer
from hotel_booking.domains.search.offers import cheapest_of, offers_of
from hotel_booking.domains.search.searching import Searching
from hotel_booking.domains.search.types import (
    Around,
    Box,
    Offers,
    SearchPage,
    SearchRequest,
    Sort,
    Within,
)
from hotel_booking.web.search.other_rooms import refundable
from tests.factories.world import (
    FLEXIBLE,
    NOW,
    STRICT,
    Counting,
    Hotel,
    day,
    make_hold,
    make_nights,
    make_plan,
    make_property,
    make_rates,
    make_room_type,
    simple_hotel,
    undone,
)

pytestmark = pytest.mark.postgresql

LISBON = Around(38.7, -9.1, 50)
LESS = (("percent", -100_001), ("amount", -377))
LONG = "the hotel of the very long and quite unforgettable name number"
POLICIES = (
    FLEXIBLE,
    STRICT,
    CancellationPolicy("TWO", "Two", (Step(None, time(0), Fee("nights", 2)),), Fee("nights", 2)),
    CancellationPolicy("PART", "Part", (Step(30, time(12), Fee("percent", 500_000)),), Fee("nights", 1)),
    CancellationPolicy(
        "LATE", "Late", (Step(20, time(1), Fee("fixed", 9_000)), Step(3, time(0), Fee("nights", 9))),
        Fee("nights", 9),
    ),
    CancellationPolicy(
        "STEPS", 'Step by "step"',
        (
            Step(None, time(0), Fee("fixed", 500)), Step(9, time(12), Fee("percent", 333_333)),
            Step(8, time(12), Fee("percent", 333_333)), Step(1, time(18), Fee("percent", 1_000_000)),
        ),
        Fee("fixed", 0),
    ),
)  # fmt: skip

# One limit at a time and mostly none, so that about half of what is asked is sold.
limits = st.sampled_from(
    [
        {"closed": True},
        *({name: n} for name in ("min_stay_arrival", "min_stay_through", "max_stay") for n in (1, 2, 3)),
        {"closed_to_arrival": True},
        {"closed_to_departure": True},
    ]
)
runs = st.lists(st.tuples(st.integers(9, 14), st.integers(1, 2), limits), max_size=1)
some_amounts = st.none() | st.none() | st.lists(st.integers(0, 2_000), min_size=2, max_size=2)
DATES = [(None, None), (None, None), (day(11), None), (None, day(11)), (day(10), day(12))]


@st.composite
def taxes(draw: st.DrawFn) -> list[Tax]:
    """Of every kind; a city's hotels have mostly the same ones."""
    if draw(st.booleans()):
        return [Tax("VAT", "VAT", "percent", 190_000, 19, included=True)]
    made = []
    for place in range(draw(st.integers(0, 3))):
        since, until = draw(st.sampled_from(DATES))
        longest = draw(st.sampled_from([None, None, 1, 2]))
        included = draw(st.booleans())
        if draw(st.booleans()):
            value, kind = (
                draw(st.sampled_from([190_000, 77_500, 1_000_000, 0])),
                draw(st.sampled_from([12, 19])),
            )
            tax = Tax(f"T{place}", "T", "percent", value, kind, included, None, longest, since, until)
        else:
            value = draw(st.sampled_from([333, 1_500, 60_000]))
            kind = draw(st.sampled_from([12, 19, 20, 21]))
            exempt = draw(st.sampled_from([None, 10]))
            tax = Tax(f"T{place}", "T", "fixed", value, kind, included, exempt, longest, since, until)
        made.append(tax)
    return made


room_types = st.fixed_dictionaries(
    {
        "rooms": st.sampled_from([3, 3, 3, 2, 1, 0]),
        "columns": st.fixed_dictionaries(
            {
                "base_occupancy": st.integers(1, 2),
                "max_occupancy": st.sampled_from([4, 4, 3]),
                "max_adults": st.sampled_from([3, 3, 2]),
                "max_children": st.sampled_from([2, 2, 1]),
                "extra_adult": st.integers(0, 2_000),
                "child_amounts": st.lists(st.integers(0, 1_000), max_size=3),
                "active": st.sampled_from([True] * 7 + [False]),
                "sort": st.integers(0, 1),
            }
        ),
        "nights": st.sampled_from([12] * 5 + [5]),
        "runs": runs,
        "held": st.sampled_from([None, None, -1, 1]),  # a hold that lapses so many minutes from now
    }
)
plans = st.fixed_dictionaries(
    {
        "derived": st.booleans(),
        "adjust": st.sampled_from(
            [
                ("percent", -123_456),
                ("percent", 90_000),
                ("percent", -950_000),
                ("amount", -700),
                ("amount", -400, True),
                ("amount", 650),
                ("amount", -9_000),
            ]
        ),
        "policy": st.sampled_from([policy.code for policy in POLICIES]),
        "terms": st.sampled_from(
            [
                *[{}] * 12,
                {"meal": 19},
                {"min_stay": 2},
                {"max_stay": 2},
                {"min_advance_days": 11},
                {"max_advance_days": 10},
                {"active": False},
                {"sort": -1},
                {"name": 'The "best" \\ of\u2028\u6771\u4eac'},
            ]
        ),
        "deposit": st.sampled_from(
            [
                *[{}] * 3,
                {"deposit_kind": "full", "deposit_capture": "check_in"},
                {"deposit_kind": "percent", "deposit_value": 333_333},
                {"deposit_kind": "nights", "deposit_value": 2},
                {"deposit_kind": "fixed", "deposit_value": 12_340, "balance_days": 11},
            ]
        ),
        "price": st.integers(0, 9_999),
        "odd": st.integers(0, 5_000),  # what the second night costs
        "extra": st.sampled_from([None, None, None, 900]),
        "children": some_amounts,
        "runs": runs,
    }
)
hotels = st.fixed_dictionaries(
    {
        "property": st.fixed_dictionaries(
            {
                "child_bands": st.sampled_from([(), (2, 11), (5, 15), (2, 11), (1, 3, 6, 9, 12)]),
                "tax_rounding": st.sampled_from(["line", "sum"]),
                "taxes": taxes(),
                "currency": st.sampled_from(["EUR", "EUR", "EUR", "JPY", "KWD", "MGA", "THB"]),
                "timezone": st.sampled_from(["Europe/Lisbon", "Europe/Lisbon", "Pacific/Kiritimati"]),
                "stars": st.integers(2, 5),
                "amenities": st.lists(st.sampled_from([1, 77, 300]), unique=True, max_size=3),
                "at": st.tuples(
                    st.sampled_from([38.7, 38.7, 38.76, 39.6]), st.sampled_from([-9.1, -9.1, -9.26])
                ),
                "country": st.sampled_from(["PT", "PT", "ES"]),
                "name": st.sampled_from(["Ártico", "artico", "Beira", LONG + " 2", LONG + " 1"]),
            }
        ),
        "types": st.lists(room_types, min_size=1, max_size=2),
        "plans": st.lists(plans, min_size=1, max_size=3),
        "active": st.sampled_from([True] * 8 + [False]),
    }
)
searches = st.fixed_dictionaries(
    {
        "where": st.sampled_from(
            [*[LISBON] * 8, Around(38.7, -9.1, 7), Around(38.7, -9.1, 500), Box(38.7, -9.2, 40, -8.6),
             Box(-10, 170, 60, -9.1), Within("PT"), Within("ES"), Within("PT", 5)]
        ),
        "arrival": st.integers(9, 12),
        "nights": st.sampled_from([1, 1, 2, 2, 3, 4]),
        "adults": st.sampled_from([2, 2, 1, 3]),
        "children": st.sampled_from([(), (), (3,), (5, 12), (17,)]),
        "rooms": st.sampled_from([1, 1, 2]),
        "stars": st.sampled_from([()] * 6 + [(3, 4)]),
        "amenities": st.sampled_from([()] * 8 + [(77,), (1, 300)]),
        "refundable": st.sampled_from([False, False, True]),
        "meals": st.sampled_from([()] * 7 + [(19,)]),
        "price_min": st.sampled_from([None] * 6 + [9_000]),
        "price_max": st.sampled_from([None] * 6 + [20_000]),
        "sort": st.sampled_from(["price", "price", "distance", "stars", "name"]),
        "currency": st.sampled_from([None, None, "EUR", "JPY", "THB", "USD"]),
        "limit": st.sampled_from([20, 20, 1, 2]),
        "codes": st.sampled_from([(None, None)] * 4 + [("T0", None), (None, "P0"), ("T1", "P1")]),
        "now": st.sampled_from([*[NOW] * 6, NOW + timedelta(days=10), NOW + timedelta(days=10, hours=5)]),
    }
)  # fmt: skip


async def loaded(tx: Transaction, path: Path, now: datetime) -> tuple[IndexView, Writer]:
    """An index of all that is on sale, as `load.load` makes it; of what is not committed yet too."""
    rows = await tx.fetch("SELECT id, lat, lon FROM property WHERE active")
    rows.sort(key=lambda row: (layout.cell_of(row["lat"], row["lon"]), row["id"]))
    layout.create(path, capacity_for(len(rows), [(4, 4)] * len(rows)))
    arrays = layout.Arrays(path, writable=True)
    arrays["header"][layout.FIRST_NIGHT] = earliest_business_date(now).toordinal()
    writer = Writer(arrays)
    writer.put_exchange_rates(await exchange_rates(tx))
    await put_properties(tx, writer, [row["id"] for row in rows], now=now)
    arrays["header"][layout.SORTED] = len(rows)
    arrays["header"][layout.COMPLETE] = 1
    return IndexView(layout.Arrays(path)), writer


def by_numpy(view: IndexView) -> IndexView:
    """The same without compiled code."""
    plain = IndexView(view.arrays)
    plain.compiled = None
    return plain


async def make(tx: Transaction, place: int, spec: dict[str, Any]) -> Hotel:
    made = await make_property(tx, f"hotel-{place}", policies=POLICIES, **spec["property"])
    types = []
    for i, kind in enumerate(spec["types"]):
        type_id = await make_room_type(tx, made, f"T{i}", **kind["columns"])
        await make_nights(tx, type_id, first=8, nights=kind["nights"], rooms=kind["rooms"])
        for first, count, limits in kind["runs"]:
            await make_nights(tx, type_id, first=first, nights=count, rooms=kind["rooms"], **limits)
        types.append((type_id, kind))
    root: int | None = None
    for i, one in enumerate(spec["plans"]):
        derived = root if one["derived"] else None
        plan_id = await make_plan(
            tx, made, f"P{i}", policy=one["policy"], parent=derived,
            adjust=one["adjust"] if derived else None, **one["terms"], **one["deposit"],
        )  # fmt: skip
        root = root or plan_id
        own_price = None if derived else one["price"]
        for type_id, _ in types:
            if not derived:
                amounts = {"extra_adult": one["extra"], "child_amounts": one["children"]}
                await make_rates(tx, type_id, plan_id, first=8, nights=9, price=own_price, **amounts)
                await make_rates(tx, type_id, plan_id, first=11, nights=1, price=one["odd"])
            for first, count, limits in one["runs"]:
                await make_rates(tx, type_id, plan_id, first=first, nights=count, price=own_price, **limits)
    assert root is not None
    for type_id, kind in types:
        if kind["held"] is not None and kind["rooms"]:
            expires = NOW + timedelta(minutes=kind["held"])
            await make_hold(tx, made, type_id, root, first=10, nights=1, expires=expires)
    await tx.execute("UPDATE property SET active = $2 WHERE id = $1", made.id, spec["active"])
    return made


def asked(search: dict[str, Any]) -> SearchRequest | None:
    """A search as a request; None where its rooms lack adults."""
    if search["adults"] < search["rooms"]:
        return None
    sort = search["sort"]
    if sort == "distance" and not isinstance(search["where"], Around):
        sort = "stars"
    given = {name: search[name] for name in (
        "where", "stars", "amenities", "refundable", "meals", "price_min", "price_max", "currency", "limit",
    )}  # fmt: skip
    return SearchRequest(
        **given,
        sort=sort,
        stay=Stay(day(search["arrival"]), day(search["arrival"] + search["nights"])),
        party=spread(search["adults"], search["children"], search["rooms"]),
    )


async def compare(
    url: str, path: Path, specs: Sequence[dict[str, Any]], wanted: list[dict[str, Any]]
) -> None:
    async with Database.open(url, size=1) as db, db.transaction() as tx, undone(tx):
        await tx.execute(
            "INSERT INTO exchange_rate VALUES ('JPY', 161.37, '2030-01-01'), ('KWD', 0.3345,"
            " '2030-01-01'), ('MGA', 5012.5, '2030-01-01'), ('USD', 1.0837, '2030-01-01')"
        )
        await tx.execute("UPDATE place SET region = 5 WHERE false")
        for place, spec in enumerate(specs):
            await make(tx, place, spec)
        views: dict[datetime, IndexView] = {}
        for search in wanted:
            request, now = asked(search), search["now"]
            if request is None:
                continue
            if now not in views:
                path = path.with_suffix(f".{len(views)}")
                views[now] = (await loaded(tx, path, now))[0]
            await compare_area(tx, views[now], search)
            for place in range(len(specs)):
                await compare_hotel(tx, views[now], f"hotel-{place}", search)
            for _ in range(3):
                expected = await by_sql.find(tx, request, now)
                for view in (views[now], by_numpy(views[now])):
                    assert await Searching(tx, view).find(request, now) == expected
                is_written(tx, views[now], request, now, expected)
                if expected.after is None:
                    break
                request = SearchRequest(**{
                    name: getattr(request, name) for name in request.__struct_fields__
                } | {"after": expected.after})  # fmt: skip


def is_written(
    tx: Transaction, view: IndexView, request: SearchRequest, now: datetime, page: SearchPage
) -> bool:
    """Whether compiled code wrote the page; then as its structs are encoded."""
    written = Searching(tx, view).written(request, FORM, now)
    if written is None:
        return False
    results = b",".join(msgspec.json.encode(result_of(one)) for one in page.results)
    assert written == WrittenPage(results, page.after, page.total_count, page.uncompared, page.past)
    # As if there were too many hotels to count those that sell the stay: then only the first ones are asked.
    with patch.object(by_sql, "MOST_COUNTED", -1), patch.object(compiled, "MOST_COUNTED", -1):
        uncounted = Searching(tx, view).written(request, FORM, now)
    count = None if request.sort == "price" else page.total_count
    assert uncounted == WrittenPage(results, page.after, count, page.uncompared, page.past)
    return True


def offers_are_written(
    tx: Transaction, view: IndexView, found: Offers, request: SearchRequest, now: datetime
) -> bool:
    """Whether compiled code wrote the offers; then as their structs are encoded."""
    written = Searching(tx, view).written_offers(found.slug, request.stay, request.party, OFFERS, now)
    if written is None:
        return False
    nights = request.stay.nights
    assert written == b",".join(msgspec.json.encode(offer_of(one, nights)) for one in found.offers)
    return True


async def said(answer: Awaitable[Any]) -> Any:
    """An answer, or how it was refused."""
    try:
        return await answer
    except DomainError as refused:
        return type(refused), str(refused), refused.field, refused.fix


async def compare_hotel(tx: Transaction, view: IndexView, slug: str, search: dict[str, Any]) -> None:
    """The offers and the calendar of one hotel, both ways."""
    request, now = asked(search), search["now"]
    if request is None:
        return
    both = Searching(tx), Searching(tx, view)
    for explain in (False, True):
        first, *others = [
            await said(one.offers(slug, request.stay, request.party, explain=explain, now=now))
            for one in (*both, Searching(tx, by_numpy(view)))
        ]
        assert others == [first] * 2
        if isinstance(first, Offers):
            offers_are_written(tx, view, first, request, now)
    code, plan = search["codes"]
    begin, end = day(search["arrival"] - 4), day(search["arrival"] + 6)
    try:
        catalogue = await load_catalogue(tx, slug)
    except DomainError:
        return
    nights = await both[1].calendars(catalogue, request.stay.arrival, request.stay.departure, now=now)
    with suppress(DomainError):
        offers = offers_of(catalogue, nights, request.stay, request.party, now=now).offers
        for accepts in (None, refundable):
            accepted = [(one.room_type, one.total) for one in offers if accepts is None or accepts(one)]
            cheapest = cheapest_of(catalogue, nights, request.stay, request.party, accepts=accepts, now=now)
            assert accepted[:1] == ([] if cheapest is None else [(cheapest[0].code, cheapest[1])])
    for one in both:
        known = await one.calendars(catalogue, *window(request.stay, day(0)), now=now)
        with suppress(DomainError):
            found = one.offers_of(catalogue, known, request.stay, request.party, explain=True, now=now)
            assert found == first
    shown = []
    for one in both:
        calendars = await one.calendars(catalogue, begin, end, now=now)
        shown.append(one.calendar_of(catalogue, calendars, begin, end, request.party[0], now=now))
        # Also made of what the arrays gave, night by night.
        shown.append(calendar_of(catalogue, calendars, begin, end, request.party[0], now=now))
    assert shown[1:] == shown[:1] * 3
    first, second = [
        await said(one.calendar(slug, begin, end, request.party[0], room_type=code, rate_plan=plan, now=now))
        for one in both
    ]
    assert second == first


async def compare_area(tx: Transaction, view: IndexView, search: dict[str, Any]) -> None:
    """What else is told of an area, both ways."""
    request, now = asked(search), search["now"]
    if request is None:
        return
    by_sql, by_index = Searching(tx), Searching(tx, view)
    assert await by_index.candidates(request) == await by_sql.candidates(request)
    assert await by_index.earliest_date(request.where, now) == await by_sql.earliest_date(request.where, now)
    first, last = day(search["arrival"] - 4), day(search["arrival"] + 6)
    expected = await by_sql.lowest_nights(request, first, last, now=now)
    assert await by_index.lowest_nights(request, first, last, now=now) == expected


def agree_on(
    examples: int, url: str, folder: Path, hotels: st.SearchStrategy[dict[str, Any]] = hotels
) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.lists(hotels, min_size=2, max_size=5), st.lists(searches, min_size=4, max_size=8))
    def agree(specs: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
        asyncio.run(compare(url, folder, specs, wanted))

    agree()


def test_the_index_finds_what_sql_finds(database_url: str, tmp_path: Path) -> None:
    agree_on(8, database_url, tmp_path / "index")


def test_a_tax_of_nothing_takes_nothing_from_the_one_before_it(database_url: str, tmp_path: Path) -> None:
    vat = Tax("VAT", "VAT", "percent", 190_000, 19, included=True)
    levy = Tax("LEVY", "Levy", "percent", 0, 19, included=True)

    def taxed(spec: dict[str, Any]) -> dict[str, Any]:
        rules = {"tax_rounding": "line", "taxes": [vat, levy], "child_bands": ()}
        return {**spec, "property": {**spec["property"], **rules}, "active": True}

    agree_on(3, database_url, tmp_path / "index", hotels.map(taxed))


@pytest.mark.nightly
def test_the_index_finds_what_sql_finds_for_long(database_url: str, tmp_path: Path) -> None:
    agree_on(240, database_url, tmp_path / "index")


@pytest.mark.parametrize(
    "sort", ["price", *(pytest.param(sort, marks=pytest.mark.nightly) for sort in ("stars", "name"))]
)
async def test_of_many_hotels_the_same_pages_come_in_the_same_order(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sort: Sort
) -> None:
    """By price only those hotels are priced that may be on the page, whatever is on top of their charges."""
    monkeypatch.setattr(sold, "_FEW", 0)
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO exchange_rate VALUES ('JPY', 161.37, '2030-01-01')")
        for i in range(80):
            taxes = (
                Tax("CITY", "City tax", "fixed", (i * 11) % 900, (12, 20, 21)[i % 3], included=i % 4 == 0),
                Tax("VAT", "VAT", "percent", (i * 7919) % 250_000, 19, included=i % 3 == 0),
            )
            hotel = await make_property(
                tx, f"hotel-{i}", name=(LONG if i % 3 else "Hotel") + f" {i % 20:02}", taxes=taxes[: i % 3],
                stars=i % 4, currency="JPY" if i % 8 == 0 else "THB" if i % 9 == 0 else "EUR",
                tax_rounding="sum" if i % 5 == 0 else "line", child_bands=(2, 11),
            )  # fmt: skip
            kind = await make_room_type(tx, hotel, extra_adult=(i * 13) % 400, child_amounts=[0, 77])
            plan = await make_plan(tx, hotel)
            await make_plan(
                tx, hotel, "LESS", parent=plan, adjust=(("percent", -100_001), ("amount", -377))[i % 2],
                policy=("FLEX", "NRF")[i % 5 % 2],
            )  # fmt: skip
            await make_nights(tx, kind, rooms=2 if i % 7 else 0)
            await make_rates(tx, kind, plan, price=5_000 + (i * 37) % 90)
        view, _ = await loaded(tx, tmp_path / "index", NOW)
        for party, refundable in (
            ((Occupancy(2),), False),
            ((Occupancy(2),), True),
            ((Occupancy(3, (5,)), Occupancy(2)), False),
            ((Occupancy(2), Occupancy(3, (5,)), Occupancy(2)), True),
        ):
            for limit in (1, 7, 100):
                request = SearchRequest(
                    where=LISBON, stay=Stay(day(10), day(13)), party=party, refundable=refundable, sort=sort,
                    limit=limit,
                )  # fmt: skip
                for _ in range(4):
                    expected = await by_sql.find(tx, request, NOW)
                    for one in (view, by_numpy(view)):
                        assert await Searching(tx, one).find(request, NOW) == expected
                    # Names that go on beyond the arrays are NumPy's.
                    assert is_written(tx, view, request, NOW, expected) or sort == "name"
                    if expected.after is None:
                        break
                    request = msgspec.structs.replace(request, after=expected.after)


async def test_what_the_index_answers_asks_the_database_nothing(db: Database, tmp_path: Path) -> None:
    async with db.transaction() as tx:
        await simple_hotel(tx)
        view, _ = await loaded(tx, tmp_path / "index", NOW)
        counting = Counting(tx)
        searching = Searching(cast("Transaction", counting), view)
        request = SearchRequest(where=LISBON, stay=Stay(day(10), day(12)), party=(Occupancy(2),))
        assert [one.offer.total for one in (await searching.find(request, NOW)).results] == [20_000]
        assert (await searching.offers("seaview", request.stay, request.party, explain=True, now=NOW)).offers
        calendar = await searching.calendar("seaview", day(5), day(40), request.party[0], now=NOW)
        assert {night.price for night in calendar.nights} == {10_000}
        assert await searching.lowest_nights(request, day(5), day(5), now=NOW) == ("EUR", {day(5): 10_000})
        assert await searching.earliest_date(LISBON, NOW) == day(0)
        assert counting.statements == []
        far = Stay(day(420), day(421))
        assert not (await searching.find(msgspec.structs.replace(request, stay=far), NOW)).results
        assert counting.statements  # beyond the nights of the index


async def test_an_ordinary_search_is_answered_by_compiled_code(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In any order, with children, filters and taxes; where it is not there the package was built wrongly."""
    monkeypatch.setattr(sold.Sales, "_ask", None)  # NumPy's ways
    monkeypatch.setattr(single_nights, "Stays", None)
    async with db.transaction() as tx:
        hotel = await make_property(
            tx, "hotel", tax_rounding="sum", child_bands=(2, 11),
            taxes=(
                Tax("CITY", "City tax", "fixed", 250, 21, included=True),
                Tax("VAT", "VAT", "percent", 60_000, 19, included=False),
            ),
        )  # fmt: skip
        kind = await make_room_type(tx, hotel, extra_adult=500, child_amounts=[0, 77], max_children=2)
        plan = await make_plan(tx, hotel)
        await make_plan(tx, hotel, "LESS", parent=plan, adjust=("amount", -40, True), deposit="full")
        await make_nights(tx, kind, rooms=2)
        await make_rates(tx, kind, plan, price=5_000)
        await tx.execute("UPDATE property SET lat = 38.75")  # farther away than the next, with as many stars
        await simple_hotel(tx)
        view, _ = await loaded(tx, tmp_path / "index", NOW)
        others: tuple[dict[str, Any], ...] = (
            {},
            {"price_max": 10**7, "currency": "EUR"},
            {"meals": (19, 14)},
            {"refundable": True},
            {"refundable": True, "price_min": 1, "amenities": ()},
            {"stars": (0, 1, 2, 3, 4, 5)},
            {"where": Box(38, -10, 39, -9)},
            {"where": Within("PT")},
        )
        sorts: tuple[Sort, ...] = ("price", "distance", "stars", "name")
        for sort in sorts:
            for more in others:
                if sort == "distance" and "where" in more:
                    continue
                given = {"where": LISBON, "party": (Occupancy(2, (5,)),), "sort": sort, **more}
                request = SearchRequest(stay=Stay(day(10), day(13)), **given)
                page = await Searching(tx, view).find(request, NOW)
                assert page == await by_sql.find(tx, request, NOW)
                assert is_written(tx, view, request, NOW, page)
                assert page.results or more.get("meals")
        for room in (Occupancy(2), Occupancy(2, (5,))):
            request = SearchRequest(where=LISBON, stay=Stay(day(10), day(13)), party=(room, Occupancy(1)))
            offers = await Searching(tx).offers("hotel", request.stay, request.party, now=NOW)
            assert offers.offers
            assert offers_are_written(tx, view, offers, request, NOW)
            nights = [
                await one.calendar("hotel", day(5), day(64), room, now=NOW)
                for one in (Searching(tx), Searching(tx, view))
            ]
            assert nights[0] == nights[1]
            assert any(night.price for night in nights[0].nights)


async def test_while_the_catalogue_is_being_written_sql_answers(db: Database, tmp_path: Path) -> None:
    async with db.transaction() as tx:
        await simple_hotel(tx)
        view, writer = await loaded(tx, tmp_path / "index", NOW)
        counting = Counting(tx)
        searching = Searching(cast("Transaction", counting), view)
        request = SearchRequest(where=LISBON, stay=Stay(day(10), day(12)), party=(Occupancy(2),))
        for name in (layout.VERSION, layout.COMPLETE):
            before = int(writer.header[name])
            writer.header[name] = 1 if name == layout.VERSION else 0
            counting.statements.clear()
            assert len((await searching.find(request, NOW)).results) == 1
            assert counting.statements
            writer.header[name] = before


@pytest.mark.parametrize("level", ["room type", "parent plan", "derived plan"])
@pytest.mark.parametrize("sold_until", [pytest.param(12, marks=pytest.mark.nightly), 60])
async def test_every_restriction_at_every_level_refuses_alike(
    db: Database, tmp_path: Path, level: str, sold_until: int
) -> None:
    """Also where the departure day is not on sale, and a plan is closed to departure on it."""
    limits: list[dict[str, Any]] = [
        {"closed": True}, {"min_stay_arrival": 3}, {"min_stay_through": 3}, {"max_stay": 1},
        {"closed_to_arrival": True}, {"closed_to_departure": True},
    ]  # fmt: skip
    refused = 0
    async with db.transaction() as tx:
        hotel, kind, parent = await simple_hotel(tx)
        derived = await make_plan(tx, hotel, "NRF", parent=parent, adjust=LESS[0], meal=19)
        await tx.execute("DELETE FROM room_night WHERE night >= $1", day(sold_until))
        for limit in limits:
            for night in (10, 11, 12):
                async with undone(tx):
                    if level != "room type":
                        plan, price = (parent, 10_000) if level == "parent plan" else (derived, None)
                        await make_rates(tx, kind, plan, first=night, nights=1, price=price, **limit)
                    elif night < sold_until:
                        await make_nights(tx, kind, first=night, nights=1, **limit)
                    view, _ = await loaded(tx, tmp_path / "index", NOW)
                    for meal in (14, 19):
                        request = SearchRequest(
                            where=LISBON, stay=Stay(day(10), day(12)), party=(Occupancy(2),), meals=(meal,)
                        )
                        expected = await by_sql.find(tx, request, NOW)
                        for one in (view, by_numpy(view)):
                            assert await Searching(tx, one).find(request, NOW) == expected, (
                                limit,
                                night,
                                meal,
                            )
                        refused += not expected.results
    # Closed and minimum stay through on two nights, the others on one; a derived plan's hold for it alone.
    assert refused == (8 if sold_until > 12 else 7) * (1 if level == "derived plan" else 2)
