"""What is said of a value that is none of an enumeration, wherever in the input it stands."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from hotel_booking.http import errors

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
        problem = errors.body_error(error, _Body)
        assert "zzz" not in problem.detail
        return problem.field, problem.fix
    raise AssertionError(raw)


def test_the_accepted_words_are_named_wherever_they_stand() -> None:
    meals = "one of half_board, none"
    assert _refused('{"from": "zzz"}') == ("from", "one of a, b")
    assert _refused('{"from": "zzz - at `$.maybe`"}') == ("from", "one of a, b")
    assert _refused('{"meals": ["none", "zzz"]}') == ("meals[1]", meals)
    assert _refused('{"maybe": "zzz"}') == ("maybe", meals)
    assert _refused('{"pair": ["zzz"]}') == ("pair[0]", meals)
    assert _refused('{"number": 13}') == ("number", "one of 12, 19")
    assert _refused('{"by_room": {"101": "zzz"}}') == ("by_room[...]", meals)
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
