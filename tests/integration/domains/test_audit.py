"""The audit log: whoever changes something, it is there, without secrets, and nobody can change it unseen."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from hashlib import md5
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from typer.testing import CliRunner

from hotel_booking import worker
from hotel_booking.cli.api_key import app as key_cli
from hotel_booking.cli.audit_log import app as cli
from hotel_booking.cli.staff import app as staff_cli
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database, Origin, Transaction
from hotel_booking.domains.audit import chain, queries, spooled
from hotel_booking.domains.audit.queries import AuditEntry, EntryFilter
from hotel_booking.domains.bookings import service as bookings
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.integrations.sandbox import SandboxGateway
from hotel_booking.ops import spool
from tests.clients.http_client import (
    api_key,
    bearer,
    running,
    settings_for,
)
from tests.clients.jobs import run_jobs
from tests.clients.staff_client import session_of, signed_in, staff
from tests.factories.small_hotel import (
    GUEST,
    NOW,
    make_quote,
    small_hotel,
    stay,
)

SOMEBODY = Origin("staff", id="7", name="Sample Colleague", address="203.0.113.9", request_id="r-12345678")


async def entries(db: Database, **wanted: Any) -> list[AuditEntry]:
    """Newest first."""
    async with db.transaction() as tx:
        return await queries.search(tx, EntryFilter(**wanted), limit=500)


async def change(db: Database, statement: str, *args: object) -> None:
    async with db.transaction() as tx:
        await tx.execute(statement, *args)


@pytest.fixture
async def hotel(db: Database) -> Database:
    await small_hotel(db)
    return db


# who and what -------------------------------------------------------------------------------------


async def test_a_change_is_noted_with_who_what_before_after_and_from_where(hotel: Database) -> None:
    await change(hotel.acting(SOMEBODY), "UPDATE property SET name = 'New name', version = version + 1")
    newest = (await entries(hotel))[0]
    assert (newest.actor_kind, newest.actor_id, newest.actor_name) == ("staff", "7", "Sample Colleague")
    assert (newest.address, newest.request_id) == ("203.0.113.9", "r-12345678")
    assert (newest.action, newest.object_kind) == ("update", "property")
    assert newest.before is not None
    assert newest.before.keys() == {"name"}
    assert newest.after == {"name": "New name"}
    assert newest.property_id is not None
    assert timedelta(0) <= utc_now() - newest.at < timedelta(minutes=1)


async def test_what_changes_nothing_is_not_noted(hotel: Database) -> None:
    before = len(await entries(hotel))
    await change(hotel.acting(SOMEBODY), "UPDATE property SET name = name, version = version + 1")
    await change(hotel.acting(SOMEBODY), "UPDATE room_night SET taken = taken")
    assert len(await entries(hotel)) == before


async def test_what_is_undone_was_never_noted(hotel: Database) -> None:
    before = len(await entries(hotel))
    with suppress(ZeroDivisionError):
        async with hotel.acting(SOMEBODY).transaction() as tx:
            await tx.execute("UPDATE property SET name = 'x'")
            raise ZeroDivisionError
    assert len(await entries(hotel)) == before


async def test_a_hand_in_the_database_is_noted_too(hotel: Database) -> None:
    for statement, kind in (
        ("UPDATE property SET stars = 1", "property"),
        ("UPDATE room_night SET overbooking_limit = 3", "availability"),
        ("UPDATE rate_night SET price = price + 1", "rates"),
        ("DELETE FROM rate_night", "rates"),
    ):
        await change(hotel, statement)
        newest = (await entries(hotel))[0]
        assert (newest.object_kind, newest.actor_kind) == (kind, "database")
        assert newest.actor_name


async def test_an_origin_ends_with_its_transaction(hotel: Database) -> None:
    for _ in range(30):  # on every connection of the pool
        await change(hotel.acting(SOMEBODY), "UPDATE property SET stars = (stars + 1) % 6")
        await change(hotel, "UPDATE property SET stars = (stars + 1) % 6")
    kinds = [entry.actor_kind for entry in await entries(hotel, object_kind="property")][:60]
    assert kinds == ["database", "staff"] * 30


@pytest.mark.parametrize(
    "name",
    ["O'Sample", "\\", "\\'; DROP TABLE tax; --", "''", 'a"b', "$$", "%s", "é…\n\u2028\U0001f511", "\x00"],
)
async def test_a_name_is_stored_as_it_is_whatever_it_holds(hotel: Database, name: str) -> None:
    who = Origin("staff", id="7", name=name)
    if "\x00" in name:  # PostgreSQL knows no such text: nothing is changed either
        with pytest.raises(asyncpg.PostgresError):
            await change(hotel.acting(who), "UPDATE property SET stars = 4")
        return
    await change(hotel.acting(who), "UPDATE property SET stars = 4")
    assert (await entries(hotel))[0].actor_name == name


async def test_a_savepoint_in_a_savepoint_undoes_only_its_own(hotel: Database) -> None:
    async with hotel.acting(SOMEBODY).transaction() as tx:
        async with tx.savepoint():
            await tx.execute("UPDATE property SET stars = 1")
            with suppress(ZeroDivisionError):
                async with tx.savepoint():
                    await tx.execute("UPDATE property SET stars = 2")
                    raise ZeroDivisionError
            with suppress(asyncpg.PostgresError):
                async with tx.savepoint():
                    await tx.execute("SELECT 1 / 0")
            async with tx.savepoint():
                await tx.execute("UPDATE property SET phone = 'kept'")
        assert await tx.fetchval("SELECT (stars, phone)::text FROM property") == "(1,kept)"
    assert [entry.after for entry in (await entries(hotel))[:2]] == [{"phone": "kept"}, {"stars": 1}]


async def test_a_step_of_a_sale_hides_no_other_change(hotel: Database) -> None:
    """The short ways of noting a sale are for its usual steps alone: they look at every other column there
    is, those of later migrations too."""
    for table, unseen in (
        (
            "booking",
            {"status", "confirmed_at", "access_hash", "hold_expires_at", "collect_at", "collect_tries"},
        ),
        ("payment", {"status", "gateway_reference", "capture_at", "updated_at"}),
    ):
        async with hotel.transaction() as tx:
            columns = await tx.fetch(
                "SELECT attname AS name FROM pg_attribute"
                " WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped",
                table,
            )
            triggers = await tx.fetch(
                "SELECT pg_get_triggerdef(oid) AS text FROM pg_trigger"
                " WHERE tgrelid = $1::regclass AND tgname IN ('audit_usual', 'audit_other')",
                table,
            )
        assert len(triggers) == 2
        for name in {row["name"] for row in columns} - unseen:
            assert all(f"old.{name}" in row["text"] for row in triggers), (
                f"call audit_sales(): {table}.{name}"
            )
    quote = await make_quote(hotel, stay(5, 2))
    async with hotel.transaction() as tx:
        await bookings.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
    await change(hotel, "UPDATE booking SET status = 'confirmed', confirmed_at = now(), language = 'pt'")
    assert (await entries(hotel))[0].after is not None
    assert ((await entries(hotel))[0].after or {}).keys() == {"status", "confirmed_at", "language"}


async def test_prices_are_noted_once_a_statement_with_what_they_cover(hotel: Database) -> None:
    before = len(await entries(hotel, object_kind="rates"))
    await change(hotel.acting(SOMEBODY), "UPDATE rate_night SET price = price + 100")
    (newest, *_) = found = await entries(hotel, object_kind="rates")
    assert len(found) == before + 1
    assert newest.after is not None
    assert newest.before is not None
    assert newest.after["nights"] > 10
    assert newest.after["lowest"] == newest.before["lowest"] + 100


async def test_guests_keys_and_staff_are_told_apart(hotel: Database, database_url: str) -> None:
    key = await api_key(hotel)
    async with running(settings_for(database_url, mfa_required=False)) as (app, client):
        quote = await make_quote(hotel, stay(5, 2))
        body = {"quote": str(quote.id), "guest": json.loads(json.dumps(GUEST_BODY))}
        held = (await client.post("/api/v1/bookings", json=body, headers={"x-request-id": "req-0001"})).json()
        path = f"/api/v1/bookings/{held['reference']}"
        guest = bearer(held["access_token"])
        paid = await client.post(f"{path}/payments", json={"token": "tok_success"}, headers=guest)
        assert paid.status_code == 200
        cancelled = await client.post(f"{path}/cancel", json={}, headers=bearer(key))
        assert cancelled.status_code == 200
        async with signed_in(app, hotel, (Role.OWNER, None), name="Sample Owner") as owner:
            form = {"name": "k", "scopes": "rates:write", "everywhere": "true"}
            assert (await owner.post("/admin/keys", data=form)).status_code == 200
    async with hotel.transaction() as tx:
        booking_id = await tx.fetchval("SELECT id FROM booking WHERE reference = $1", held["reference"])
        story = list(reversed(await queries.history_of_booking(tx, booking_id)))
    assert story[0].actor_kind == "anonymous"
    assert (story[0].request_id, story[0].address) == ("req-0001", "203.0.113.7")
    confirmed = next(entry for entry in story if (entry.after or {}).get("status") == "confirmed")
    assert (confirmed.actor_kind, confirmed.before) == ("guest", {"status": "held", "confirmed_at": None})
    ended = next(entry for entry in story if (entry.after or {}).get("status") == "cancelled")
    assert (ended.actor_kind, ended.actor_name) == ("key", "test")
    (made,) = [e for e in await entries(hotel, object_kind="api_key") if e.actor_kind == "staff"]
    assert made.actor_name == "Sample Owner"


GUEST_BODY = {
    "given_name": GUEST.given_name,
    "family_name": GUEST.family_name,
    "email": GUEST.email,
    "phone": "+351 210 000 000",
}


async def test_jobs_are_noted_by_name_and_the_sealing_job_drains_and_chains(
    hotel: Database, database_url: str, tmp_path: Path
) -> None:
    quote = await make_quote(hotel, stay(5, 2))
    async with hotel.transaction() as tx:
        held = await bookings.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
    spool.note(tmp_path, action="restore", object_kind="database", object_id="x", now=utc_now())
    async with worker.application(database_url).open_async() as jobs:
        await jobs.configure_task("bookings:sweep").defer_async(timestamp=0)
        await jobs.configure_task("identity:seal").defer_async(timestamp=0)
    await run_jobs(
        hotel,
        database_url,
        "bookings",
        "identity",
        clock=lambda: NOW + timedelta(days=1),
        spool_dir=str(tmp_path),
        gateway=SandboxGateway(),
        mailer=None,
        link=str,
    )
    async with hotel.transaction() as tx:
        (newest, *_) = await queries.history_of_booking(tx, held.booking.id)
        assert await chain.length(tx) > 0
    assert newest.actor_kind == "job"
    assert newest.actor_name.startswith("bookings:")
    assert newest.actor_id
    assert newest.after == {"status": "expired"}
    (act,) = await entries(hotel, object_kind="database")
    assert act.actor_kind == "ops"
    assert (await followed(hotel)).problem is None


async def test_a_command_is_noted_as_one_and_what_is_denied_not_at_all(
    hotel: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    words = ["create", "--name", "Desk", "--scope", "bookings:read"]
    done = await asyncio.to_thread(CliRunner().invoke, key_cli, words)
    assert done.exit_code == 0
    (made,) = await entries(hotel, object_kind="api_key")
    assert (made.actor_kind, made.actor_name, made.action) == ("command", "hotel-booking api-key", "insert")
    words = ["create-owner", "--email", "ana@hotel.example", "--name", "Ana"]
    assert (await asyncio.to_thread(CliRunner().invoke, staff_cli, words)).exit_code == 0
    assert {e.actor_name for e in await entries(hotel, object_kind="staff")} == {
        "hotel-booking staff create-owner"
    }
    before = len(await entries(hotel))
    secret = done.stdout.splitlines()[-1]
    async with running(settings_for(database_url)) as (_, client):
        for headers in (bearer(secret), {}):
            answer = await client.put("/api/v1/properties/seaview", json={"name": "Mine"}, headers=headers)
            assert answer.status_code in (401, 403, 404, 405)
            answer = await client.post("/api/v1/properties", json={"slug": "mine"}, headers=headers)
            assert answer.status_code in (401, 403)
    assert len(await entries(hotel)) == before


async def test_a_spoofed_address_changes_nothing(hotel: Database, database_url: str) -> None:
    quote = await make_quote(hotel, stay(5, 2))
    body = {"quote": str(quote.id), "guest": GUEST_BODY}
    spoof = {"x-forwarded-for": "198.51.100.1", "forwarded": "for=198.51.100.1", "x-real-ip": "198.51.100.1"}
    async with running(settings_for(database_url)) as (_, client):
        assert (await client.post("/api/v1/bookings", json=body, headers=spoof)).status_code == 201
    assert {e.address for e in await entries(hotel, object_kind="booking")} == {"203.0.113.7"}


# reading ------------------------------------------------------------------------------------------

_MANY = """
INSERT INTO audit_entry (at, actor_kind, actor_id, request_id, action, object_kind, object_id, property_id,
                         booking_id)
SELECT '2029-01-01'::timestamptz + i * interval '30 seconds',
       CASE WHEN i % 1000 = 0 THEN 'staff' WHEN i % 20 = 0 THEN 'key' ELSE 'guest' END,
       CASE WHEN i % 20 = 0 THEN (i % 7)::text ELSE '' END, md5((i / 4)::text), 'update',
       CASE WHEN i % 1000 = 0 THEN 'room' ELSE 'booking' END, (i / 5)::text, 1 + i % 50,
       md5((i / 5)::text)::uuid
  FROM generate_series(1, 60000) AS i
"""
_DAY = datetime(2029, 1, 2, tzinfo=UTC)


async def test_whatever_is_looked_for_is_found_by_an_index(
    hotel: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hotel.transaction() as tx:
        await tx.execute(_MANY)
        await tx.execute("ANALYZE audit_entry")
        asked: list[tuple[str, tuple[Any, ...]]] = []
        fetch = Transaction.fetch

        async def noted(self: Transaction, statement: Any, *args: Any) -> Any:
            asked.append((statement, args))
            return await fetch(self, statement, *args)

        monkeypatch.setattr(Transaction, "fetch", noted)
        for wanted, within, number in (
            (EntryFilter(), None, 51),
            (EntryFilter(), frozenset({7, 8}), 51),
            (EntryFilter(), frozenset({999}), 0),
            (EntryFilter(actor_kind="ops"), None, 0),
            (EntryFilter(actor_kind="staff", actor_id="6"), None, 9),
            (EntryFilter(actor_id="nobody"), None, 0),
            (EntryFilter(actor_kind="guest"), frozenset({51}), 0),
            (EntryFilter(object_kind="room"), frozenset({1}), 51),
            (EntryFilter(object_kind="booking", object_id="777"), None, 5),
            (EntryFilter(request_id=md5(b"777", usedforsecurity=False).hexdigest()), None, 4),
            (EntryFilter(since=_DAY, until=_DAY + timedelta(minutes=1)), None, 2),
            (EntryFilter(until=_DAY - timedelta(days=9999)), None, 0),
            (EntryFilter(since=_DAY + timedelta(days=9999)), frozenset({3}), 0),
        ):
            found = await queries.search(tx, wanted, within=within, limit=51)
            assert len(found) == number, wanted
            assert [entry.id for entry in found] == sorted((e.id for e in found), reverse=True)
        await queries.history_of_booking(tx, uuid4())
        await queries.object_kinds(tx)
        assert len(asked) == 15
        for statement, args in asked:
            plan = "\n".join(row[0] for row in await fetch(tx, f"EXPLAIN ANALYZE {statement}", *args))
            assert "Seq Scan on audit_entry" not in plan, plan
            passed = sum(int(n) for n in re.findall(r"Rows Removed by Filter: (\d+)", plan))
            assert passed < 3_000, plan


# secrets ------------------------------------------------------------------------------------------


async def test_neither_secrets_nor_personal_data_are_in_the_log(hotel: Database) -> None:
    quote = await make_quote(hotel, stay(5, 2))
    async with hotel.transaction() as tx:
        held = await bookings.hold(
            tx, quote_id=quote.id, guest=GUEST, now=NOW, guest_names=["Roomy Mate"], requests="a quiet room"
        )
        await tx.execute("UPDATE guest SET given_name = 'Changed', email = 'new@example.com'")
        await tx.execute("UPDATE reservation SET guest_name = 'Other Mate'")
    await session_of(hotel, await staff(hotel, (Role.OWNER, None)))
    await change(
        hotel,
        "UPDATE staff SET password_hash = 'argon-secret', totp_secret = 'totp-secret',"
        "       password_changed_at = now()",
    )
    secret = await api_key(hotel)
    async with hotel.transaction() as tx:
        text = await tx.fetchval("SELECT string_agg(e::text, '|') FROM audit_entry e")
        hashes = await tx.fetch(
            "SELECT encode(access_hash, 'hex') AS h FROM booking"
            " UNION SELECT encode(key_hash, 'hex') FROM api_key"
            " UNION SELECT encode(token_hash, 'hex') FROM staff_session"
        )
    for word in (
        held.access_token,
        secret,
        "argon-secret",
        "totp-secret",
        GUEST.family_name,
        GUEST.email,
        "Changed",
        "new@example.com",
        "Roomy",
        "Other Mate",
        "quiet",
        *(row["h"] for row in hashes),
    ):
        assert word not in text, word
    guest = (await entries(hotel, object_kind="guest"))[0]
    assert guest.after == {"given_name": "…", "email": "…"}


# append-only and the chain ------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["audit_entry", "audit_link"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {}"])
async def test_nobody_changes_the_log(hotel: Database, table: str, verb: str) -> None:
    column = "action = 'x'" if table == "audit_entry" else "hash = ''"
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        await change(hotel, verb.format(table, column))


async def seal(db: Database, batch: int = 500) -> int:
    return await chain.seal(db, batch=batch)


async def followed(db: Database, batch: int = 7) -> chain.ChainCheck:
    async with db.transaction() as tx:
        return [checked async for checked in chain.follow(tx, batch=batch)][-1]


async def test_the_chain_grows_and_holds(hotel: Database) -> None:
    number = len(await entries(hotel))
    assert await seal(hotel, batch=3) == number
    assert await seal(hotel) == 0
    await change(hotel, "UPDATE property SET stars = 2")
    assert await seal(hotel) == 1
    checked = await followed(hotel)
    assert (checked.position, checked.problem) == (number + 1, None)


async def tamper(db: Database, *statements: str) -> None:
    async with db.transaction() as tx:
        await tx.execute("ALTER TABLE audit_entry DISABLE TRIGGER append_only")
        await tx.execute("ALTER TABLE audit_link DISABLE TRIGGER append_only")
        for statement in statements:
            await tx.execute(statement)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE audit_entry SET actor_name = 'somebody else' WHERE id = {id}", "was changed, or another"),
        ("UPDATE audit_entry SET after = after || '{{\"x\": 1}}' WHERE id = {id}", "was changed, or another"),
        (
            "UPDATE audit_entry SET at = at + interval '1 microsecond' WHERE id = {id}",
            "was changed, or another",
        ),
        ("DELETE FROM audit_entry WHERE id = {id}", "is missing"),
        ("DELETE FROM audit_link WHERE position = 3", "link 3 is missing"),
        ("UPDATE audit_link SET hash = sha256('x') WHERE position = 3", "link 3 was changed; its entry"),
        ("UPDATE audit_link SET entry_id = -entry_id WHERE position = 3", "is missing"),
    ],
)
async def test_the_first_broken_link_is_named(hotel: Database, statement: str, words: str) -> None:
    await change(hotel, "UPDATE property SET name = 'a'")
    await seal(hotel)
    async with hotel.transaction() as tx:
        third = await tx.fetchval("SELECT entry_id FROM audit_link WHERE position = 3")
    await tamper(hotel, statement.format(id=third))
    checked = await followed(hotel)
    assert checked.position == 2
    assert checked.problem is not None
    assert words in checked.problem


async def test_the_command_names_it_too_and_an_anchor_tells_a_log_that_was_cut_off(
    hotel: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    async def run(*args: str) -> tuple[int, dict[str, Any]]:
        result = await asyncio.to_thread(CliRunner().invoke, cli, ["verify", "--json", *args])
        return result.exit_code, json.loads(result.stdout)

    await seal(hotel)
    code, good = await run()
    assert (code, good["problem"]) == (0, None)
    assert (await run("--anchor", good["head"]))[0] == 0
    # The end of a chain can be cut off without breaking it: only what was kept elsewhere tells.
    await tamper(
        hotel,
        "DELETE FROM audit_entry WHERE id ="
        f" (SELECT entry_id FROM audit_link WHERE position = {good['links']})",
        f"DELETE FROM audit_link WHERE position = {good['links']}",
    )
    assert (await run())[0] == 0
    code, cut = await run("--anchor", good["head"])
    assert code == 1
    assert "anchor" in cut["problem"]


async def test_an_entry_that_is_slipped_in_below_is_told(hotel: Database, database_url: str) -> None:
    await seal(hotel)
    await change(
        hotel,
        "INSERT INTO audit_entry (at, actor_kind, action, object_kind)"
        " VALUES (now() - interval '1 day', 'x', 'x', 'x')",
    )
    async with hotel.transaction() as tx:
        assert (await chain.unsealed(tx)).late == 1


async def floor_follows(db: Database) -> bool:
    """Whether looking for the next entries begins behind the last, which keeps it cheap: as soon as no
    transaction of the whole server, whose other databases other tests use, is older than that."""
    for _ in range(200):
        await seal(db)
        async with db.transaction() as tx:
            if await tx.fetchval("SELECT floor = (SELECT max(id) FROM audit_entry) FROM audit_horizon"):
                return True
        await asyncio.sleep(0.1)
    return False


async def test_entries_that_become_visible_out_of_order_are_all_chained_once(hotel: Database) -> None:
    await seal(hotel)
    stop = asyncio.Event()

    async def writer(number: int) -> None:
        for round_ in range(12):
            async with hotel.acting(SOMEBODY).transaction() as tx:
                await tx.execute("UPDATE tax SET name = $1", f"{number}-{round_}") if number == 0 else None
                await note(tx, f"{number}-{round_}")
                await asyncio.sleep(0.001 * ((number * 7 + round_ * 3) % 9))

    async def note(tx: Transaction, what: str) -> None:
        await tx.execute("SELECT audit_write('x', 'x', $1, NULL, NULL, NULL, NULL)", what)

    async def sealer() -> None:
        while not stop.is_set():
            await seal(hotel, batch=5)
            await asyncio.sleep(0.002)

    sealing = [asyncio.create_task(sealer()) for _ in range(2)]
    # One that was there first and ends last: its entry has a low number and comes late.
    async with hotel.transaction() as tx:
        await note(tx, "slow")
        await asyncio.gather(*(writer(number) for number in range(6)))
    stop.set()
    await asyncio.gather(*sealing)
    while await seal(hotel):
        pass
    async with hotel.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM audit_entry") == await chain.length(tx)
    assert (await followed(hotel)).problem is None
    assert await floor_follows(hotel)


async def test_a_chain_goes_on_in_a_cluster_that_counts_from_anew(hotel: Database) -> None:
    await seal(hotel)
    await change(hotel, "UPDATE audit_horizon SET next_xid = '999999999999'")  # as a restored dump has it
    await change(hotel, "UPDATE property SET stars = 3")
    assert await seal(hotel) == 1
    assert await floor_follows(hotel)


# what happened while the database was down --------------------------------------------------------


async def test_what_operations_did_is_stored_once(hotel: Database, tmp_path: Path) -> None:
    at = utc_now() - timedelta(hours=1)
    path = spool.note(
        tmp_path, action="restore", object_kind="database", object_id="production", now=at, detail={"to": "x"}
    )
    copy = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert await spooled.drain(hotel, tmp_path) == 1
    assert not path.exists()
    (entry,) = await entries(hotel, object_kind="database")
    assert (entry.actor_kind, entry.action, entry.object_id) == ("ops", "restore", "production")
    assert entry.after == {"to": "x", "happened_at": at.isoformat()}
    # The worker was killed after storing and before removing the file.
    path.write_bytes(copy)
    assert await spooled.drain(hotel, tmp_path) == 0
    assert not path.exists()
    assert len(await entries(hotel, object_kind="database")) == 1


async def test_acts_are_told_in_the_order_in_which_they_were_done(hotel: Database, tmp_path: Path) -> None:
    begun = utc_now()
    for second in (7, 1, 9, 0, 3, 8, 2):
        at = begun + timedelta(seconds=second)
        zone = timezone(timedelta(hours=second - 4))
        spool.note(
            tmp_path, action=f"at {second}", object_kind="database", object_id="b", now=at.astimezone(zone)
        )
    assert await spooled.drain(hotel, tmp_path) == 7
    told = sorted(await entries(hotel, object_kind="database"), key=lambda one: one.id)
    assert [one.action for one in told] == [f"at {second}" for second in (0, 1, 2, 3, 7, 8, 9)]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": "x"}', "\x00"])
async def test_a_file_that_cannot_be_read_is_kept(hotel: Database, tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    good = spool.note(tmp_path, action="a", object_kind="database", object_id="b", now=utc_now())
    assert await spooled.drain(hotel, tmp_path) == 1
    assert (tmp_path / "a.json").exists()
    assert not good.exists()


async def test_money_leaves_its_trace(hotel: Database) -> None:
    quote = await make_quote(hotel, stay(5, 2))
    async with hotel.transaction() as tx:
        held = await bookings.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
    await bookings.pay(hotel, SandboxGateway(), booking_id=held.booking.id, token="tok_success", now=NOW)
    async with hotel.transaction() as tx:
        await bookings.cancel(tx, booking_id=held.booking.id, now=NOW)
        story = await queries.history_of_booking(tx, held.booking.id)
    assert {entry.object_kind for entry in story} >= {"booking", "payment"}
    assert all(entry.property_id is not None for entry in story)
