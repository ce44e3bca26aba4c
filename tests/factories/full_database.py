"""A database as full as that of a large chain, made by a few statements: what a plan that reads a whole table
cannot hide in. Times are the clock's; bookings are of one room, and of the past but for the holds.

No booking of it is meant to be opened: rooms, prices and terms do not fit each other. What is looked at in a
test is made by the application beside it.
"""

# ruff: noqa: E501  # tables

from __future__ import annotations

import asyncpg

# Nights from five days ago on; bookings besides the holds.
_NUMBERS = {"hotels": 2_000, "nights": 45, "bookings": 40_000, "holds": 5_000}

_STATEMENTS = (
    """
    CREATE TEMP TABLE spot AS
        SELECT row_number() OVER (ORDER BY population DESC, id) - 1 AS n, id, name, lat, lon, country, timezone
          FROM place WHERE kind = 'city' ORDER BY population DESC LIMIT 200
    """,
    # Ten hotels in each of the 200 largest cities.
    """
    INSERT INTO property (slug, name, place_id, city, country, lat, lon, timezone, currency, stars, amenities)
        SELECT 'full-' || i, initcap(substr(translate(md5(i::text), '0123456789', 'klmnoprstu'), 1, 9)) || ' ' || i, s.id, s.name, s.country, s.lat + (i % 7) * 0.001,
               s.lon + (i % 11) * 0.001, s.timezone, 'EUR', i % 6, '{}'
          FROM generate_series(1, :hotels) AS i JOIN spot s ON s.n = i % 200
    """,
    """
    INSERT INTO cancellation_policy (property_id, code, name, steps, no_show)
        SELECT p.id, 'FLEX', 'Flexible',
               '[{"days_before": 1, "at": "18:00:00", "fee": {"kind": "nights", "value": 1}}]',
               '{"kind": "nights", "value": 1}'
          FROM property p WHERE p.slug LIKE 'full-%'
    """,
    """
    INSERT INTO rate_plan (property_id, code, name, policy_id)
        SELECT property_id, 'FLEX', 'Flexible', id FROM cancellation_policy c
         WHERE EXISTS (SELECT FROM property p WHERE p.id = c.property_id AND p.slug LIKE 'full-%')
    """,
    """
    INSERT INTO rate_plan (property_id, code, name, policy_id, parent_id, adjust_kind, adjust_value)
        SELECT r.property_id, 'NRF', 'Non-refundable', r.policy_id, r.id, 'percent', -100000
          FROM rate_plan r JOIN property p ON p.id = r.property_id AND p.slug LIKE 'full-%'
    """,
    """
    INSERT INTO room_type (property_id, code, name, max_occupancy, max_adults, max_children)
        SELECT p.id, k, k, 4, 3, 2 FROM property p, unnest('{SGL,DBL,SUI}'::text[]) AS k
         WHERE p.slug LIKE 'full-%'
    """,
    """
    CREATE TEMP TABLE kind AS
        SELECT row_number() OVER (ORDER BY t.id) - 1 AS n, t.id, t.property_id, r.id AS plan
          FROM room_type t JOIN property p ON p.id = t.property_id AND p.slug LIKE 'full-%'
          JOIN rate_plan r ON r.property_id = p.id AND r.code = 'FLEX'
    """,
    "CREATE INDEX ON kind (n)",
    "ANALYZE kind",
    "SET session_replication_role = replica",
    """
    INSERT INTO room_night (room_type_id, night, physical, taken)
        SELECT k.id, current_date - 5 + i, 10, (k.n + i) % 10 FROM kind k, generate_series(0, :nights - 1) AS i
    """,
    """
    INSERT INTO rate_night (room_type_id, rate_plan_id, night, price)
        SELECT k.id, k.plan, current_date - 5 + i, 8000 + (k.n * 37 + i * 11) % 5000
          FROM kind k, generate_series(0, :nights - 1) AS i
    """,
    """
    CREATE TEMP TABLE sold AS
        SELECT i, md5('b' || i)::uuid AS booking, md5('g' || i)::uuid AS guest, md5('p' || i)::uuid AS payment,
               k.id AS kind, k.property_id, k.plan, i > :bookings AS held,
               CASE WHEN i > :bookings THEN current_date + i % 30 ELSE current_date - 30 - i % 700 END AS arrival,
               CASE WHEN i > :bookings THEN now() - interval '5 minutes'
                    ELSE now() - interval '60 days' - (i % 700) * interval '1 day' END AS at
          FROM generate_series(1, :bookings + :holds) AS i JOIN kind k ON k.n = (i * 7919) % (3 * :hotels)
    """,
    """
    INSERT INTO guest (id, given_name, family_name, email, country, created_at)
        SELECT guest, 'Given' || i % 500, 'Family' || i % 5000, 'guest' || i % 60000 || '@example.org', 'PT', at
          FROM sold
    """,
    """
    INSERT INTO booking (id, reference, property_id, guest_id, status, currency, total, due_now, access_hash,
                         created_at, hold_expires_at)
        SELECT booking, 'X' || i, property_id, guest, CASE WHEN held THEN 'held' ELSE 'checked_out' END, 'EUR',
               20000, 20000, sha256(booking::text::bytea), at, at + interval '15 minutes' FROM sold
    """,
    """
    INSERT INTO reservation (id, booking_id, position, room_type_id, rate_plan_id, arrival, departure, taken,
                             status, adults, children, terms_id, night_prices, net, tax, total)
        SELECT md5('r' || i)::uuid, booking, 1, kind, plan, arrival, arrival + 2,
               daterange(arrival, arrival + 2), CASE WHEN held THEN 'held' ELSE 'checked_out' END, 2, '{}',
               md5('terms')::uuid, '[]', 20000, 0, 20000 FROM sold
    """,
    "INSERT INTO sale_terms (id, body) SELECT md5('terms' || i)::uuid, '{}' FROM generate_series(1, 20000) AS i",
    """
    INSERT INTO payment (id, booking_id, amount, currency, gateway, status, gateway_reference, created_at,
                         updated_at)
        SELECT payment, booking, 20000, 'EUR', 'sandbox', 'captured', 'full_' || i, at, at
          FROM sold WHERE NOT held AND i % 2 = 0
    """,
    """
    INSERT INTO ledger_entry (booking_id, kind, amount, currency, payment_id, created_at)
        SELECT booking, 'payment', 20000, 'EUR', payment, at FROM sold WHERE NOT held AND i % 2 = 0
    """,
    """
    INSERT INTO ledger_charge (booking_id, kind, amount, currency, created_at)
        SELECT booking, 'stay', 20000, 'EUR', at FROM sold WHERE NOT held AND i % 2 = 0
    """,
    """
    INSERT INTO refund (id, payment_id, amount, reason, status, created_at, done_at)
        SELECT md5('f' || i)::uuid, payment, 1, 'x', 'done', at, at FROM sold WHERE NOT held AND i % 10 = 0
    """,
    # What staff look bookings up by; guests never read it.
    """
    INSERT INTO booking_entry (booking_id, property_id, status, arrival, departure, created_at, total, paid)
        SELECT booking, property_id, CASE WHEN held THEN 'held' ELSE 'checked_out' END, arrival, arrival + 2, at,
               20000, CASE WHEN held THEN 0 ELSE 20000 END FROM sold WHERE i % 4 = 0
    """,
    """
    INSERT INTO booking_words (booking_id, words)
        SELECT booking, array_to_tsvector(ARRAY['given' || i % 500, 'family' || i % 5000]) FROM sold
         WHERE i % 10 = 0
    """,
    """
    INSERT INTO quote (id, property_id, arrival, departure, currency, total, due_now, rooms, created_at,
                       expires_at, booking_id)
        SELECT md5('q' || i)::uuid, property_id, arrival, arrival + 2, 'EUR', 20000, 20000, '[]', at,
               at + interval '20 minutes', CASE WHEN i % 3 > 0 THEN booking END FROM sold WHERE i % 2 = 0
    """,
    """
    INSERT INTO hold_maker (booking_id, network, mailbox, rooms, made_at)
        SELECT booking, sha256(('n' || i % 2000)::bytea), sha256(('m' || i)::bytea), 1, at FROM sold WHERE held
    """,
    """
    INSERT INTO mail_message (id, event_key, template, language, recipient, data, booking_id, property_id, status,
                              created_at, touched_at)
        SELECT md5('m' || i)::uuid, 'booking:' || booking || ':confirmed', 'booking_confirmed', 'en',
               'guest' || i % 60000 || '@example.org', '{}', booking, property_id, 'sent', at, at
          FROM sold WHERE NOT held AND i % 2 = 0
    """,
    """
    INSERT INTO audit_entry (at, actor_kind, action, object_kind, object_id, property_id, booking_id)
        SELECT at, 'guest', 'insert', 'booking', booking::text, property_id, booking FROM sold
    """,
    """
    INSERT INTO audit_link (position, entry_id, hash)
        SELECT row_number() OVER (ORDER BY id), id, sha256(id::text::bytea) FROM audit_entry
    """,
    """
    INSERT INTO idempotency_key (caller, key, request_hash, claim, claimed_at, status, body)
        SELECT 'address:203.0.113.' || i % 200, 'k' || i, 'x', md5('k' || i)::uuid,
               now() - (i % 1400) * interval '1 minute', 201, 'x' FROM generate_series(1, 20000) AS i
    """,
    """
    INSERT INTO guest_account (email, email_verified_at, created_at)
        SELECT 'guest' || i || '@example.org', now(), now() FROM generate_series(1, 10000) AS i
    """,
    """
    INSERT INTO guest_session (token_hash, account_id, created_at, last_seen_at, expires_at, confirmed_at)
        SELECT sha256(id::text::bytea), id, now(), now(), now() + interval '1 day', now() FROM guest_account
    """,
    """
    INSERT INTO guest_account_booking (account_id, booking_id)
        SELECT a.id, s.booking FROM sold s JOIN guest_account a ON a.email = 'guest' || s.i || '@example.org'
    """,
    """
    INSERT INTO browser_booking (browser, booking_id, remembered_at)
        SELECT sha256(('w' || i % 9000)::bytea), booking, at FROM sold WHERE i % 5 = 0
    """,
    """
    INSERT INTO checkout_draft (browser, details, kept_at)
        SELECT sha256(('d' || i)::bytea), '{}', now() FROM generate_series(1, 5000) AS i
    """,
    """
    INSERT INTO gateway_notice (gateway, id, kind, payment_id, created_at, received_at)
        SELECT 'sandbox', 'n' || i, 'x', payment, at, at FROM sold WHERE i % 4 = 0
    """,
    """
    INSERT INTO sandbox_payment (id, status, amount, currency, captured, created_at)
        SELECT payment, 'captured', 20000, 'EUR', 20000, at FROM sold WHERE NOT held
    """,
    "SET session_replication_role = origin",
    "INSERT INTO search_change (what) VALUES ('all')",  # what triggers would have said in parts
)


async def fill(url: str) -> None:
    """Fill a database that has places; some seconds. Only a superuser can: triggers rest meanwhile."""
    connection = await asyncpg.connect(url, timeout=60)
    try:
        for setting in ("synchronous_commit = off", "work_mem = '64MB'", "jit = off"):
            await connection.execute(f"SET {setting}")
        for each in _STATEMENTS:
            statement = each
            for name, number in _NUMBERS.items():
                statement = statement.replace(f":{name}", str(number))
            await connection.execute(statement)
        # Vacuumed too: what waits in the list of a GIN index makes its plans dearer, until autovacuum comes by.
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()
