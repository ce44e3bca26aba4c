"""The demo chain: true to the invariants, the same for the same seed, and complete."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import msgspec
import pytest

from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Database
from hotel_booking.demo.building import BREAKFAST, HALF_BOARD, ROOM_ONLY
from hotel_booking.demo.content import characters, outlines
from hotel_booking.demo.countries import world
from hotel_booking.demo.keys import credentials, read_credentials
from hotel_booking.demo.loader import NIGHTS, PROPERTIES, NotEmpty, load
from hotel_booking.demo.seasons import profiles
from hotel_booking.demo.taxes import TaxOutline, taxes, taxes_of
from hotel_booking.demo.words import Language, descriptions, words
from hotel_booking.domains.authentication.service.passwords import compare
from hotel_booking.domains.bookings.availability import load_calendar
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.identity.service import resolve
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.properties.vocabularies import MEALS, PROPERTY_AMENITIES, ROOM_AMENITIES
from hotel_booking.domains.rates.queries import load_catalogue
from hotel_booking.domains.rates.restrictions import refusals
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.ops.embedded import Cluster
from tests.databases import copied, placed
from tests.factories.invariants import differences

TODAY = date(2027, 3, 1)
NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
SMALL = 7
TABLES = (
    "property room_type room cancellation_policy tax rate_plan rate_night exchange_rate room_night room_use"
    " sale_terms guest booking reservation payment refund ledger_entry translation"
).split()


def quiet(_what: str, _share: float) -> None:
    """No progress."""


def loaded(url: str, *, seed: int = 1, properties: int = SMALL) -> str:
    asyncio.run(load(url, seed=seed, progress=quiet, properties=properties, today=TODAY))
    return url


@pytest.fixture
def empty(places_url: str) -> str:
    """A database with cities, which are the same in every test, and no hotels."""
    return places_url


@pytest.fixture(scope="module")
def small(cluster: Cluster) -> Iterator[str]:
    """A few properties; tests only read them."""
    with copied(cluster, placed(cluster)) as url:
        yield loaded(url)


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Database]:
    async with Database.open(url, size=1, statement_timeout_ms=60_000) as db:
        yield db


async def digests(url: str) -> dict[str, str]:
    async with reading(url) as db, db.transaction() as tx:
        return {
            table: await tx.fetchval(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t")
            for table in TABLES
        }


async def test_every_invariant_holds(small: str) -> None:
    async with reading(small) as db:
        assert await differences(db) == []


async def test_the_nights_taken_are_those_of_the_reservations(small: str) -> None:
    async with reading(small) as db, db.transaction() as tx:
        taken = await tx.fetchval("SELECT sum(taken)::bigint FROM room_night")
        booked = await tx.fetchval("SELECT sum(upper(taken) - lower(taken))::bigint FROM reservation")
        assert taken == booked > 0
        assert await tx.fetchval("SELECT min(taken) FROM room_night") == 0
        assert await tx.fetchval("SELECT min(capacity) FROM room_night") >= 0
        blocked = await tx.fetchval("SELECT sum(blocked)::bigint FROM room_night")
        nights = await tx.fetchval(
            "SELECT sum(upper(stay) - lower(stay))::bigint FROM room_use WHERE reason IS NOT NULL"
        )
        assert blocked == nights > 0


async def test_what_was_due_was_paid_and_what_goes_back_has_gone(small: str) -> None:
    async with reading(small) as db, db.transaction() as tx:
        wrong = await tx.fetch(
            "SELECT b.reference FROM booking b,"
            " LATERAL (SELECT coalesce(sum(amount), 0) AS kept FROM ledger_entry WHERE booking_id = b.id) l,"
            " LATERAL (SELECT sum(fee) AS fee FROM reservation WHERE booking_id = b.id) r"
            " WHERE l.kept <> CASE b.status WHEN 'cancelled' THEN least(r.fee, b.due_now) ELSE b.due_now END"
        )
        assert wrong == []
        assert await tx.fetchval("SELECT count(*) FROM ledger_entry WHERE kind = 'refund'") > 0


async def test_stays_are_at_every_point_of_their_life(small: str) -> None:
    async with reading(small) as db, db.transaction() as tx:
        states = {row["status"] for row in await tx.fetch("SELECT DISTINCT status FROM booking")}
        assert states == {"confirmed", "cancelled", "no_show", "checked_in", "checked_out"}
        homeless = await tx.fetchval(
            "SELECT count(*) FROM reservation r WHERE status = 'checked_in'"
            " AND NOT EXISTS (SELECT FROM room_use WHERE reservation_id = r.id)"
        )
        assert homeless == 0
        late = await tx.fetchval(
            "SELECT count(*) FROM reservation WHERE status = 'confirmed' AND arrival < $1"
            " OR status = 'checked_in' AND NOT (arrival < $1 AND departure >= $1)"
            " OR status = 'checked_out' AND departure >= $1",
            TODAY,
        )
        assert late == 0
        ahead = await tx.fetchval(
            "SELECT count(*) FROM booking WHERE greatest(created_at, confirmed_at, cancelled_at) >= $1",
            datetime(2027, 3, 1, tzinfo=UTC),
        )
        assert ahead == 0


async def test_every_property_can_be_booked_and_some_nights_are_gone(small: str) -> None:
    async with reading(small) as db, db.transaction() as tx:
        gone = await tx.fetchval(
            "SELECT count(*) FROM room_night WHERE night > $1 AND taken = capacity AND capacity > 0", TODAY
        )
        assert gone > 0
        for row in await tx.fetch("SELECT slug FROM property"):
            catalogue = await load_catalogue(tx, row["slug"])
            calendars = await load_calendar(tx, catalogue, TODAY, TODAY + timedelta(days=60), NOW)
            sold = {
                plan.code
                for kind in catalogue.room_types.values()
                for plan in catalogue.plans.values()
                for days in range(1, 50)
                for nights in (2, 7)
                if not refusals(
                    calendars[kind.id, plan.id].nights,
                    catalogue.terms(plan),
                    catalogue.occupancy(kind),
                    Occupancy(1),
                    Stay(TODAY + timedelta(days=days), TODAY + timedelta(days=days + nights)),
                    1,
                    TODAY,
                )
            }
            assert sold == set(catalogue.plans), row["slug"]


async def test_the_same_seed_gives_the_same_data(small: str, empty: str) -> None:
    await load(empty, seed=1, progress=quiet, properties=SMALL, today=TODAY)
    assert await digests(small) == await digests(empty)


async def test_another_seed_gives_other_prices_and_guests(small: str, empty: str) -> None:
    await load(empty, seed=2, progress=quiet, properties=SMALL, today=TODAY)
    one, other = await digests(small), await digests(empty)
    assert {table for table in TABLES if one[table] != other[table]} >= {"rate_night", "booking", "guest"}


async def test_a_load_that_is_broken_off_leaves_nothing(empty: str) -> None:
    class Killed(Exception):
        pass

    def break_off(what: str, _share: float) -> None:
        if what == "prices":
            raise Killed

    with pytest.raises(Killed):
        await load(empty, seed=1, progress=break_off, properties=2, today=TODAY)
    async with reading(empty) as db, db.transaction() as tx:
        assert [table for table in TABLES if await tx.fetchval(f"SELECT EXISTS (SELECT FROM {table})")] == []


async def test_hotels_are_not_loaded_over_others(small: str) -> None:
    before = await digests(small)
    with pytest.raises(NotEmpty):
        await load(small, seed=3, progress=quiet, properties=1, today=TODAY)
    assert await digests(small) == before


async def test_the_demo_key_opens_everything_and_is_private(empty: str, tmp_path: Path) -> None:
    assert read_credentials(tmp_path) is None
    path = await credentials(empty, tmp_path)
    assert path == tmp_path / "demo-credentials.json"
    assert path.stat().st_mode & 0o777 == 0o600
    key = json.loads(path.read_text())["api_key"]
    assert key.startswith("hbk_")
    opens = read_credentials(tmp_path)
    assert opens is not None
    assert opens.api_key == key
    async with reading(empty) as db, db.transaction() as tx:
        caller = await resolve(tx, token=key, now=datetime.now(UTC))
        stored = await tx.fetchval("SELECT password_hash FROM staff WHERE email = $1", opens.email)
        assert (await compare(opens.password, stored)).fits
        roles = await tx.fetch("SELECT role FROM staff_grant")
        assert {row["role"] for row in roles} == set(Role)
    assert caller.scopes == {Scope.ALL}
    assert caller.property_ids is None


@pytest.mark.nightly
async def test_the_whole_chain_and_a_larger_one(empty: str) -> None:
    shares: list[float] = []
    more = 8  # composed properties, as a larger chain has them
    await load(
        empty,
        seed=1,
        progress=lambda _, share: shares.append(share),
        properties=PROPERTIES + more,
        today=TODAY,
    )
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    async with reading(empty) as db, db.transaction() as tx:
        properties = await tx.fetch("SELECT * FROM property ORDER BY id")
        assert len(properties) == PROPERTIES + more
        assert len(properties) >= 40
        assert len({row["place_id"] for row in properties[:PROPERTIES]}) >= 24
        for field in ("slug", "name", "description", "address"):
            assert len({row[field] for row in properties[:PROPERTIES]}) == PROPERTIES, field
        assert len({row["description"] for row in properties}) == len(properties)
        for row in properties:
            ZoneInfo(row["timezone"])
        assert {row["currency"] for row in properties} <= {
            row["currency"] for row in await tx.fetch("SELECT currency FROM exchange_rate")
        }
        counts = await tx.fetch(
            "SELECT p.slug, p.id > $1 AS composed,"
            " (SELECT count(*) FROM room_type WHERE property_id = p.id) AS types,"
            " (SELECT count(*) FROM room WHERE property_id = p.id) AS rooms,"
            " (SELECT count(*) FROM rate_plan WHERE property_id = p.id) AS plans,"
            " (SELECT count(*) FROM rate_plan WHERE property_id = p.id AND parent_id IS NOT NULL) AS derived,"
            " (SELECT count(*) FROM tax WHERE property_id = p.id) AS taxes FROM property p",
            PROPERTIES,
        )
        for row in counts:
            assert 3 <= row["types"] <= 6, row["slug"]
            assert 12 <= row["rooms"] <= 120, row["slug"]
            assert 2 <= row["plans"] <= 4, row["slug"]
            assert row["derived"] >= 1, row["slug"]
            assert row["taxes"] >= 1, row["slug"]
        yesterday = TODAY - timedelta(days=1)
        short = await tx.fetch(
            "SELECT t.id FROM room_type t"
            " WHERE (SELECT count(*) FROM room_night WHERE room_type_id = t.id AND night >= $1) <> $2"
            " OR (SELECT count(*) FROM rate_night WHERE room_type_id = t.id AND night >= $1"
            "      AND price IS NOT NULL) <> $2",
            yesterday,
            NIGHTS,
        )
        assert short == []
        assert await tx.fetchval("SELECT count(*) FROM booking") >= 2000
        # Ids go on where the loaded ones end.
        assert (
            await tx.fetchval("SELECT nextval(pg_get_serial_sequence('property', 'id'))")
            == len(properties) + 1
        )


async def test_rooms_and_plans_are_called_something_in_every_language(small: str) -> None:
    async with reading(small) as db, db.transaction() as tx:
        missing = await tx.fetch(
            "SELECT o.kind, o.id, l.language, f.field"
            "  FROM (SELECT 'room_type' AS kind, id FROM room_type"
            "         UNION ALL SELECT 'rate_plan', id FROM rate_plan) o,"
            "       unnest('{de,fr,es,ar}'::text[]) AS l (language),"
            "       unnest('{name,description}'::text[]) AS f (field)"
            " WHERE NOT EXISTS (SELECT FROM translation t WHERE t.kind = o.kind AND t.object_id = o.id"
            "                   AND t.language = l.language AND t.field = f.field)"
        )
        assert missing == []
        assert await tx.fetchval("SELECT count(*) FROM translation WHERE content ~ '[{}]'") == 0
        lisbon = await tx.fetchval(
            "SELECT t.content FROM translation t JOIN room_type r ON r.id = t.object_id"
            " WHERE t.kind = 'room_type' AND r.property_id = 1 AND r.code = 'DELUXE'"
            "   AND t.language = 'de' AND t.field = 'name'"
        )
        assert lisbon == "Deluxe-Zimmer, Flussblick"


def test_every_character_view_and_plan_has_its_words() -> None:
    assert {outline.view for outline in outlines()} | {
        "city",
        "garden",
        "rooftop",
        "park",
    } <= words().views.keys()
    languages = set(get_args(Language))
    assert {outline.slug for outline in outlines()} == descriptions().keys()
    assert all(texts.keys() == languages for texts in descriptions().values())
    for name, character in characters().items():
        assert {kind.code for kind in character.room_types} == words().rooms[name].keys()
        assert set(character.plans) <= words().plans.keys()


def test_tables_are_checked_when_they_are_read() -> None:
    for outline in outlines():
        assert outline.season in profiles().months, outline.slug
    assert {character.week for character in characters().values()} <= profiles().week.keys()
    assert taxes().country.keys() == world().country.keys()
    # Prices change on a date in Vienna, and with the stars in Paris.
    early, late = taxes_of("AT", 2761369, 4)[1:]
    assert early.valid_to == late.valid_from == date(2027, 7, 1)
    assert [taxes_of("FR", 2988507, stars)[1].value for stars in (2, 3, 5)] == [260, 553, 1138]
    with pytest.raises(msgspec.ValidationError, match="one of percent"):
        msgspec.convert({"code": "X", "name": "X", "percent": 1.0, "amount": 1}, TaxOutline)
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"code": "X", "name": "X", "percent": 1.0, "tax": 1}, TaxOutline)


def test_amenities_and_meals_are_codes_that_the_platform_speaks() -> None:
    for outline in outlines():
        assert set(outline.extras) <= PROPERTY_AMENITIES.keys(), outline.slug
    for name, character in characters().items():
        assert set(character.amenities) <= PROPERTY_AMENITIES.keys(), name
        for kind in character.room_types:
            assert set(kind.amenities) <= ROOM_AMENITIES.keys(), (name, kind.code)
    assert {ROOM_ONLY, BREAKFAST, HALF_BOARD} <= MEALS.keys()
