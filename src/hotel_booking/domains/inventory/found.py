"""Properties as staff find them: with what they sell."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hotel_booking.core.db import Transaction


class ListedProperty(msgspec.Struct, frozen=True):
    """A property of a search of the staff: how many room types and rooms it sells, and its cover (a photo's
    name, the widths of its files in pixels, what it shows), if it has one."""

    id: int
    slug: str
    name: str
    city: str
    country: str
    currency: str
    active: bool
    stars: int
    room_types: int
    rooms: int
    file: str | None
    widths: tuple[int, ...] | None
    alt: str | None


async def found(
    tx: Transaction, within: frozenset[int] | None, *, search: str = "", limit: int = 200
) -> Sequence[ListedProperty]:
    """The properties in `within` (None: all) whose name, town or slug holds `search`, whatever its case and
    marks, by name."""
    return await tx.fetch_as(
        ListedProperty,
        "SELECT p.id, p.slug, p.name, p.city, p.country, p.currency, p.active, p.stars,"
        "       (SELECT count(*) FROM room_type t WHERE t.property_id = p.id AND t.active) AS room_types,"
        "       (SELECT count(*) FROM room r WHERE r.property_id = p.id AND r.active) AS rooms,"
        "       c.file, c.widths, c.alt"
        "  FROM property p LEFT JOIN LATERAL ("
        "       SELECT file, widths, alt FROM property_photo f WHERE f.property_id = p.id"
        "        ORDER BY sort, id LIMIT 1) c ON true"
        " WHERE ($1::int[] IS NULL OR p.id = ANY ($1))"
        "   AND ($2 = '' OR position(folded($2) IN folded(concat_ws(' ', p.name, p.city, p.slug))) > 0"
        "        OR position(coalesce(folded_spelled($2), folded($2)) IN folded(p.name || ' ' || p.city)) > 0"
        "        OR position(folded($2) IN folded_spelled(p.name || ' ' || p.city)) > 0)"
        " ORDER BY sort_form(p.name, 'en') COLLATE \"C\", p.name, p.id LIMIT $3",
        None if within is None else sorted(within),
        search.strip(),
        limit,
    )
