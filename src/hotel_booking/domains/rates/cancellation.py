"""What cancelling, not arriving and booking cost by the policy a reservation was sold with. Pure.

Deadlines are times on the property's clocks, so they keep their hour across a change of the clocks. At
the deadline's own instant the fee applies already. Amounts are minor units of the reservation's currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from hotel_booking.core.dates import local_instant
from hotel_booking.core.formats import english
from hotel_booking.core.moments import moment
from hotel_booking.core.money import share
from hotel_booking.domains.rates.types import (
    MILLION,
    CancellationPolicy,
    CancellationTerms,
    Deposit,
    Fee,
    FeeStage,
)

_BALANCE_HOUR = time(9)  # on the property's clock: nobody is charged in the night


def fee_amount(fee: Fee, *, total: int, night_totals: Sequence[int], currency: str) -> int:
    """A fee in minor units, as it can be charged; never more than the total.

    `night_totals` are the nights' shares of the total, oldest first (`pricing.night_totals`).
    """
    return _part(fee.kind, fee.value, total, night_totals, currency)


def due_now(deposit: Deposit, total: int, night_totals: Sequence[int], *, currency: str) -> int:
    """What is to be paid on booking, in minor units, as it can be charged; never more than the total."""
    if deposit.kind == "none":
        return 0
    if deposit.kind == "full":
        return total
    return _part(deposit.kind, deposit.value, total, night_totals, currency)


def balance_instant(deposit: Deposit, arrival: date, timezone: str) -> datetime | None:
    """When the rest of the price is due (UTC); None: at the hotel."""
    if deposit.balance_days is None:
        return None
    return local_instant(arrival - timedelta(days=deposit.balance_days), _BALANCE_HOUR, timezone)


def due_on_booking(
    deposit: Deposit,
    total: int,
    night_totals: Sequence[int],
    *,
    currency: str,
    arrival: date,
    timezone: str,
    at: datetime,
) -> int:
    """What is to be paid by who books at the instant `at`: the deposit, and the rest too where its day has
    come."""
    deposit = deposit_on_booking(deposit, arrival=arrival, timezone=timezone, at=at)
    return due_now(deposit, total, night_totals, currency=currency)


def deposit_on_booking(deposit: Deposit, *, arrival: date, timezone: str, at: datetime) -> Deposit:
    """The deposit of who books at the instant `at`: all of the price where the day of the rest has come."""
    rest_from = balance_instant(deposit, arrival, timezone)
    return Deposit("full") if rest_from is not None and rest_from <= at else deposit


def deadlines(policy: CancellationPolicy, arrival: date, timezone: str) -> list[tuple[datetime | None, Fee]]:
    """From which instant (UTC; None: from the booking on) each fee of the policy applies, in order.

    No instant lies before the one in front of it, even where two steps fall into an hour that the
    clocks skip: then both apply from the later of the two, and the earlier step never.
    """
    result: list[tuple[datetime | None, Fee]] = []
    latest: datetime | None = None
    for step in policy.steps:
        if step.days_before is not None:
            since = local_instant(arrival - timedelta(days=step.days_before), step.at, timezone)
            latest = since if latest is None else max(latest, since)
        result.append((latest, step.fee))
    return result


def fee_at(
    policy: CancellationPolicy,
    *,
    arrival: date,
    timezone: str,
    total: int,
    night_totals: Sequence[int],
    at: datetime,
    currency: str,
) -> int:
    """What cancelling at the instant `at` (with a zone) costs: the fee of the latest step reached."""
    for since, fee in reversed(deadlines(policy, arrival, timezone)):
        if since is None or since <= at:
            return fee_amount(fee, total=total, night_totals=night_totals, currency=currency)
    return 0


def describe(
    policy: CancellationPolicy,
    *,
    arrival: date,
    timezone: str,
    currency: str,
    total: int,
    night_totals: Sequence[int],
    at: datetime,
) -> CancellationTerms:
    """The policy for one reservation as seen at the instant `at`, in figures and in sentences.

    Deadlines that have passed are not spoken of, and a step that does not change the fee is left out.
    """
    seen = DatedPolicy(policy, arrival=arrival, timezone=timezone, currency=currency, at=at)
    return seen.terms([(total, night_totals)])


def seen_at(
    policy: CancellationPolicy, *, arrival: date, timezone: str, at: datetime
) -> tuple[Fee, list[tuple[datetime, str, Fee]]]:
    """The fee of the latest step reached at the instant `at`, as `fee_at` takes it; and of each step still to
    come its instant (UTC), that as people read it, and its fee."""
    now = Fee("fixed", 0)
    later: list[tuple[datetime, str, Fee]] = []
    for since, fee in deadlines(policy, arrival, timezone):
        if since is None or since <= at:
            now = fee
        else:
            later.append((since, moment(since, timezone), fee))
    return now, later


class DatedPolicy:
    """A policy for an arrival as seen at an instant: what depends on no price is worked out once."""

    def __init__(
        self, policy: CancellationPolicy, *, arrival: date, timezone: str, currency: str, at: datetime
    ) -> None:
        self._policy, self._currency = policy, currency
        self._now, self._later = seen_at(policy, arrival=arrival, timezone=timezone, at=at)

    def terms(self, rooms: Sequence[tuple[int, Sequence[int]]]) -> CancellationTerms:
        """What it comes to for rooms that are booked together, each a reservation of its own: of each its
        total and its nights' shares of that, oldest first."""
        total = sum([total for total, _ in rooms])
        now = self._amount(self._now, rooms)
        later: list[tuple[datetime, str, int]] = []
        for since, said, fee in self._later:
            if later and later[-1][0] == since:
                later.pop()
            amount = self._amount(fee, rooms)
            if amount != (later[-1][2] if later else now):
                later.append((since, said, amount))
        no_show = self._amount(self._policy.no_show, rooms)
        costs = {
            charge: _cost(charge, total, self._currency) for charge in {now, no_show, *[a for *_, a in later]}
        }
        stages = [FeeStage(None, now, _at_first(now, total, costs[now], later[0][1] if later else None))]
        for since, said, amount in later:
            stages.append(FeeStage(since, amount, f"From {said} cancelling costs {costs[amount]}"))
        arriving = f"Not arriving costs {costs[no_show]}" if no_show else "Not arriving is free"
        return CancellationTerms(
            code=self._policy.code,
            name=self._policy.name,
            fee_now=now,
            free_until=later[0][0] if later and now == 0 else None,
            stages=tuple(stages),
            no_show=no_show,
            text=(*[stage.text for stage in stages], arriving),
        )

    def _amount(self, fee: Fee, rooms: Sequence[tuple[int, Sequence[int]]]) -> int:
        return sum([_part(fee.kind, fee.value, total, nights, self._currency) for total, nights in rooms])


def _part(kind: str, value: int, total: int, night_totals: Sequence[int], currency: str) -> int:
    if kind == "percent":
        amount = share(total, value, MILLION, currency)
    elif kind == "nights":
        amount = sum(night_totals[:value])
    else:
        amount = value
    return min(amount, total)


def _at_first(amount: int, total: int, cost: str, until: str | None) -> str:
    """What cancelling costs from now on, until a moment where there is one."""
    subject = "Free cancellation" if amount == 0 else f"Cancelling costs {cost}"
    if until is not None:
        return f"{subject} until {until}"
    return f"Non-refundable: cancelling costs {cost}" if 0 < amount == total else subject


def _cost(amount: int, total: int, currency: str) -> str:
    if amount == 0:
        return "nothing"
    text = english(amount, currency)
    return f"the full price, {text}" if amount == total else text
