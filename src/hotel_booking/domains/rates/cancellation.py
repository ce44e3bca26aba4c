"""What cancelling, not arriving and booking cost by the policy a reservation was sold with. Pure.

Deadlines are times on the property's clocks, so they keep their hour across a change of the clocks. At
the deadline's own instant the fee applies already. Amounts are minor units of the reservation's currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from hotel_booking.core.dates import local_instant
from hotel_booking.core.formats import coded
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
    rest_from = balance_instant(deposit, arrival, timezone)
    if rest_from is not None and rest_from <= at:
        return total
    return due_now(deposit, total, night_totals, currency=currency)


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


class DatedPolicy:
    """A policy for an arrival as seen at an instant: what depends on no price is worked out once."""

    def __init__(
        self, policy: CancellationPolicy, *, arrival: date, timezone: str, currency: str, at: datetime
    ) -> None:
        self._policy, self._timezone, self._currency = policy, timezone, currency
        self._now: Fee | None = None  # of the latest step reached, as `fee_at` says
        self._later: list[tuple[datetime, Fee]] = []
        for since, fee in deadlines(policy, arrival, timezone):
            if since is None or since <= at:
                self._now = fee
            else:
                self._later.append((since, fee))

    def terms(self, rooms: Sequence[tuple[int, Sequence[int]]]) -> CancellationTerms:
        """What it comes to for rooms that are booked together, each a reservation of its own: of each its
        total and its nights' shares of that, oldest first."""
        currency, timezone = self._currency, self._timezone
        total = sum([total for total, _ in rooms])
        now = 0 if self._now is None else self._amount(self._now, rooms)
        plan: list[tuple[datetime | None, int]] = [(None, now)]
        for since, fee in self._later:
            amount = self._amount(fee, rooms)
            if plan[-1][0] == since:
                plan.pop()
            if amount != plan[-1][1]:
                plan.append((since, amount))
        untils = [since for since, _ in plan[1:]] + [None]
        stages = tuple(
            [
                FeeStage(since, amount, _sentence(since, until, amount, total, currency, timezone))
                for (since, amount), until in zip(plan, untils, strict=True)
            ]
        )
        no_show = self._amount(self._policy.no_show, rooms)
        arriving = (
            f"Not arriving costs {_cost(no_show, total, currency)}" if no_show else "Not arriving is free"
        )
        return CancellationTerms(
            code=self._policy.code,
            name=self._policy.name,
            fee_now=now,
            free_until=stages[1].since if now == 0 and len(stages) > 1 else None,
            stages=stages,
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


def _sentence(
    since: datetime | None, until: datetime | None, amount: int, total: int, currency: str, timezone: str
) -> str:
    cost = "nothing" if amount == 0 else _cost(amount, total, currency)
    if since is not None:
        return f"From {moment(since, timezone)} cancelling costs {cost}"
    subject = "Free cancellation" if amount == 0 else f"Cancelling costs {cost}"
    if until is not None:
        return f"{subject} until {moment(until, timezone)}"
    return f"Non-refundable: cancelling costs {cost}" if 0 < amount == total else subject


def _cost(amount: int, total: int, currency: str) -> str:
    text = coded(amount, currency)
    return f"the full price, {text}" if amount == total else text
