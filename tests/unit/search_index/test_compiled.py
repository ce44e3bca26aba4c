"""Compiled code reads columns that another process is writing: whatever they say, it reads nothing else."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np

from hotel_booking.api.offers import FORM as OFFERS
from hotel_booking.api.search import FORM
from hotel_booking.core.dates import Stay
from hotel_booking.domains.rates.types import CancellationPolicy, Deposit, Fee, Occupancy, Step, Tax
from hotel_booking.domains.search.area import distance_km, on_sphere
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.brief import PlanWords, pieces_of
from hotel_booking.domains.search.index.compiled import Compiled
from hotel_booking.domains.search.index.library import LIBRARY
from hotel_booking.domains.search.types import SORTS, Around, FoundProperty, SearchRequest, Within

_ARRIVAL = date(2031, 5, 1)
_NOW = datetime(2031, 4, 28, tzinfo=UTC)
_RULES = 6
_PIECES = pieces_of(
    FoundProperty(7, "a", "A", 4, "B", "PT", 1.0, 2.0, (), "Europe/Lisbon", time(0), "EUR", "line", ()),
    [("K", "Kind")] * 2,
    [PlanWords("P", "Plan", "Plan, -5%", "FLEX", "Flexible")] * 2,
)
_SOLD = {
    "state": layout.LIVE, "free": 9, "price": 9_000, "types": 2, "rates": 2, "pairs": 4, "rate_type": [0, 1],
    "pair_type": [0, 0, 1, 1], "pair_rate": [0, 0, 1, 1], "pair_plan": [0, 1, 0, 1], "pair_own": layout.NONE,
    "max_occupancy": 9, "max_adults": 9, "max_children": 9, "base_occupancy": 1, "extra_adult": 500,
    **dict.fromkeys(("min_advance", "max_advance", "min_stay", "max_stay"), layout.NONE),
    "adjust_kind": [0, 1, 0, 1], "adjust_value": -50_000, "currency": layout.letters_code("EUR"),
    "pieces_size": len(_PIECES), "heap": np.frombuffer(_PIECES, "u1"),
}  # fmt: skip
_LIKELY = dict.fromkeys(("first_type", "first_rate", "first_pair"), (0, 2)) | dict.fromkeys(
    ("types", "rates", "pairs"), (3, 5)
)


def _ask(arrays: layout.Arrays, seed: int) -> list[bool]:
    """Which hotels it knew, and which one's nights, of columns full of what `seed` draws."""
    assert LIBRARY is not None, "the package was built without its compiled part: run scripts/bootstrap"
    draw = np.random.default_rng(seed)
    for name, array in arrays.items():
        if name in ("header", "taxes", "currency", "bands", "name", "country", "state", "clock"):
            continue
        if array.dtype.kind == "f":
            there = dict(zip("xyz", on_sphere(38.7, 38.7), strict=True)).get(name, 38.7)
            array[...] = np.where(draw.random(array.shape) < seed % 4 * 0.02, np.nan, there)
            continue
        if array.dtype.kind in "iu":
            # Numbers that may pass for columns, and any at all.
            kind, least = np.iinfo(array.dtype), 1 if name in ("pair_type", "pair_rate", "rate_type") else 0
            small = draw.integers(*_LIKELY.get(name, (least, 5)), array.shape, dtype=array.dtype)
            wild = draw.integers(kind.min, kind.max, array.shape, dtype=array.dtype, endpoint=True)
            array[...] = np.where(draw.random(array.shape) < seed % 4 * 0.02, wild, small)
    arrays["free"][...] = 9
    arrays["rate_own_extras"][...] = seed % 7 == 0
    arrays["pairs"][...] = arrays["types"]
    through, arrival, departure = (draw.random(_RULES) < 0.1 for _ in range(3))
    limits = through, arrival, departure
    taxes = (
        Tax("VAT", "VAT", "percent", 70_000, 19, included=False),
        Tax("CITY", "City", "fixed", 150, 12, included=True),
    )
    request = SearchRequest(
        where=Within("PT") if seed % 3 else Around(38.71, 38.69, 25),
        stay=Stay(_ARRIVAL, _ARRIVAL + timedelta(days=1 + seed % 7)),
        party=(Occupancy(2, (3,) * (seed % 3)),),
        price_max=10**9 if seed % 2 else None,
        currency="EUR",
        sort=SORTS[seed % 4],
    )
    lists = layout.Lists(taxes=(("line", taxes), ("sum", taxes)), bands=((), (2, 11)))
    code, today = Compiled(arrays, LIBRARY), np.array([_ARRIVAL.toordinal() - 3])
    gives = (lambda slot, pair, total: (slot + pair + total) % 2 == 0) if seed % 5 == 0 else None
    known = []
    for slot in range(len(arrays["state"])):
        arrays["state"][...] = np.arange(len(arrays["state"])) == slot
        page = code.page(request, lists, limits, today, gives)
        known.append(page is not None)
        if page is not None:
            flags = b"\1" * len(page.picked)
            known.append(code.written(request, FORM, page, flags, None) is not None)
        shape = int(arrays["types"][slot]) % 8, 1
        nights = code.calendar(lists, slot, _ARRIVAL, 9, 3, Occupancy(2, (3,)), shape, (-1, -1))
        known.append(nights is not None)
        kinds = Occupancy(2, (3,)), Occupancy(1)
        known.append(code.offers.told(lists, limits, slot, request.stay, 2, 3, kinds) is not None)
    return known


def tried(folder: Path) -> int:
    """How many of 3,200 hotels of nonsense, and of their calendars, offers and pages, it knew."""
    path = folder / "1.index"
    layout.create(path, layout.Capacity(properties=8, types=6, rates=6, pairs=9, heap=99))
    arrays = layout.Arrays(path, writable=True)
    arrays["currency"][...] = layout.letters_code("EUR")
    arrays["taxes"][...] = np.arange(8) % 2
    arrays["bands"][...] = np.arange(8) // 4
    arrays["country"][...] = layout.letters_code("PT")
    arrays["header"][layout.PROPERTIES] = 8
    return sum(sum(_ask(arrays, seed)) for seed in range(400))


def written(folder: Path) -> int:
    """How many of 3,000 times it wrote what a hotel sells, two of whose numbers were overwritten."""
    path = folder / "1.index"
    layout.create(path, layout.Capacity(properties=1, types=2, rates=2, pairs=4, heap=len(_PIECES)))
    arrays = layout.Arrays(path, writable=True)
    vat = Tax("VAT", "VAT", "percent", 70_000, 19, included=False)
    policy = CancellationPolicy("", "", (Step(2, time(18), Fee("nights", 1)),), Fee("percent", 500_000))
    lists = layout.Lists(
        (("Europe/Lisbon", time(0)),), (("line", (vat,)),), ((2, 11),), (policy,), (Deposit("percent", 9),)
    )
    assert LIBRARY is not None
    code, draw, names = Compiled(arrays, LIBRARY), np.random.default_rng(1), [*arrays][1:]
    stay, kinds = Stay(_ARRIVAL, _ARRIVAL + timedelta(days=3)), (Occupancy(2, (3,)), Occupancy(1))
    known = 0
    for _ in range(3_000):
        for name in names:
            arrays[name][...] = _SOLD.get(name, 0)
        for name in draw.choice(names, 2):
            array = arrays[name].reshape(-1)
            if name != "header" and array.dtype.kind in "iu":
                span = np.iinfo(array.dtype)
                least, most = (span.min, span.max) if draw.random() < 0.5 else (max(span.min, -3), 9)
                array[draw.integers(len(array))] = draw.integers(
                    least, most, dtype=array.dtype, endpoint=True
                )
        with suppress(IndexError, ValueError):  # in Python: who reads asks again, and then SQL
            limits = (np.zeros(1, bool),) * 3
            known += code.offers.written(lists, limits, 0, stay, kinds, 3, OFFERS, _NOW) is not None
    return known


def test_half_written_columns_never_end_the_process(tmp_path: Path) -> None:
    line = (
        f"from pathlib import Path; from {__name__} import written; print(written(Path({str(tmp_path)!r})))"
    )
    run = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert 200 < int(run.stdout) < 3_000, "some are known, and some are not"


def test_nonsense_in_columns_never_ends_the_process(tmp_path: Path) -> None:
    """In a process of its own, which would be gone."""
    line = f"from pathlib import Path; from {__name__} import tried; print(tried(Path({str(tmp_path)!r})))"
    run = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert 200 < int(run.stdout) < 9_400, "some are known, and some are not"


def test_what_lies_on_the_circle_is_left_to_numpy(tmp_path: Path) -> None:
    """Sines may be rounded otherwise by another library: who is in is not decided where that matters."""
    assert LIBRARY is not None
    layout.create(tmp_path / "1.index", layout.Capacity(properties=1, types=1, rates=1, pairs=1, heap=1))
    arrays = layout.Arrays(tmp_path / "1.index", writable=True)
    arrays["header"][layout.PROPERTIES] = 1
    arrays["state"][0] = layout.LIVE
    arrays["x"][0], arrays["y"][0], arrays["z"][0] = on_sphere(38.9, -9.3)
    lists, none = layout.Lists(taxes=(("line", ()),), bands=((),)), (np.zeros(1, bool),) * 3
    code, today = Compiled(arrays, LIBRARY), np.array([_ARRIVAL.toordinal()])
    away = float(distance_km(38.7, -9.1, 38.9, -9.3))
    found = []
    for radius in (away - 1e-6, away, away + 1e-6):
        request = SearchRequest(
            where=Around(38.7, -9.1, radius),
            stay=Stay(_ARRIVAL, _ARRIVAL + timedelta(days=1)),
            party=(Occupancy(1),),
        )
        page = code.page(request, lists, none, today, None)
        found.append(page if page is None else len(page.picked))
    assert found == [0, None, 0]
