"""Make and change room types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import asdict

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.core.money import check_charged
from hotel_booking.domains.properties import tables
from hotel_booking.domains.properties.catalogue import Property, RoomType
from hotel_booking.domains.properties.queries import find_item
from hotel_booking.domains.properties.rows import changed_values, check_version, delete, insert, update
from hotel_booking.domains.properties.service.translations import forget
from hotel_booking.domains.properties.types import (
    NewRoomType,
    RoomTypeChange,
    check_texts,
    room_codes,
)

_USUAL_ADULTS = 2


async def create(tx: Transaction, *, property_: Property, new: NewRoomType) -> RoomType:
    """Make a room type. Raises `AlreadyExists` for a taken code, `Invalid` naming the field."""
    values = {name: getattr(new, name) for name in new.__struct_fields__}
    values["property_id"] = property_.id
    values["name"] = new.name or new.code
    values["max_adults"] = new.max_adults or new.max_occupancy
    # What somebody asked for is refused where it cannot be, not made less in silence.
    values["base_occupancy"] = new.base_occupancy or min(_USUAL_ADULTS, new.max_occupancy)
    _check(property_, values, values)
    return await insert(tx, tables.room_type, values, what=f"a room type {new.code!r}")


async def change(
    tx: Transaction, *, property_: Property, code: str, changes: RoomTypeChange, version: int | None = None
) -> RoomType:
    """Change a room type. Raises `ChangedMeanwhile` where it is not `version` any more. Whether it may still
    be taken off sale, the bookings know (`bookings.removal.change_room_type`)."""
    row = await find_item(tx, tables.room_type, property_.id, code, lock=True)
    await check_version(tx, tables.room_type, row, version)
    values = changed_values(changes)
    _check(property_, asdict(row) | values, values)
    return await update(tx, tables.room_type, row.id, values)


def _check(property_: Property, whole: Mapping[str, Any], values: dict[str, Any]) -> None:
    check_texts(values)
    if whole["base_occupancy"] > whole["max_occupancy"]:
        raise Invalid("more adults are included in the price than the room sleeps", field="base_occupancy")
    if whole["max_adults"] > whole["max_occupancy"]:
        raise Invalid("more adults than the room sleeps", field="max_adults")
    if whole["max_children"] >= whole["max_occupancy"] and whole["max_children"] > 0:
        raise Invalid(
            "a room is for at least one adult",
            field="max_children",
            fix=f"keep it below {whole['max_occupancy']}, the guests that it sleeps",
        )
    bands = len(property_.child_bands)
    if "child_amounts" in values and values["child_amounts"] and len(values["child_amounts"]) != bands:
        raise Invalid(
            f"the property has {bands} child bands, so {bands} amounts are needed", field="child_amounts"
        )
    for field, amounts in (
        ("extra_adult", [values.get("extra_adult", 0)]),
        ("child_amounts", values.get("child_amounts", [])),
    ):
        for amount in amounts:
            check_charged(amount, property_.currency, field=field)
    if "amenities" in values:
        values["amenities"] = room_codes(values["amenities"])
    if "beds" in values:
        values["beds"] = msgspec.to_builtins(values["beds"])


async def remove(tx: Transaction, *, room_type: RoomType) -> None:
    """Remove a room type that nothing needs, with its texts. Raises `InUse` where something does."""
    await forget(tx, kind="room_type", object_id=room_type.id)
    await delete(tx, tables.room_type, room_type.id, what=room_type.name)
