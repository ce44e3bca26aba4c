"""The rules that prices and cancellation fees are computed from, and what comes out.

`Rules`, `NightPrice`, `Occupancy` and `CancellationPolicy` are stored as JSON with every quote and must
give the same figures years later. So a field may be added with a default that keeps old snapshots as
they were; none may change its meaning. A changed algorithm gets a new `Rules.engine`.

All amounts are minor units of the rules' currency; all rates are parts per million (19 % is 190_000).
"""

from __future__ import annotations

from datetime import date, datetime, time
from itertools import pairwise
from typing import Literal

import msgspec

from hotel_booking.core.errors import Invalid

ENGINE = 1
MILLION = 1_000_000
MAX_CHILD_AGE = 17
MAX_PERSONS = 100  # in one room
# Of one party and of one booking; `party` says what follows from them.
MAX_ROOMS = 9
MAX_ADULTS = 30
MAX_CHILDREN = 20

# OpenTravel charge types (code list CHG).
PER_STAY = 12
PER_NIGHT = 19
PER_PERSON = 20
PER_PERSON_PER_NIGHT = 21
CHARGE_TYPES = (PER_STAY, PER_NIGHT, PER_PERSON, PER_PERSON_PER_NIGHT)


class Tax(msgspec.Struct, frozen=True):
    """A tax or fee on a stay: a share of the charges, or a fixed amount.

    `value` is parts per million of the net charges (percent) or minor units (fixed). `included` taxes
    are in the prices already, the others are added. `exempt_below_age`: younger persons do not count,
    where persons are counted. `max_nights`: only the first nights of the stay are taxed, where nights
    are. `valid_from` (inclusive) and `valid_to` (exclusive) are compared with each night, for taxes per
    stay and per person with the arrival.

    Raises `Invalid` where the parts make no sense together.
    """

    code: str
    name: str
    kind: Literal["percent", "fixed"]
    value: int
    charge_type: int
    included: bool
    exempt_below_age: int | None = None
    max_nights: int | None = None
    valid_from: date | None = None
    valid_to: date | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("percent", "fixed"):
            raise Invalid("a tax is percent or fixed", field="kind")
        if self.value < 0:
            raise Invalid("a tax is not negative", field="value")
        if self.charge_type not in CHARGE_TYPES:
            raise Invalid(
                "unknown charge type",
                field="charge_type",
                fix="use 12 per stay, 19 per night, 20 per person or 21 per person per night",
            )
        if self.max_nights is not None and self.max_nights < 1:
            raise Invalid("a tax is charged for at least one night", field="max_nights")
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise Invalid("a tax ends after it begins", field="valid_to")
        if self.kind == "percent":
            self._check_percent()

    def _check_percent(self) -> None:
        if self.value > MILLION:
            raise Invalid("a tax is at most 100 % (1000000 parts per million)", field="value")
        if self.charge_type not in (PER_STAY, PER_NIGHT):
            raise Invalid(
                "a percentage does not depend on the number of persons",
                field="charge_type",
                fix="use 12 per stay or 19 per night, or a fixed amount",
            )
        if self.exempt_below_age is not None:
            raise Invalid("a percentage has no exempt persons", field="exempt_below_age")

    def in_effect(self, day: date) -> bool:
        """Whether `day` lies within the tax's dates."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day < self.valid_to
        )


class ChildBand(msgspec.Struct, frozen=True):
    """Children up to and including `max_age`, older than the band before it."""

    max_age: int


def adult_age(bands: tuple[ChildBand, ...]) -> int:
    """The age from which a person is priced and counted as an adult: one above the last band.

    0 where the property has no bands, so everybody counts as an adult there.
    """
    return bands[-1].max_age + 1 if bands else 0


class Adjustment(msgspec.Struct, frozen=True):
    """How a derived plan's price differs from its parent's; negative makes it cheaper.

    `percent`: `value` parts per million of the night's charges, extra persons included.
    `amount`: `value` minor units per room-night, or with `per_person` per person-night, all persons
    counting. A night never costs less than nothing.
    """

    kind: Literal["percent", "amount"]
    value: int
    per_person: bool = False

    def __post_init__(self) -> None:
        if self.kind not in ("percent", "amount"):
            raise Invalid("an adjustment is percent or amount", field="kind")
        if self.kind == "percent":
            if self.value < -MILLION:
                raise Invalid("a discount is at most 100%", field="value")
            if self.per_person:
                raise Invalid("a percentage does not depend on the number of persons", field="per_person")

    @classmethod
    def of(
        cls, kind: Literal["percent", "amount"] | None, value: int | None, per_person: bool
    ) -> Adjustment | None:
        """As the columns of a plan say it; None where its prices are its own."""
        return cls(kind, value, per_person) if kind is not None and value is not None else None


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a price depends on but the dates, the nightly prices and the persons.

    `base_occupancy` adults are in a night's price; each further one costs `extra_adult` per night. A
    child costs the amount of its band per night, takes no base place, and counts as an adult when it is
    older than the last band. A band without an amount is free. `rounding` says what a percent tax is
    rounded on: each line, or the sum of the stay's nets. Every amount of the price is a multiple of `step`
    minor units (`core.money.step` of the currency; 1 in what was sold before there were steps).

    Raises `Invalid` for negative amounts and for bands that do not rise.
    """

    currency: str
    rounding: Literal["line", "sum"]
    room_type: str
    room_type_name: str
    rate_plan: str
    rate_plan_name: str
    base_occupancy: int = 2
    extra_adult: int = 0
    child_bands: tuple[ChildBand, ...] = ()
    child_amounts: tuple[int, ...] = ()
    adjustment: Adjustment | None = None
    taxes: tuple[Tax, ...] = ()
    engine: int = ENGINE
    step: int = 1

    def __post_init__(self) -> None:
        if self.rounding not in ("line", "sum"):
            raise Invalid("taxes are rounded per line or on the sum", field="rounding")
        if self.base_occupancy < 1:
            raise Invalid("a night's price is for at least one adult", field="base_occupancy")
        if self.extra_adult < 0:
            raise Invalid("the price of an extra adult must not be negative", field="extra_adult")
        if self.child_amounts and min(self.child_amounts) < 0:
            raise Invalid("the price of a child must not be negative", field="child_amounts")
        if any(younger.max_age >= older.max_age for younger, older in pairwise(self.child_bands)):
            raise Invalid("child bands must be in ascending order", field="child_bands")


# The small values below are made by the thousand in a search; they refer to nothing that could refer
# back, so the garbage collector need not look at them.
class NightPrice(msgspec.Struct, frozen=True, gc=False):
    """The price of one night, and that night's own amounts for extra persons where they differ.

    `child_amounts` replaces those of the rules as a whole. Raises `Invalid` for a negative amount.
    """

    night: date
    price: int
    extra_adult: int | None = None
    child_amounts: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.price < 0:
            raise Invalid("the price of a night must not be negative", field="price")
        if self.extra_adult is not None and self.extra_adult < 0:
            raise Invalid("the price of an extra adult must not be negative", field="extra_adult")
        if self.child_amounts and min(self.child_amounts) < 0:
            raise Invalid("the price of a child must not be negative", field="child_amounts")


class Occupancy(msgspec.Struct, frozen=True, gc=False):
    """Who sleeps in one room: adults, and children by age on arrival (0 to 17).

    Raises `Invalid` for a negative number, no person at all, more than 100, or another age. Whether a
    room type takes them is for `restrictions.OccupancyRules` to say.
    """

    adults: int
    children: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.adults < 0:
            raise Invalid("the number of adults is not negative", field="adults")
        for position, age in enumerate(self.children):
            if not 0 <= age <= MAX_CHILD_AGE:
                raise Invalid(
                    f"a child is 0 to {MAX_CHILD_AGE} years old",
                    field=f"children[{position}]",
                    fix="count older guests as adults",
                )
        if not 1 <= self.persons <= MAX_PERSONS:
            raise Invalid(f"a room sleeps 1 to {MAX_PERSONS} persons", field="adults")

    @property
    def persons(self) -> int:
        """Everybody, infants included."""
        return self.adults + len(self.children)


LineKind = Literal["night", "extra_person", "plan", "discount", "tax"]


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of a price.

    `amount` is what it adds to the total: charges are net of included taxes, tax lines hold the tax.
    `gross` is the line as priced, before included taxes are taken out; for a tax line it is the amount.
    `night` is None for taxes, which are summed over the stay. `quantity` counts persons on a night, and
    for a tax whatever it is charged by: nights, persons, person-nights, or 1 for the stay.

    `label` is English. What it is made of, for who says it in another language: a tax's `name`, and its
    `rate` in parts per million where the label gives one; of children their `ages`, from and to.
    """

    kind: LineKind
    night: date | None
    code: str
    label: str
    quantity: int
    amount: int
    gross: int
    included: bool = False
    name: str = ""
    rate: int | None = None
    ages: tuple[int, int] | None = None


class Price(msgspec.Struct, frozen=True):
    """What a stay costs. `total` is `net + tax` and exactly the sum of the lines' amounts, and that of the
    nights' parts of it, `by_night` (see `pricing.night_totals`)."""

    currency: str
    lines: tuple[Line, ...]
    net: int
    tax: int
    total: int
    by_night: tuple[int, ...]


class Fee(msgspec.Struct, frozen=True):
    """What cancelling or not arriving costs; never more than the reservation's total.

    `value` is parts per million of the total (percent), a number of nights, each with its share of the
    total (nights), or minor units (fixed).
    """

    kind: Literal["percent", "nights", "fixed"]
    value: int

    def __post_init__(self) -> None:
        if self.kind not in ("percent", "nights", "fixed"):
            raise Invalid("a fee is percent, nights or fixed", field="kind")
        if self.value < 0:
            raise Invalid("a fee is not negative", field="value")
        if self.kind == "percent" and self.value > MILLION:
            raise Invalid("a fee is at most 100 % (1000000 parts per million)", field="value")


class Step(msgspec.Struct, frozen=True):
    """From `at`, property time, on the day `days_before` days before arrival, cancelling costs `fee`.

    `days_before` None means from the booking on; `at` says nothing then.
    """

    days_before: int | None
    at: time
    fee: Fee

    def __post_init__(self) -> None:
        if self.days_before is not None and not 0 <= self.days_before <= 3650:
            raise Invalid("a step must be 0 to 3650 days before arrival", field="days_before")
        if self.at.tzinfo is not None:
            raise Invalid("the time is the property's, without an offset", field="at")


class CancellationPolicy(msgspec.Struct, frozen=True):
    """Cancelling is free before the first step, then costs the fee of the latest step reached.

    Steps come in the order of time. Raises `Invalid`, naming the step, where they do not.
    """

    code: str
    name: str
    steps: tuple[Step, ...]
    no_show: Fee

    def __post_init__(self) -> None:
        for position, (earlier, later) in enumerate(pairwise(self.steps), start=1):
            if later.days_before is None or (
                earlier.days_before is not None
                and (-earlier.days_before, earlier.at) >= (-later.days_before, later.at)
            ):
                raise Invalid(
                    "each step of a policy must be later than the one before it",
                    field=f"steps[{position}]",
                    fix="give the steps in chronological order, the one nearest arrival last",
                )


class Deposit(msgspec.Struct, frozen=True):
    """What is due on booking. `value` as in `Fee`; without meaning for none and full.

    `capture` says when it is taken: on booking, or at check-in (until then the money is only reserved).
    `balance_days` before arrival the rest is due; None: at the hotel.
    """

    kind: Literal["none", "full", "percent", "nights", "fixed"]
    value: int = 0
    capture: Literal["booking", "check_in"] = "booking"
    balance_days: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("none", "full", "percent", "nights", "fixed"):
            raise Invalid("a deposit is none, full, percent, nights or fixed", field="kind")
        if self.value < 0:
            raise Invalid("a deposit is not negative", field="value")
        if self.kind == "percent" and self.value > MILLION:
            raise Invalid("a deposit is at most 100 % (1000000 parts per million)", field="value")
        if self.capture not in ("booking", "check_in"):
            raise Invalid("a deposit is captured at booking or at check-in", field="capture")
        if self.balance_days is not None and not 0 <= self.balance_days <= 730:
            raise Invalid("the balance is due 0 to 730 days before arrival", field="balance_days")


class FeeStage(msgspec.Struct, frozen=True):
    """From `since` (UTC; None: from now on) cancelling costs `amount`, in minor units."""

    since: datetime | None
    amount: int
    text: str


class CancellationTerms(msgspec.Struct, frozen=True):
    """A policy worked out for one reservation, as seen at one moment.

    `free_until` (UTC) is None where cancelling costs something already, and where it never will.
    `fee_now` and `no_show` are minor units. `text` says all of it in sentences, soonest first.
    """

    code: str
    name: str
    fee_now: int
    free_until: datetime | None
    stages: tuple[FeeStage, ...]
    no_show: int
    text: tuple[str, ...]
