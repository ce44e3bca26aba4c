"""What the reader of API bodies says of a value, in the words of a form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from hotel_booking.admin.catalogue.frame import shaped
from hotel_booking.core.errors import Invalid
from hotel_booking.http.ui import assets
from hotel_booking.http.ui.forms import Form, FormProblems


class Shape(msgspec.Struct):
    """Fields with every kind of bound that forms have."""

    age: Annotated[int, msgspec.Meta(ge=1, le=17)] = 1
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=5)] = "x"
    ages: Annotated[list[int], msgspec.Meta(max_length=2)] = []
    kind: Literal["percent", "fixed"] = "fixed"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("age", 0, "Must be at least 1"),
        ("age", 18, "Must be at most 17"),
        ("age", "old", "Can’t be read"),
        ("name", "", "Must be filled in"),
        ("name", "x" * 6, "Is longer than 5 characters"),
        ("ages", [1, 2, 3], "Has more than 2 entries"),
        ("kind", "other", "Must be one of the options"),
    ],
)
def test_bounds_are_said_without_types(field: str, value: object, said: str) -> None:
    form = Form.of(**{field: "typed"})
    with pytest.raises(FormProblems):
        shaped(form, Shape, {field: value})
    assert form.errors == {field: said}


def test_what_is_wrong_with_a_part_of_a_field_stands_beside_the_field() -> None:
    for field, beside in (("rooms[0]", "rooms"), ("rooms.2", "rooms"), ("rooms", "rooms"), ("x[0]", "")):
        form = Form.of(rooms=["1", "2"]).failed(Invalid("there is none", field=field))
        assert list(form.errors) == [beside], field
    assert list(Form.of().failed(Invalid("there is none")).errors) == [""]


def test_what_is_wrong_begins_with_a_capital_and_leaves_alone_what_somebody_typed() -> None:
    form = Form.of(price="abc", name="", numbers="a9-1")
    form.money("price", "EUR")
    form.text("name", required=True)
    form.wrong("numbers", "“a9-1” is not a range")
    assert form.errors["price"].startswith("“abc” is not an amount")
    assert (form.errors["name"], form.errors["numbers"]) == ("Must be filled in", "“a9-1” is not a range")
    assert Form.of().failed(Invalid("there is none", fix="add one")).errors == {"": "There is none: add one"}
    # A style would change the first letter that is seen, the one of a quoted word too.
    folder = Path(assets.__file__).parent / "assets"
    assert not [one.name for one in folder.glob("*.css") if "::first-letter" in one.read_text()]
