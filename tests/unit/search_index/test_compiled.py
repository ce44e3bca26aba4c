"""Compiled code reads columns that another process is writing: whatever they say, it reads nothing else."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from hotel_booking.core.dates import Stay
from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.rates.types import Occupancy, Tax
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.compiled import LIBRARY, Compiled
from hotel_booking.domains.search.types import SearchRequest, Within

_ARRIVAL = date(2031, 5, 1)
_RULES = 6
_LIKELY = dict.fromkeys(("first_type", "first_rate", "first_pair"), (0, 2)) | dict.fromkeys(
    ("types", "rates", "pairs"), (3, 5)
)


def _ask(arrays: layout.Arrays, seed: int) -> list[bool]:
    """Which hotels it knew, of columns full of what `seed` draws."""
    assert LIBRARY is not None, "the package was built without its compiled part: run scripts/bootstrap"
    draw = np.random.default_rng(seed)
    for name, array in arrays.items():
        if name in ("header", "heap", "taxes", "currency", "bands"):
            continue
        if array.dtype.kind in "iu":
            # Numbers that may pass for columns, and any at all.
            kind, least = np.iinfo(array.dtype), 1 if name in ("pair_type", "pair_rate", "rate_type") else 0
            small = draw.integers(*_LIKELY.get(name, (least, 5)), array.shape, dtype=array.dtype)
            wild = draw.integers(kind.min, kind.max, array.shape, dtype=array.dtype, endpoint=True)
            array[...] = np.where(draw.random(array.shape) < seed % 4 * 0.02, wild, small)
    arrays["free"][...] = 9
    through, arrival, departure = (draw.random(_RULES) < 0.1 for _ in range(3))
    limits = through, arrival, departure
    taxes = (
        Tax("VAT", "VAT", "percent", 70_000, 19, included=False),
        Tax("CITY", "City", "fixed", 150, 12, included=True),
    )
    request = SearchRequest(
        where=Within("PT"),
        stay=Stay(_ARRIVAL, _ARRIVAL + timedelta(days=1 + seed % 7)),
        party=(Occupancy(2, (3,) * (seed % 3)),),
        price_max=10**9 if seed % 2 else None,
        currency="EUR",
    )
    lists = layout.Lists(taxes=(("line", taxes), ("sum", taxes)), bands=((), (2, 11)))
    code = Compiled(arrays, LIBRARY)
    return [
        code.cheapest(request, Exchange("EUR", {}), lists, limits, np.array([slot]), np.array([3]))
        is not None
        for slot in range(len(arrays["state"]))
    ]


def tried(folder: Path) -> int:
    """How many of 3,200 hotels of nonsense it knew."""
    path = folder / "1.index"
    layout.create(path, layout.Capacity(properties=8, types=6, rates=6, pairs=9, heap=1))
    arrays = layout.Arrays(path, writable=True)
    arrays["currency"][...] = layout.letters_code("EUR")
    arrays["taxes"][...] = np.arange(8) % 2
    arrays["bands"][...] = np.arange(8) // 4
    return sum(sum(_ask(arrays, seed)) for seed in range(400))


def test_nonsense_in_columns_never_ends_the_process(tmp_path: Path) -> None:
    """In a process of its own, which would be gone."""
    line = f"from pathlib import Path; from {__name__} import tried; print(tried(Path({str(tmp_path)!r})))"
    run = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert 100 < int(run.stdout) < 3_100, "some are known, and some are not"
