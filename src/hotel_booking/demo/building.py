"""Builds properties from their outlines: rooms and their numbers, amounts in local money, policies, plans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import time
from itertools import count

from hotel_booking.core.money import exponent
from hotel_booking.demo.content import characters
from hotel_booking.demo.countries import pleasant, world
from hotel_booking.demo.draws import draws
from hotel_booking.demo.property import (
    Character,
    City,
    Outline,
    Plan,
    Policy,
    Property,
    Room,
    RoomType,
    RoomTypeOutline,
)
from hotel_booking.demo.taxes import rounding_of, taxes_of
from hotel_booking.domains.rates.types import (
    MILLION,
    Adjustment,
    CancellationPolicy,
    Deposit,
    Fee,
    Step,
)

# OpenTravel meal plan types.
ROOM_ONLY, BREAKFAST, HALF_BOARD = 14, 19, 12

_ALL = Fee("percent", MILLION)
_HALF = Fee("percent", MILLION // 2)
_ONE_NIGHT = Fee("nights", 1)
POLICIES = {
    "flexible": CancellationPolicy(
        "FLEXIBLE", "Flexible: free until 18:00 the day before", (Step(1, time(18), _ONE_NIGHT),), _ONE_NIGHT
    ),
    "moderate": CancellationPolicy(
        "MODERATE", "Moderate: free until 3 days before", (Step(3, time(18), _ONE_NIGHT),), _ALL
    ),
    "strict": CancellationPolicy(
        "STRICT",
        "Strict: half from 7 days before, all from the day before",
        (Step(7, time(12), _HALF), Step(1, time(12), _ALL)),
        _ALL,
    ),
    "non_refundable": CancellationPolicy(
        "NON-REFUNDABLE", "Non-refundable", (Step(None, time(0), _ALL),), _ALL
    ),
}
_ROOMS_PER_FLOOR = 14


class Builder:
    """Builds one property after the other and hands out the ids of all their rows."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._properties = count(1)
        self._room_types = count(1)
        self._rooms = count(1)
        self._policies = count(1)
        self._plans = count(1)

    def build(self, outline: Outline, city: City) -> Property:
        """One property in its city."""
        rng = draws(self._seed, outline.slug, "property")
        character = characters()[outline.character]
        country = world().country[city.country]
        level = in_local_money(outline.level, country.currency)
        policies = {name: Policy(next(self._policies), terms) for name, terms in POLICIES.items()}
        return Property(
            id=next(self._properties),
            outline=outline,
            character=character,
            city=city,
            currency=country.currency,
            phone=f"{country.phone} 555 0{rng.randrange(100, 1000)} {rng.randrange(10, 100)}",
            taxes=taxes_of(city.country, city.id, outline.stars),
            rounding=rounding_of(city.country),
            room_types=tuple(self._build_room_types(outline, character, country.currency, level)),
            policies=tuple(policies.values()),
            plans=tuple(self._build_plans(outline, character, country.currency, level, policies)),
        )

    def _build_room_types(
        self, outline: Outline, character: Character, currency: str, level: int
    ) -> Iterator[RoomType]:
        numbers = _numbers(outline.rooms)
        left, parts = outline.rooms, sum(kind.share for kind in character.room_types)
        for kind in character.room_types:
            # What is left is shared out among the types that are left, so that it comes out even.
            rooms = max(1, (2 * left * kind.share + parts) // (2 * parts))
            left, parts = left - rooms, parts - kind.share
            own = level * kind.price // 100
            yield RoomType(
                id=next(self._room_types),
                outline=kind,
                name=kind.name.format(view=outline.view),
                description=kind.text.format(view=outline.view),
                level=own,
                extra_adult=pleasant(own // 4, currency) if kind.persons[2] > kind.persons[0] else 0,
                child_amounts=_child_amounts(kind, character, own, currency),
                rooms=tuple(
                    Room(next(self._rooms), number, floor)
                    for _, (number, floor) in zip(range(rooms), numbers, strict=False)
                ),
                overbooking=character.overbooking if kind is character.room_types[0] else 0,
            )

    def _build_plans(
        self,
        outline: Outline,
        character: Character,
        currency: str,
        level: int,
        policies: dict[str, Policy],
    ) -> Iterator[Plan]:
        breakfast = pleasant(level * 9 // 100, currency)
        nights = character.deposit_nights
        base = Plan(
            id=next(self._plans),
            code="FLEX",
            name="Flexible rate",
            description="Room only, with our kindest cancellation terms.",
            meal=ROOM_ONLY,
            policy=policies[character.policy],
            deposit=Deposit("nights", nights) if nights else Deposit("none"),
        )
        yield base
        for code in character.plans[1:]:
            match code:
                case "NRF" | "EARLY":
                    yield self._paid_at_once(code, base, outline, policies)
                case "WEEKLY":
                    yield self._weekly(code, base, character, policies)
                case "BB" | "HB":
                    yield self._with_meals(code, base, character, breakfast)
                case _:
                    raise ValueError(f"no such plan: {code}")

    def _paid_at_once(self, code: str, base: Plan, outline: Outline, policies: dict[str, Policy]) -> Plan:
        early = code == "EARLY"
        return Plan(
            id=next(self._plans),
            code=code,
            name="Early booker" if early else "Non-refundable",
            description="Pay now and save; no changes, no refund."
            + (" At least two weeks ahead." if early else ""),
            meal=ROOM_ONLY,
            policy=policies["non_refundable"],
            deposit=Deposit("full"),
            parent=base.id,
            adjustment=Adjustment("percent", -150_000 if early else -100_000),
            min_advance_days=14 if early else (3 if outline.stars == 5 else None),
        )

    def _weekly(self, code: str, base: Plan, character: Character, policies: dict[str, Policy]) -> Plan:
        return Plan(
            id=next(self._plans),
            code=code,
            name="Stay a week",
            description="Seven nights or more for less, with a deposit.",
            meal=ROOM_ONLY,
            policy=policies["strict" if character.policy == "strict" else "moderate"],
            deposit=Deposit("percent", 300_000),
            parent=base.id,
            adjustment=Adjustment("percent", -150_000),
            min_stay=7,
        )

    def _with_meals(self, code: str, base: Plan, character: Character, breakfast: int) -> Plan:
        half_board = code == "HB"
        # A business hotel sells breakfast with the room, the others by the person.
        per_person = character.week != "business"
        amount = breakfast * 3 if half_board else breakfast * (1 if per_person else 2)
        return Plan(
            id=next(self._plans),
            code=code,
            name="Half board" if half_board else "Bed and breakfast",
            description="Breakfast and a four-course dinner at the long table."
            if half_board
            else "The flexible rate with breakfast for everyone in the room.",
            meal=HALF_BOARD if half_board else BREAKFAST,
            policy=base.policy,
            deposit=base.deposit,
            parent=base.id,
            adjustment=Adjustment("amount", amount, per_person),
        )


def in_local_money(euros: int, currency: str) -> int:
    """Whole euros as minor units of a currency, by the indicative rate."""
    return int(euros * world().currency[currency].per_euro * 10 ** exponent(currency))


def _child_amounts(kind: RoomTypeOutline, character: Character, level: int, currency: str) -> tuple[int, ...]:
    """Infants are free, older children pay a little, teenagers a little more."""
    if kind.persons[3] == 0:
        return ()
    return tuple(
        0 if oldest <= 3 else pleasant(level * (10 if oldest <= 9 else 16) // 100, currency)
        for oldest in character.children
    )


def _numbers(rooms: int) -> Iterator[tuple[str, str]]:
    """Room numbers and floors, from the ground up: 101, 102 ... There is no room 13 on any floor."""
    per_floor = max(4, rooms // 3) if rooms <= 2 * _ROOMS_PER_FLOOR else _ROOMS_PER_FLOOR
    for floor in count(1):
        doors: Iterable[int] = (door for door in count(1) if door != 13)
        for _, door in zip(range(per_floor), doors, strict=False):
            yield f"{floor}{door:02}", str(floor)
