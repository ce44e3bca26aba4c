"""Hotels come out of compiled code in the order of their prices, though only those that may come first are
priced to the end; and with the distances that NumPy gives."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

from hotel_booking.core.dates import Stay
from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.rates.types import Occupancy, Tax
from hotel_booking.domains.search import area
from hotel_booking.domains.search.index import compiled, layout
from hotel_booking.domains.search.index.columns import sold_always
from hotel_booking.domains.search.index.compiled import Compiled, Page
from hotel_booking.domains.search.index.library import LIBRARY, Picked
from hotel_booking.domains.search.index.sold import Sales
from hotel_booking.domains.search.index.view import IndexView
from hotel_booking.domains.search.types import Around, SearchRequest, Within

_ARRIVAL = date(2031, 5, 1)
_HOTELS, _TYPES, _PLANS = 240, 2, 3
_TODAY = np.array([_ARRIVAL.toordinal() - 3])
_LIMITED = {"min_advance": 6, "max_advance": 6, "min_stay": 5, "max_stay": 5}
_LIMITS = (np.zeros(1, bool),) * 3
_TAXES = (
    (),
    (Tax("VAT", "VAT", "percent", 190_000, 19, included=True),),
    (
        Tax("VAT", "VAT", "percent", 70_000, 19, included=True),
        Tax("LEVY", "Levy", "percent", 33_000, 19, included=False),
        Tax("CITY", "City", "fixed", 7, 20, included=True),
        Tax("STAY", "Stay", "fixed", 11, 12, included=True),
    ),
    (Tax("CITY", "City", "fixed", 250, 21, included=False),),
)


def _arrays(folder: Path, lists: bytes = b"") -> layout.Arrays:
    types, pairs = _HOTELS * _TYPES, _HOTELS * _TYPES * _PLANS
    path = folder / "1.index"
    layout.create(path, layout.Capacity(_HOTELS, types, types, pairs, heap=4096))
    arrays = layout.Arrays(path, writable=True)
    arrays["heap"][: len(lists)] = np.frombuffer(lists, "u1")
    arrays["header"][layout.LISTS_SIZE] = len(lists)
    arrays["header"][layout.PROPERTIES] = _HOTELS
    arrays["state"][...], arrays["id"][...] = layout.LIVE, np.arange(_HOTELS)
    for first, each in (("type", _TYPES), ("rate", _TYPES), ("pair", _TYPES * _PLANS)):
        arrays[f"first_{first}"][...], arrays[f"{first}s"][...] = np.arange(_HOTELS) * each, each
    arrays["rate_type"][...], arrays["pair_own"][...] = np.arange(types), layout.NONE
    arrays["pair_type"][...] = arrays["pair_rate"][...] = np.arange(pairs) // _PLANS
    arrays["max_occupancy"][...], arrays["max_adults"][...] = (
        np.arange(types) % 3 + 3,
        np.arange(types) % 5 + 1,
    )
    arrays["max_children"][...] = np.arange(types) % 2
    arrays["base_occupancy"][...] = np.arange(types) % 2 + 1
    for name in ("min_advance", "max_advance", "min_stay", "max_stay"):
        arrays[name][...] = layout.NONE
    arrays["currency"][...] = layout.letters_code("EUR")
    arrays["country"][...] = layout.letters_code("PT")
    return arrays


def _page(code: Compiled, lists: layout.Lists, request: SearchRequest) -> Page:
    page = code.page(request, lists, _LIMITS, _TODAY, None)
    assert page is not None
    return page


def _most_off(arrays: layout.Arrays) -> None:
    """Fills in the most that plans take off."""
    kinds, values = arrays["adjust_kind"], arrays["adjust_value"]
    columns = {
        "off_share": layout.PERCENT,
        "off_night": layout.AMOUNT,
        "off_person": layout.AMOUNT_PER_PERSON,
    }
    for name, kind in columns.items():
        off = np.where(kinds == kind, -values, 0).reshape(_HOTELS, -1)
        arrays[name][...] = np.maximum(off.max(axis=1), 0)


def _least_extras(arrays: layout.Arrays) -> None:
    """Fills in the least that extra persons cost."""
    arrays["most_base"][...] = arrays["base_occupancy"].reshape(_HOTELS, _TYPES).max(axis=1)
    arrays["least_adult"][...] = arrays["extra_adult"].reshape(_HOTELS, _TYPES).min(axis=1)
    arrays["least_child"][...] = arrays["child_amounts"].reshape(_HOTELS, _TYPES, -1).min(axis=1)


@pytest.mark.parametrize("dearest", [40, 3_000, 40_000])
@pytest.mark.parametrize("counted", [_HOTELS, 0])
def test_the_cheapest_come_first_whatever_rounding_and_taxes_add(
    tmp_path: Path, dearest: int, counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NumPy prices all of them. With prices of a few cents what is rounded decides the order."""
    assert LIBRARY is not None
    monkeypatch.setattr(compiled, "MOST_COUNTED", counted)
    lists = layout.Lists(
        taxes=tuple((rounding, taxes) for rounding in ("line", "sum") for taxes in _TAXES), bands=((2, 11),)
    )
    arrays, draw = _arrays(tmp_path, msgspec.json.encode(lists)), np.random.default_rng(dearest)
    for turn in range(24):
        arrays["price"][...] = draw.integers(dearest // 2, dearest, arrays["price"].shape)
        arrays["free"][...] = draw.integers(0, 9, arrays["free"].shape)
        arrays["extra_adult"][...] = draw.integers(0, dearest // 3, arrays["extra_adult"].shape)
        arrays["child_amounts"][...] = draw.integers(0, dearest // 3, arrays["child_amounts"].shape)
        arrays["adjust_kind"][...] = draw.integers(0, 4, arrays["adjust_kind"].shape)
        few = draw.integers(-dearest // 8, dearest // 4, arrays["adjust_value"].shape)
        share = draw.integers(-200_000, 200_000, arrays["adjust_value"].shape)
        arrays["adjust_value"][...] = np.where(arrays["adjust_kind"] == layout.PERCENT, share, few)
        arrays["taxes"][...] = draw.integers(0, len(lists.taxes), _HOTELS)
        for name, most in _LIMITED.items():
            drawn = draw.integers(layout.NONE, most, arrays[name].shape)
            arrays[name][...] = np.where(draw.random(drawn.shape) < 0.3, drawn, layout.NONE)
        columns = {name: arrays[name] for name in (*_LIMITED, "pair_own", "pair_rate")}
        arrays["rate_always"][...] = sold_always(columns, 0, _HOTELS * _TYPES)
        arrays["lowest"][...] = arrays["price"].reshape(layout.ROWS, _HOTELS, _TYPES).min(axis=2)
        _most_off(arrays)
        _least_extras(arrays)
        code = Compiled(arrays, LIBRARY)
        request = SearchRequest(
            where=Within("PT"),
            stay=Stay(_ARRIVAL, _ARRIVAL + timedelta(days=1 + turn % 4)),
            party=(Occupancy(1 + turn % 3, (3,) * (turn % 2)),) * (1 + turn % 2),
            limit=20,
        )
        view = IndexView(arrays)
        (exact,) = Sales(view, request, Exchange("EUR", {}), np.arange(_HOTELS), np.full(_HOTELS, 3)).priced(
            np.arange(_HOTELS)
        )
        pairs = exact.columns[exact.best].tolist()
        sold = zip(exact.least.tolist(), exact.hotels.tolist(), pairs, strict=True)
        page = _page(code, lists, request)
        found = [(one.total, one.id, one.pair) for one in map(Picked._make, page.picked.tolist())]
        assert found == sorted(sold)[:21]
        assert len(exact.hotels) > 21
        assert 0 < arrays["rate_always"].mean() < 1
        assert page.sold == (len(exact.hotels) if counted else 0)
        code.give_back(page.scratch)


@pytest.mark.parametrize("lat", [-77.8, -33.9, 0.0, 38.7, 64.1, 89.5])
def test_distances_are_those_of_numpy(tmp_path: Path, lat: float) -> None:
    assert LIBRARY is not None
    arrays, draw = _arrays(tmp_path), np.random.default_rng(7)
    arrays["price"][...], arrays["lowest"][...], arrays["free"][...] = 9_000, 9_000, 9
    lists = layout.Lists(taxes=(("line", ()),), bands=((),))
    code, compared = Compiled(arrays, LIBRARY), 0
    for radius in (0.5, 25.0, 120.0, 480.0):
        where = Around(lat, 20.0, radius)
        reach = radius / 111
        arrays["lat"][...] = np.clip(draw.uniform(lat - reach, lat + reach, _HOTELS), -90, 90)
        lons = 20 + draw.uniform(-reach, reach, _HOTELS) / max(0.02, np.cos(np.radians(lat)))
        arrays["lon"][...] = (lons + 180) % 360 - 180
        points = map(area.on_sphere, arrays["lat"].tolist(), arrays["lon"].tolist())
        arrays["x"][...], arrays["y"][...], arrays["z"][...] = zip(*points, strict=True)
        request = SearchRequest(
            where=where,
            stay=Stay(_ARRIVAL, _ARRIVAL + timedelta(days=1)),
            party=(Occupancy(2),),
            sort="distance",
            limit=50,
        )
        inside, metres = area.distances(where, arrays["lat"], arrays["lon"])
        page = code.page(request, lists, _LIMITS, _TODAY, None)
        if page is None:
            continue  # it left a hotel on the very circle, or half a metre, to NumPy
        expected = sorted(zip(metres[inside].tolist(), np.flatnonzero(inside).tolist(), strict=True))
        found = [(one.metres, one.id) for one in map(Picked._make, page.picked.tolist())]
        assert found == expected[:51]
        code.give_back(page.scratch)
        compared += len(found)
    assert compared > 60
