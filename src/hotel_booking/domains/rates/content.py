"""Whether what a hotel's page says has changed: one statement, instead of the five that read all of it."""

from __future__ import annotations

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.properties.catalogue import Property
from hotel_booking.domains.properties.errors import NoSuchProperty


class Marked(msgspec.Struct, frozen=True):
    """A property as it is now. `mark` is another one after any change of what its page says and its prices
    are made of: the property, its city, room types, plans, policies, taxes, photos and texts in other
    languages; `rates_mark` after any change of the exchange rates. What was made under equal marks can be
    used again."""

    property: Property
    mark: int
    rates_mark: int


# A row's place and the transaction that wrote it: no other version of a row ever has both. They are read in
# the order of an index or of the table; where the plan changes, what was kept is made once more.
_MARKED = """
SELECT to_jsonb(p) AS property,
       hashtextextended(concat_ws(';', p.ctid, p.xmin,
       (SELECT concat_ws(',', c.ctid, c.xmin) FROM place c WHERE c.id = p.place_id),
       (SELECT string_agg(concat(t.ctid, t.xmin), ',') FROM room_type t WHERE t.property_id = p.id),
       (SELECT string_agg(concat(r.ctid, r.xmin), ',') FROM rate_plan r WHERE r.property_id = p.id),
       (SELECT string_agg(concat(c.ctid, c.xmin), ',') FROM cancellation_policy c
         WHERE c.property_id = p.id),
       (SELECT string_agg(concat(x.ctid, x.xmin), ',') FROM tax x WHERE x.property_id = p.id),
       (SELECT string_agg(concat(f.ctid, f.xmin), ',') FROM property_photo f WHERE f.property_id = p.id),
       (SELECT string_agg(concat(n.ctid, n.xmin), ',') FROM translation n WHERE n.property_id = p.id)
       ), 0) AS mark,
       (SELECT hashtextextended(coalesce(string_agg(concat(e.ctid, e.xmin), ','), ''), 0)
          FROM exchange_rate e) AS rates_mark
  FROM property p
 WHERE p.slug = $1 AND p.active
"""


async def marked(tx: Transaction, slug: str) -> Marked:
    """The active property with its marks, in one statement. Raises `NoSuchProperty`."""
    found = await tx.fetchrow_as(Marked, _MARKED, slug)
    if found is None:
        raise NoSuchProperty(f"there is no property {slug!r}", fix="GET /properties lists them")
    return found
