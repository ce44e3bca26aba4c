"""The catalogue's pages: properties and what they sell. One module per kind of thing."""

from __future__ import annotations

from hotel_booking.admin.catalogue import (
    blocks,
    photos,
    plans,
    policies,
    properties,
    room_types,
    rooms,
    taxes,
    texts,
)

handlers = [
    *properties.handlers,
    *texts.handlers,
    *photos.handlers,
    *room_types.handlers,
    *rooms.handlers,
    *blocks.handlers,
    *plans.handlers,
    *policies.handlers,
    *taxes.handlers,
]
