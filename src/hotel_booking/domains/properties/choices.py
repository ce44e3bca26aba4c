"""Properties to choose from, as far as somebody may know of them."""

from __future__ import annotations

from collections.abc import Sequence

from hotel_booking.core.db import Row, Transaction


async def properties_within(
    tx: Transaction, within: frozenset[int] | None, *, limit: int = 1000
) -> Sequence[Row]:
    """id, slug, name, city, currency, timezone, day_end_time, active of the properties in
    `within` (None: all), by name."""
    return await tx.fetch(
        "SELECT id, slug, name, city, currency, timezone, day_end_time, active FROM property"
        " WHERE $1::int[] IS NULL OR id = ANY ($1)"
        " ORDER BY sort_form(name, 'en') COLLATE \"C\", name, id LIMIT $2",
        None if within is None else sorted(within),
        limit,
    )


async def found(
    tx: Transaction, within: frozenset[int] | None, *, search: str = "", limit: int = 200
) -> Sequence[Row]:
    """The properties in `within` (None: all) whose name, town or slug holds `search`, whatever its case and
    marks, by name: id, slug, name, city, country, currency, active, stars, how many room types and rooms are
    sold, and its cover."""
    return await tx.fetch(
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
