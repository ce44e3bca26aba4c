"""What is said of a value that is not of its type, wherever in the input it stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated, Any, Literal, get_type_hints
from uuid import UUID

import msgspec
import pytest
from litestar.routes import HTTPRoute
from msgspec import Meta, inspect

from hotel_booking.api import router
from hotel_booking.http.accepted import PATTERNS
from hotel_booking.http.shapes import body_error

_MANY = tuple(f"word-{place}" for place in range(500))
_Meal = StrEnum("_Meal", {"NONE": "none", "HALF": "half_board"})


class _Card(msgspec.Struct, tag="card"):
    meal: _Meal = _Meal.NONE


class _Cash(msgspec.Struct, tag="cash"):
    coin: Literal["EUR", "USD"] = "EUR"


class _Body(msgspec.Struct, kw_only=True, rename={"from_": "from"}):
    from_: Literal["a", "b"] = "a"
    meals: list[_Meal] = []
    maybe: _Meal | None = None
    pair: tuple[_Meal, ...] = ()
    number: Literal[12, 19] = 12
    by_room: dict[str, _Meal] = {}
    by_meal: dict[_Meal, int] = {}
    paid: _Card | _Cash | None = None
    lines: list[_Card] = []
    many: Literal[_MANY] | None = None  # type: ignore[valid-type]  # mypy reads no literal of a tuple


def _refused(raw: str) -> tuple[str | None, str | None]:
    try:
        msgspec.json.decode(raw, type=_Body)
    except msgspec.ValidationError as error:
        problem = body_error(error, _Body, raw.encode())
        assert "zzz" not in problem.detail
        return problem.field, problem.fix
    raise AssertionError(raw)


class _Guest(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=20)]
    rate: Annotated[float, Meta(ge=-1, le=1.5)] = 0


class _Wrong(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    adults: Annotated[int, Meta(ge=1, le=9)] = 1
    most: Annotated[int, Meta(ge=1)] | None = None
    limit: int = 0
    note: Annotated[str, Meta(max_length=60)] | None = None
    reason: Annotated[str, Meta(min_length=5)] = "because"
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] = "PT"
    fee: Annotated[int, Meta(ge=0)] | str = 0
    rooms: Annotated[list[int], Meta(min_length=1, max_length=2)] | None = None
    guests: list[_Guest] = []
    keep: bool = False
    day: date = date(2030, 1, 1)
    at: datetime | None = None
    hour: time = time(15)
    id: UUID | None = None
    by_room: dict[Annotated[int, Meta(ge=1, le=9)], str] = {}
    prices: dict[str, dict[str, list[_Guest]]] = {}


ADULTS = "send a whole number from 1 to 9"
NAMES, RATE = "the fields here are name, rate", "send a number from -1 to 1.5"
DATE = "write the date as YYYY-MM-DD, such as 2030-05-01"
WRONG = [
    ('{"adults": "zzz"}', "adults: is text, not a whole number", ADULTS),
    ('{"adults": 2.0}', "adults: is a number with decimals, not a whole number", ADULTS),
    ('{"adults": null}', "adults: is null, not a whole number", ADULTS),
    ('{"adults": 0}', "adults: is below 1", ADULTS),
    ('{"adults": 10}', "adults: is above 9", ADULTS),
    ('{"adults": 1e999}', "adults: is out of range", ADULTS),
    ('{"most": 0}', "most: is below 1", "send a whole number of at least 1, or null"),
    ('{"limit": true}', "limit: is a boolean, not a whole number", "send a whole number"),
    ('{"note": ["zzz"]}', "note: is a list, not text", "send text of at most 60 characters, or null"),
    ('{"reason": "zzz"}', "reason: has fewer than 5 characters", "send text of at least 5 characters"),
    ('{"country": "zzz"}', "country: is not written as it must be", "send two capital letters, such as PT"),
    (
        '{"fee": {}}',
        "fee: is an object, not a whole number or text",
        "send a whole number of at least 0 or text",
    ),
    ('{"rooms": []}', "rooms: has no items", "send a list of 1 to 2 items, or null"),
    ('{"rooms": [1, 2, 3]}', "rooms: has more than 2 items", "send a list of 1 to 2 items, or null"),
    ('{"rooms": ["zzz"]}', "rooms[0]: is text, not a whole number", "send a whole number"),
    ('{"guests": [{}]}', "guests[0].name: is required", "send text of 1 to 20 characters"),
    ('{"guests": [{"name": ""}]}', "guests[0].name: is empty", "send text of 1 to 20 characters"),
    ('{"guests": [{"Name": "zzz"}]}', "guests[0].Name: is not a known field", "did you mean name?"),
    ('{"guests": [{"qqq": "zzz"}]}', "guests[0].qqq: is not a known field", NAMES),
    ('{"guests": [{"name": "A", "rate": 2}]}', "guests[0].rate: is above 1.5", RATE),
    ('{"keep": "zzz"}', "keep: is text, not true or false", "send true or false"),
    ('{"day": 20300501}', "day: is a whole number, not a date", DATE),
    ('{"day": "zzz"}', "day: is not a date", DATE),
    ('{"at": "2030-05-01"}', "at: is not a timestamp", "write 2030-05-01T12:00:00Z"),
    ('{"hour": "zzz"}', "hour: is not a time of day", "write the time as HH:MM:SS, such as 15:00:00"),
    ('{"id": "zzz"}', "id: is not a valid id", "send the id exactly as you received it"),
    ('{"by_room": {"1": "A", "2": 2, "3": "B"}}', "by_room.2: is a whole number, not text", "send text"),
    (
        '{"by_room": {"zzz": "A"}}',
        "by_room: a key of it is not a whole number",
        ADULTS,
    ),
    (
        '{"prices": {"a": {}, "b": {"c": [{"name": "A"}, {"name": 1}]}, "d": {"c": [{"name": "A"}, 2]}}}',
        "prices.b.c[1].name: is a whole number, not text",
        "send text of 1 to 20 characters",
    ),
    ('["zzz"]', "the body: is a list, not an object", "send an object"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "detail", "fix"), WRONG)
def test_what_is_wrong_and_what_is_accepted_are_said_in_plain_words(raw: str, detail: str, fix: str) -> None:
    with pytest.raises(msgspec.ValidationError) as found:
        msgspec.json.decode(raw, type=_Wrong)
    problem = body_error(found.value, _Wrong, raw.encode())
    assert (problem.detail, problem.fix) == (detail, fix)
    assert problem.field == (None if detail.startswith("the body") else detail.partition(":")[0])


def test_a_long_name_is_told_by_its_beginning() -> None:
    for raw in (f'{{"{"z" * 10_000}": 1}}', f'{{"prices": {{"{"z" * 10_000}": 1}}}}'):
        with pytest.raises(msgspec.ValidationError) as found:
            msgspec.json.decode(raw, type=_Wrong)
        problem = body_error(found.value, _Wrong, raw.encode())
        assert problem.field is not None
        assert problem.field.endswith("z" * 80)
        assert len(problem.field) < 100
        assert len(problem.detail) < 150


def test_of_a_large_object_the_wrong_key_is_found_at_once() -> None:
    raw = msgspec.json.encode({"prices": {f"k{n}": 1 if n == 40_000 else {} for n in range(80_000)}})
    with pytest.raises(msgspec.ValidationError) as found:
        msgspec.json.decode(raw, type=_Wrong)
    assert body_error(found.value, _Wrong, raw).field == "prices.k40000"


def _texts(kind: inspect.Type) -> Iterator[inspect.StrType]:
    match kind:
        case inspect.StrType():
            yield kind
        case inspect.StructType():
            for field in kind.fields:
                yield from _texts(field.type)
        case inspect.DictType():
            yield from _texts(kind.value_type)
        case inspect.CollectionType():
            yield from _texts(kind.item_type)
        case inspect.UnionType():
            for one in kind.types:
                yield from _texts(one)
        case inspect.Metadata():
            yield from _texts(kind.type)


def test_every_pattern_of_a_body_is_said_in_words() -> None:
    found = set()
    for route in router.routes:
        assert isinstance(route, HTTPRoute)
        for handler in route.route_handlers:
            if handler.fn.__module__.startswith("hotel_booking."):  # not Litestar's own, for OPTIONS
                data: Any = get_type_hints(handler.fn, include_extras=True).get("data", int)
                found |= {text.pattern for text in _texts(inspect.type_info(data)) if text.pattern}
    assert found == set(PATTERNS)


def test_the_accepted_words_are_named_wherever_they_stand() -> None:
    meals = "one of half_board, none"
    assert _refused('{"from": "zzz"}') == ("from", "one of a, b")
    assert _refused('{"from": "zzz - at `$.maybe`"}') == ("from", "one of a, b")
    assert _refused('{"meals": ["none", "zzz"]}') == ("meals[1]", meals)
    assert _refused('{"maybe": "zzz"}') == ("maybe", meals)
    assert _refused('{"pair": ["zzz"]}') == ("pair[0]", meals)
    assert _refused('{"number": 13}') == ("number", "one of 12, 19")
    assert _refused('{"by_room": {"101": "zzz"}}') == ("by_room.101", meals)
    assert _refused('{"by_meal": {"zzz": 1}}') == ("by_meal", meals)
    assert _refused('{"paid": {"type": "zzz"}}') == ("paid.type", "one of card, cash")
    assert _refused('{"paid": {"type": "card", "meal": "zzz"}}') == ("paid.meal", meals)
    assert _refused('{"lines": [{"type": "card", "meal": "zzz"}]}') == ("lines[0].meal", meals)


def test_what_is_accepted_is_taken() -> None:
    raw = '{"maybe": "none", "by_room": {"101": "none"}, "by_meal": {"none": 1}, "paid": {"type": "cash"}}'
    body = msgspec.json.decode(raw, type=_Body)
    assert (body.maybe, body.by_room, body.by_meal) == ("none", {"101": "none"}, {"none": 1})
    assert isinstance(body.paid, _Cash)
    assert body.paid.coin == "EUR"


def test_of_very_many_words_some_are_named() -> None:
    _, fix = _refused('{"many": "zzz"}')
    assert fix is not None
    assert fix.startswith("one of word-0, word-1, ")
    assert fix.endswith(", and others that /api/docs lists")
    assert len(fix) < 700
