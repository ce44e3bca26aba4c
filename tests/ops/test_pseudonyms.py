"""Production's data as staging gets it: nobody is recognised in any table, and what the copy needs to work is
there. That nothing goes outside is tests/deployment/test_restore_to_staging.py."""

from __future__ import annotations

import re

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.audit import chain
from hotel_booking.domains.bookings import service
from hotel_booking.domains.inventory import blocks
from hotel_booking.ops.backup import pseudonyms
from tests.factories.paying import hotel as hotel  # a fixture
from tests.factories.paying import one
from tests.factories.small_hotel import stay
from tests.integration.payments.test_desk_payments import owing, record, reverse
from tests.ops.test_access_views import WHOLE, WITHHELD

# Withheld from who was given access for hours, and kept in a copy: they name nobody and open nothing.
KEPT = {
    *("booking_words_walk.one", "booking_words_walk.after", "outside_off.why", "payment.hosted"),
    *("quote.rooms", "reservation.children", "rate_edit.what"),
}
ENGINEER = "jane.engineer@company.example"
_SEED = f"""
INSERT INTO access_grant (person, role, granted_at, until, reason, requested_by, approved_by)
     VALUES ('{ENGINEER}', 'dba', now(), now() + interval '1 hour', 'Mr Wordy asked', '{ENGINEER}',
             '{ENGINEER}');
INSERT INTO staff (email, name, password_hash, created_at)
     VALUES ('olga@company.example', 'Olga Owner', 'argon2-secret', now());
INSERT INTO rate_edit (property_id, kind, made_at, staff_id, made_by, what, room_type_ids, first_night,
                       last_night, cells, changes)
     SELECT p.id, 'cells', now(), s.id, 'Olga Owner', '1 value', '{{1}}', current_date, current_date,
            1, '[]' FROM property p, staff s LIMIT 1;
INSERT INTO operations_result (kind, at, succeeded, detail)
     VALUES ('restore', now(), true, '{{"approved_by": "{ENGINEER}"}}');
UPDATE payment SET gateway_reference = 'pi_of_production', problem = 'Mr Wordy says no'
 WHERE gateway = 'desk_cash';
UPDATE booking SET requests = 'Mr Wordy snores';
"""


async def test_nobody_is_recognised_and_the_copy_works(hotel: Database, database_url: str) -> None:
    booking = await owing(hotel)
    await record(hotel, booking, 5_000, receipt="paid by Mr Wordy")
    await reverse(hotel, booking, await record(hotel, booking, 100), "Typed for Mr Wordy")
    gone = await owing(hotel, 30)
    await record(hotel, gone)
    async with hotel.transaction() as tx:
        await service.cancel(tx, booking_id=gone.id, now=utc_now())
        await tx.execute("UPDATE refund SET reason = 'Mr Wordy was ill'")
        property_id = await tx.fetchval("SELECT id FROM property LIMIT 1")
        await blocks.block(
            tx, property_id=property_id, room="DBL-2", stay=stay(2, 1), reason="Mr Wordy’s bath"
        )
        for statement in _SEED.split(";\n"):
            if statement.strip():
                await tx.execute(statement)
    money = "SELECT array_agg((kind, amount)::text ORDER BY id) FROM ledger_entry"
    before = await one(hotel, money)
    assert await one(hotel, "SELECT count(*) FROM booking_words WHERE words @@ words_asked('Example')") == 2

    pseudonyms.make_fit(database_url, why="a copy for this test", now=utc_now())

    async with hotel.reading() as tx:
        tables = await tx.fetch(
            "SELECT relname AS name FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        for table in tables:
            text = await tx.fetchval(f'SELECT string_agg(t::text, chr(10)) FROM "{table["name"]}" AS t') or ""
            found = re.findall(
                r"(?i)wordy|ana@|olga|jane\.eng|argon2|pi_of_prod|21 ?000 ?0000|000000012153", text
            )
            assert not found, (table["name"], found)
    assert await one(hotel, money) == before, "as in production"
    # Bookings are found by whom they are for now, and what staff do on the copy is written and sealed.
    name = await one(hotel, "SELECT g.family_name FROM guest g JOIN booking b ON b.guest_id = g.id LIMIT 1")
    assert await one(hotel, "SELECT count(*) FROM booking_words WHERE words @@ words_asked($1)", name) > 0
    assert await one(hotel, "SELECT count(*) FROM booking_words WHERE words @@ words_asked('Example')") == 0
    assert await one(hotel, "SELECT count(*) FROM audit_entry") == 0
    await record(hotel, booking, 700)
    assert await chain.seal(hotel) > 0
    for table_of_one in ("audit_horizon", "hold_telling"):
        assert await one(hotel, f"SELECT count(*) FROM {table_of_one}") == 1


def test_what_access_for_hours_does_not_show_is_not_in_a_copy_either() -> None:
    """A new column of personal data has to be withheld there, so it cannot be forgotten here."""
    emptied = {name for line in pseudonyms.EMPTIED for name in line.split()}
    withheld = {f"{table}.{column}" for table, columns in WITHHELD.items() for column in columns.split()}
    changed = {
        f"{match[1]}.{column}"
        for match in re.finditer(r"UPDATE (\w+)(?: \w+)?\s+SET ([^;]*);", pseudonyms.CHANGED)
        for column in re.findall(r"(\w+) = ", match[2])
    }
    left = {name for name in withheld if name.partition(".")[0] not in emptied} - changed
    assert left == KEPT
    assert set(WHOLE) <= emptied
