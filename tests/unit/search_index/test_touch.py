"""An index that is attached is mapped ahead of the first search."""

from __future__ import annotations

import re
from pathlib import Path

from hotel_booking.domains.search.index.layout import ROWS, TYPES, Arrays, Capacity, create

_TYPES = 100_000  # a row of their rooms takes three pieces of what is mapped at once


def _mapped(path: Path) -> int:
    """Bytes of a file that this process has in its memory."""
    maps = Path("/proc/self/smaps").read_text()
    of_file = re.findall(rf"{re.escape(str(path))}\n(?:.*\n)*?Rss:\s+(\d+) kB", maps)
    return sum(int(kilobytes) * 1024 for kilobytes in of_file)


def test_what_is_used_is_mapped_and_what_is_not_is_left(tmp_path: Path) -> None:
    path = tmp_path / "1.index"
    create(path, Capacity(properties=1, types=3 * _TYPES, rates=1, pairs=1, heap=1))
    written = Arrays(path, writable=True)
    written["header"][TYPES] = _TYPES
    written["free"][:, :_TYPES] = 1
    del written
    read = Arrays(path)
    before = _mapped(path)
    read.touch()
    used = ROWS * _TYPES * 2 * 2  # rooms and rules of each night, two bytes each
    assert before < used / 10
    assert used * 0.9 < _mapped(path) < used * 1.5
