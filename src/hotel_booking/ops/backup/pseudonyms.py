"""A copy of production's database made fit for staging: no guest and no member of staff can be recognised, no
secret works, and nothing that waits to be sent is left. Rows, money and nights stay as they are, so that what
was found on it is true of production.

It is run on a copy that no process works on yet, and before it leaves the machine that restored it.
"""

from __future__ import annotations

from datetime import datetime

import psycopg
from psycopg import sql

# Who a row is: the same guest has the same name wherever they stand, and another one has another.
_HASH = "encode(sha256((id::text || current_setting('hotel.salt'))::bytea), 'hex')"
_MAIL = f"'guest-' || left({_HASH}, 16) || '@example.invalid'"
_NAME = f"'Guest ' || left({_HASH}, 8)"

EMPTIED = (
    # Sessions, tokens, second factors and keys: none works on the copy.
    "staff_session staff_token staff_challenge staff_passkey staff_recovery_code known_device",
    "sign_in_failure",
    "guest_session guest_token guest_challenge guest_passkey link_request browser_booking checkout_draft",
    "idempotency_key api_key saved_card hold_maker hold_telling",
    # What says who did what, word for word.
    "audit_archive audit_link audit_entry audit_horizon audit_spooled stay_override",
    "access_grant access_reaped operations_result invariant_result",
    "guest_message booking_note booking_words till_closing",
    "mail_attempt mail_message gateway_notice reconciliation_difference reconciliation dispute",
    "incident_delivery incident_entry incident_role incident_update incident_alert incident_action incident",
    # Who is told, and what waits to be.
    "status_delivery status_webhook status_subscriber status_event job_trace restore_affected restore_point",
    "procrastinate_events procrastinate_jobs procrastinate_periodic_defers procrastinate_workers",
    "sandbox_payment sandbox_refund",
)
CHANGED = f"""
UPDATE guest SET given_name = 'Guest', family_name = {_NAME}, email = {_MAIL}, phone = NULL;
UPDATE guest_account SET given_name = 'Guest', family_name = {_NAME}, email = {_MAIL}, phone = NULL,
       wishes = NULL, password_hash = NULL;
UPDATE staff SET email = {_MAIL}, name = {_NAME}, password_hash = NULL, totp_secret = NULL,
       totp_last_step = 0;
UPDATE rate_edit e SET made_by = coalesce((SELECT name FROM staff s WHERE s.id = e.staff_id), 'A program');
UPDATE room_use SET reason = 'blocked' WHERE reason IS NOT NULL;
UPDATE booking SET requests = NULL, access_hash = sha256((id::text || current_setting('hotel.salt'))::bytea);
UPDATE reservation SET guest_name = NULL WHERE guest_name IS NOT NULL;
UPDATE payment SET gateway_reference = NULL, problem = NULL, agreement = NULL, decline_code = NULL,
    receipt = NULL, reversal = CASE WHEN reversal IS NOT NULL THEN 'erased' END;
UPDATE refund SET gateway_reference = NULL, problem = NULL, reason = 'as in production';
UPDATE property SET email = '', phone = '';
INSERT INTO booking_words (booking_id, words) SELECT id, booking_words_of(id) FROM booking;
INSERT INTO audit_horizon DEFAULT VALUES;
INSERT INTO hold_telling DEFAULT VALUES;
"""
# What would note our own changes, with what stood there before; and what bookings are found by: it is written
# once, at the end.
_WRITTEN_BY_US = "^(audit|append_only$|listed_words$)"


def make_fit(url: str, *, why: str, now: datetime) -> None:
    """All of it in one transaction: a copy that is half done is none. Raises `psycopg.Error`."""
    with psycopg.connect(url, connect_timeout=10) as connection:
        connection.execute("SELECT set_config('hotel.salt', gen_random_uuid()::text, true)")
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        there = {row[0] for row in tables}
        off = connection.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger"
            " WHERE NOT tgisinternal AND tgenabled = 'O' AND tgname ~ %s",
            (_WRITTEN_BY_US,),
        ).fetchall()
        _triggers(connection, "DISABLE", off)
        emptied = [name for line in EMPTIED for name in line.split() if name in there]
        named = sql.SQL(", ").join(map(sql.Identifier, emptied))
        connection.execute(sql.SQL("TRUNCATE {}").format(named))
        connection.execute(CHANGED.encode())
        connection.execute(
            "INSERT INTO outside_off (since, why) VALUES (%s, %s)"
            " ON CONFLICT (only_one) DO UPDATE SET since = excluded.since, why = excluded.why",
            (now, why),
        )
        _triggers(connection, "ENABLE", off)


def _triggers(connection: psycopg.Connection, how: str, which: list[tuple[str, ...]]) -> None:
    for table, name in which:
        statement = f"ALTER TABLE {table} {how} TRIGGER {{}}"
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
