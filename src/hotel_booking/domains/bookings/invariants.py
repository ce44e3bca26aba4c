"""Recomputes what must always be true from the bookings themselves, and names every difference.

Constraints in the database make most differences impossible; this is the second pair of eyes that would
see a constraint dropped, a backup restored in part, or a bug of ours. Each check is one statement over
indexes and one pass; prices are recomputed in batches, so memory stays flat.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from uuid import UUID

import msgspec

from hotel_booking.core.db import Database, Row, Transaction
from hotel_booking.domains.bookings.pricing import recompute
from hotel_booking.domains.bookings.types import SaleTerms
from hotel_booking.domains.rates.types import NightPrice

_BATCH = 2000


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not as it must be."""

    invariant: str
    subject: str
    expected: str
    found: str


class Check(msgspec.Struct, frozen=True):
    """One invariant: its name, its meaning, and the statement whose rows are its differences
    (`subject, expected, found`)."""

    name: str
    meaning: str
    sql: str


CHECKS = (
    Check(
        "nights_taken",
        "a night's taken rooms are exactly the reservations that have it (but for nights that are in files)",
        """
        SELECT 'room type ' || coalesce(n.room_type_id, c.room_type_id)
                   || ' on ' || coalesce(n.night, c.night) AS subject,
               coalesce(c.rooms, 0) || ' taken' AS expected,
               CASE WHEN n.night IS NULL THEN 'no such room-night' ELSE n.taken || ' taken' END AS found
          FROM (SELECT r.room_type_id, i::date AS night, count(*) AS rooms
                  FROM reservation r, generate_series(lower(r.taken), upper(r.taken) - 1, '1 day') AS i
                 WHERE r.taken IS NOT NULL
                   AND i::date >= coalesce((SELECT a.before FROM night_archive a), i::date)
                 GROUP BY 1, 2) AS c
          FULL JOIN room_night n ON n.room_type_id = c.room_type_id AND n.night = c.night
         WHERE coalesce(c.rooms, 0) IS DISTINCT FROM n.taken::bigint
           AND coalesce(n.night >= (SELECT a.before FROM night_archive a), true)
        """,
    ),
    Check(
        "nothing_oversold",
        "0 <= taken <= capacity + overbooking limit",
        """
        SELECT 'room type ' || room_type_id || ' on ' || night AS subject,
               'at most ' || capacity + overbooking_limit AS expected, taken || ' taken' AS found
          FROM room_night WHERE taken < 0 OR taken > capacity + overbooking_limit
        """,
    ),
    Check(
        "rooms_blocked",
        "a night's blocked rooms are exactly its out-of-order blocks",
        """
        SELECT 'room type ' || n.room_type_id || ' on ' || n.night AS subject,
               coalesce(c.rooms, 0) || ' blocked' AS expected, n.blocked || ' blocked' AS found
          FROM room_night n
          LEFT JOIN (SELECT room.room_type_id, i::date AS night, count(*) AS rooms
                       FROM room_use u JOIN room ON room.id = u.room_id,
                            generate_series(lower(u.stay), upper(u.stay) - 1, '1 day') AS i
                      WHERE u.reason IS NOT NULL GROUP BY 1, 2) AS c USING (room_type_id, night)
         WHERE n.blocked <> coalesce(c.rooms, 0)
           AND n.night >= coalesce((SELECT a.before FROM night_archive a), n.night)
        """,
    ),
    Check(
        "one_stay_per_room",
        "a physical room has one stay or block a night",
        """
        SELECT 'room ' || a.room_id AS subject, 'one use a night' AS expected,
               a.stay::text || ' and ' || b.stay::text AS found
          FROM room_use a JOIN room_use b ON b.room_id = a.room_id AND b.stay && a.stay AND b.id > a.id
        """,
    ),
    Check(
        "nights_of_state",
        "held, confirmed and checked-in reservations have all their nights, expired and cancelled ones none",
        """
        SELECT 'reservation ' || id AS subject,
               CASE WHEN status IN ('expired', 'cancelled') THEN 'no nights'
                    ELSE daterange(arrival, departure)::text END AS expected,
               coalesce(taken::text, 'no nights') AS found
          FROM reservation
         WHERE (status IN ('held', 'confirmed', 'checked_in')
                AND taken IS DISTINCT FROM daterange(arrival, departure))
            OR (status IN ('expired', 'cancelled') AND taken IS NOT NULL)
        """,
    ),
    Check(
        "state_of_booking",
        "a booking and its reservations are in one state (of guests in the house some may have left, not come"
        " or still be expected, and rooms may be cancelled before the others), and its total is theirs",
        """
        SELECT 'booking ' || b.reference AS subject, b.status || ', ' || b.total AS expected,
               coalesce(string_agg(DISTINCT r.status, ' '), 'no reservations') || ', '
               || coalesce(sum(o.owed), 0) AS found
          FROM booking b LEFT JOIN reservation r ON r.booking_id = b.id,
               LATERAL (SELECT CASE WHEN r.status IN ('no_show', 'cancelled') AND r.status <> b.status
                                    THEN r.fee ELSE r.total END AS owed) AS o
         GROUP BY b.id
        HAVING count(r.id) = 0
            OR NOT (bool_or(r.status = b.status) OR b.status = 'checked_in'
                    AND bool_or(r.status = 'checked_out') AND bool_or(r.status = 'confirmed'))
            OR sum(o.owed) <> b.total
            OR bool_or(r.status <> b.status AND (b.status, r.status) NOT IN (
                   ('checked_in', 'checked_out'), ('checked_in', 'confirmed'), ('checked_in', 'no_show'),
                   ('checked_out', 'no_show'), ('confirmed', 'cancelled'), ('checked_in', 'cancelled'),
                   ('checked_out', 'cancelled'), ('no_show', 'cancelled')))
        """,
    ),
    Check(
        "ledger_of_payments",
        "every captured payment and every refund done is in the ledger once, and nothing else is",
        """
        SELECT 'payment ' || p.id AS subject, (m.captured - m.refunded)::text AS expected,
               m.in_ledger::text AS found
          FROM payment p
          LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM refund WHERE status = 'done'
                      GROUP BY payment_id) AS r ON r.payment_id = p.id
          LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM ledger_entry
                      GROUP BY payment_id) AS e ON e.payment_id = p.id,
               LATERAL (SELECT CASE WHEN p.status = 'captured' THEN coalesce(p.captured, p.amount) ELSE 0 END
                                   AS captured,
                               coalesce(r.amount, 0) AS refunded, coalesce(e.amount, 0) AS in_ledger) AS m
         WHERE m.captured - m.refunded <> m.in_ledger
        """,
    ),
    Check(
        "ledger_of_bookings",
        "in the ledger a guest owes the price of a booking that stands, the fee of one that does not, less"
        " what the hotel let go",
        """
        SELECT 'booking ' || b.reference AS subject, m.owed::text AS expected,
               coalesce(c.amount, 0)::text AS found
          FROM booking b
          LEFT JOIN (SELECT booking_id, sum(amount) AS amount FROM ledger_charge GROUP BY booking_id) AS c
                 ON c.booking_id = b.id,
               LATERAL (SELECT CASE WHEN b.status IN ('confirmed', 'checked_in', 'checked_out') THEN b.total
                                    WHEN b.status IN ('cancelled', 'no_show') THEN
                                        (SELECT sum(fee) FROM reservation r WHERE r.booking_id = b.id)
                                    ELSE 0 END AS price) AS s,
               LATERAL (SELECT greatest(s.price - b.goodwill, 0) AS owed) AS m
         WHERE m.owed <> coalesce(c.amount, 0)
        """,
    ),
    Check(
        "listed_money",
        "what the listing of bookings says was paid is what the ledger says, less refunds on their way",
        """
        SELECT 'booking ' || b.reference AS subject, m.paid::text AS expected, e.paid::text AS found
          FROM booking_entry e JOIN booking b ON b.id = e.booking_id
          LEFT JOIN (SELECT booking_id, sum(amount) AS amount FROM ledger_entry GROUP BY booking_id) AS l
                 ON l.booking_id = e.booking_id
          LEFT JOIN (SELECT p.booking_id, sum(r.amount) AS amount
                       FROM refund r JOIN payment p ON p.id = r.payment_id
                      WHERE r.status = 'due' GROUP BY p.booking_id) AS d ON d.booking_id = e.booking_id,
               LATERAL (SELECT coalesce(l.amount, 0) - coalesce(d.amount, 0) AS paid) AS m
         WHERE m.paid <> e.paid
        """,
    ),
    Check(
        "reversals_are_whole",
        "a line of the ledger is taken back only whole, and once",
        """
        SELECT 'ledger line ' || r.id AS subject, (-c.amount)::text AS expected, r.amount::text AS found
          FROM ledger_charge r JOIN ledger_charge c ON c.id = r.reverses
         WHERE r.amount <> -c.amount OR r.booking_id <> c.booking_id OR c.kind = 'reversal'
        """,
    ),
    Check(
        "refunds_within_payments",
        "never more is given back than was paid",
        """
        SELECT 'payment ' || p.id AS subject, 'at most ' || coalesce(p.captured, p.amount) AS expected,
               sum(r.amount)::text AS found
          FROM payment p JOIN refund r ON r.payment_id = p.id AND r.status <> 'failed'
         GROUP BY p.id HAVING sum(r.amount) > coalesce(p.captured, p.amount)
        """,
    ),
    Check(
        "money_within_what_is_owed",
        "what is reserved and paid, less what goes back, is never more than what is owed",
        """
        SELECT 'booking ' || b.reference AS subject, 'at most ' || o.owed AS expected,
               m.paid - m.returning || ' kept, ' || m.reserved || ' reserved' AS found
          FROM booking b
          LEFT JOIN (SELECT booking_id, sum(fee) AS fee FROM reservation GROUP BY booking_id) AS f
                 ON f.booking_id = b.id
          LEFT JOIN (SELECT booking_id, sum(amount) AS amount FROM ledger_entry GROUP BY booking_id) AS e
                 ON e.booking_id = b.id
          LEFT JOIN (SELECT p.booking_id, sum(r.amount) AS amount
                       FROM payment p JOIN refund r ON r.payment_id = p.id
                        AND (r.status = 'due' OR r.status = 'failed' AND r.again IS NULL)
                      GROUP BY p.booking_id) AS g ON g.booking_id = b.id
          LEFT JOIN (SELECT booking_id, sum(coalesce(to_capture, amount)) AS amount FROM payment
                      WHERE status = 'reserved' GROUP BY booking_id) AS w ON w.booking_id = b.id,
               LATERAL (SELECT coalesce(e.amount, 0) AS paid, coalesce(g.amount, 0) AS returning,
                               coalesce(w.amount, 0) AS reserved) AS m,
               LATERAL (SELECT greatest(CASE WHEN b.status IN ('confirmed', 'checked_in', 'checked_out')
                                             THEN b.total
                                             WHEN b.status IN ('cancelled', 'no_show') THEN f.fee
                                             ELSE 0 END - b.goodwill, 0) AS owed) AS o
         WHERE m.paid - m.returning + m.reserved > o.owed
        """,
    ),
)
PRICES = "prices_recomputed"


async def check(
    db: Database, *, prices: bool = True, progress: Callable[[str], None] = lambda _name: None
) -> AsyncIterator[Difference]:
    """Yield every difference. All checks look at one snapshot; `prices` recomputes every reservation."""
    async with db.transaction() as tx:
        await tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        await tx.let_take(600)
        for item in CHECKS:
            progress(item.name)
            for row in await tx.fetch(item.sql):
                yield Difference(item.name, row["subject"], row["expected"], row["found"])
        if prices:
            progress(PRICES)
            async for difference in _prices(tx):
                yield difference


async def _prices(tx: Transaction) -> AsyncIterator[Difference]:
    """Every reservation's price, recomputed from the rules stored with it."""
    last = UUID(int=0)
    while True:
        rows = await tx.fetch(
            "SELECT r.id, r.adults, r.children, r.night_prices, r.net, r.tax, r.total, t.body, r.terms_id"
            "  FROM reservation r JOIN sale_terms t ON t.id = r.terms_id"
            " WHERE r.id > $1 ORDER BY r.id LIMIT $2",
            last,
            _BATCH,
        )
        parsed: dict[UUID, SaleTerms] = {}
        for row in rows:
            found = _recomputed(row, parsed)
            if found != (row["net"], row["tax"], row["total"]):
                yield Difference(
                    PRICES,
                    f"reservation {row['id']}",
                    str((row["net"], row["tax"], row["total"])),
                    str(found),
                )
        if len(rows) < _BATCH:
            return
        last = rows[-1]["id"]


def _recomputed(row: Row, parsed: dict[UUID, SaleTerms]) -> tuple[int, int, int]:
    terms = parsed.get(row["terms_id"])
    if terms is None:
        terms = parsed[row["terms_id"]] = msgspec.convert(row["body"], SaleTerms)
    nights = msgspec.convert(row["night_prices"], tuple[NightPrice, ...])
    result = recompute(terms, nights, row["adults"], tuple(row["children"]))
    return result.net, result.tax, result.total
