"""What plans ask of who books now for an arrival, as compiled code reads it: deposits, and what cancelling
and not arriving costs."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import Structure, addressof, c_int64, c_void_p
from datetime import UTC, date, datetime

import msgspec

from hotel_booking.domains.rates.cancellation import balance_instant, deposit_on_booking, seen_at
from hotel_booking.domains.rates.types import CancellationPolicy, Deposit
from hotel_booking.domains.rates.types import Fee as FeeRule
from hotel_booking.domains.search.index.layout import Array, Lists, micros_of
from hotel_booking.domains.search.index.library import Text, text_of
from hotel_booking.domains.search.index.schemes import Pointers

# As in written.c.
_MOST_STAGES = 16
_KINDS = {"percent": 0, "nights": 1, "fixed": 2}

_ALL = 2**62  # minor units: more than anything costs
_REMEMBERED = 4096
_FOREVER = datetime.max.replace(tzinfo=UTC)


class Fee(Structure):
    """What is taken of a price."""

    _fields_ = (("kind", c_int64), ("value", c_int64))


class Terms(Structure):
    """What one plan asks."""

    _fields_ = (
        *((name, Fee) for name in ("deposit", "now", "no_show")),
        ("stages", c_int64),
        ("fee", Fee * _MOST_STAGES),
        ("at", c_int64 * _MOST_STAGES),
        ("since", Text * _MOST_STAGES),
        ("said", Text * _MOST_STAGES),
    )


class _Known(msgspec.Struct):
    """The terms of a hotel's plans from an instant to another, at which they will be others; `kept` is what
    is pointed to. None: they are of a kind that only Python computes."""

    since: datetime
    until: datetime
    pointers: Pointers | None
    kept: list[object]


class KeptTerms:
    """The terms of the plans of one file's hotels, remembered: many hotels ask the same."""

    def __init__(self) -> None:
        self._lists: Lists | None = None
        self._known: dict[tuple[bytes, bytes, int, date], _Known] = {}

    def pointers(
        self, lists: Lists, policies: Array, deposits: Array, clock: int, arrival: date, now: datetime
    ) -> Pointers | None:
        """Where the terms of plans are that have these policies and deposits, at a hotel with this clock, all
        by their places in the lists; None where only Python can tell."""
        if self._lists is not lists or len(self._known) > _REMEMBERED:
            self._lists, self._known = lists, {}
        key = policies.tobytes(), deposits.tobytes(), clock, arrival
        found = self._known.get(key)
        if found is None or not found.since <= now < found.until:
            plans = [
                (lists.policies[policy], lists.deposits[deposit])
                for policy, deposit in zip(policies.tolist(), deposits.tolist(), strict=True)
            ]
            found = self._known[key] = _known(plans, lists.clocks[clock][0], arrival, now)
        return found.pointers


def _known(
    plans: Sequence[tuple[CancellationPolicy, Deposit]], timezone: str, arrival: date, now: datetime
) -> _Known:
    changes: list[datetime] = [_FOREVER]
    kept: list[object] = []
    made: list[Terms] = []
    for policy, deposit in plans:
        reached, later = seen_at(policy, arrival=arrival, timezone=timezone, at=now)
        rest_from = balance_instant(deposit, arrival, timezone)
        changes += [since for since, _, _ in later]
        if rest_from is not None and rest_from > now:
            changes.append(rest_from)
        if len(later) > _MOST_STAGES:
            return _Known(now, min(changes), None, [])
        due = deposit_on_booking(deposit, arrival=arrival, timezone=timezone, at=now)
        terms = Terms(_deposit(due), _fee(reached), _fee(policy.no_show), len(later))
        for place, (since, said, fee) in enumerate(later):
            texts = msgspec.json.encode(since), msgspec.json.encode(said)[1:-1]
            kept += texts
            terms.fee[place], terms.at[place] = _fee(fee), micros_of(since)
            terms.since[place], terms.said[place] = map(text_of, texts)
        made.append(terms)
    pointers = (c_void_p * len(made))(*map(addressof, made))
    return _Known(now, min(changes), pointers, [*kept, *made])


def _fee(fee: FeeRule) -> Fee:
    return Fee(_KINDS[fee.kind], fee.value)


def _deposit(deposit: Deposit) -> Fee:
    if deposit.kind == "none":
        return Fee(_KINDS["fixed"], 0)
    if deposit.kind == "full":
        return Fee(_KINDS["fixed"], _ALL)
    return Fee(_KINDS[deposit.kind], deposit.value)
