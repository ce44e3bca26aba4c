"""The catalogue's pages: properties and what they sell. One module per kind of thing."""

from __future__ import annotations

from hotel_booking.admin.catalogue import photos, properties, texts

handlers = [
    *properties.handlers,
    *texts.handlers,
    *photos.handlers,
]
