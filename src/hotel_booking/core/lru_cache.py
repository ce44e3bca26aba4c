"""What a process keeps of what it has made: as many things as it may, those used last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from hotel_booking.core.metrics import CACHE_REQUESTS, COUNTED, Cache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LruCache(Generic[K, V]):
    """At most `most` values by their keys; the one that was not asked for the longest goes first. `name` is
    what it is called in the metrics."""

    def __init__(self, name: Cache, most: int) -> None:
        self._hit, self._miss = (CACHE_REQUESTS.labels(name, outcome) for outcome in ("hit", "miss"))
        self._most = most
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, or None. Whether it was there is counted with the request that asked."""
        value = self._values.get(key)
        if value is None:
            COUNTED.append(self._miss)
        else:
            COUNTED.append(self._hit)
            self._values.move_to_end(key)
        return value

    def keep(self, key: K, value: V) -> V:
        """Keep the value, and give it back."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return value

    def __len__(self) -> int:
        return len(self._values)
