"""Staff's search finds what is there, in order, page after page, however the bookings came and changed."""

# ruff: noqa: RUF001  # letters that look alike are what this is about

from __future__ import annotations

import asyncio
import html
import itertools
import random
import re
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from hotel_booking.core.db import Database, Row
from hotel_booking.demo.loader import load
from hotel_booking.domains.bookings import search, service
from hotel_booking.domains.bookings.search import Balance, BookingFilter, Sort, find_bookings
from hotel_booking.domains.bookings.types import Status
from hotel_booking.domains.guests.types import GuestDetails
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.payments import service as payments
from hotel_booking.integrations.sandbox import SandboxGateway
from hotel_booking.ops.embedded import Cluster
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.databases import copied, filled, placed
from tests.factories.small_hotel import (
    GUEST,
    NOW,
    make_quote,
    small_hotel,
    stay,
)

pytestmark = pytest.mark.postgresql

TODAY = date(2027, 3, 1)
EVERYTHING = """
SELECT b.id, b.property_id, b.status, b.reference, b.created_at, min(r.arrival) AS arrival,
       max(r.departure) AS departure, lower(g.given_name) AS given, lower(g.family_name) AS family, g.email,
       coalesce(lower(string_agg(r.guest_name, ' ')), '') AS others,
       CASE WHEN b.status IN ('cancelled', 'no_show') THEN sum(r.fee)
            WHEN b.status IN ('held', 'expired') THEN 0 ELSE b.total END::bigint AS due,
       (SELECT coalesce(sum(amount), 0) FROM ledger_entry WHERE booking_id = b.id)::bigint AS paid
     , p.timezone
  FROM booking b JOIN guest g ON g.id = b.guest_id JOIN reservation r ON r.booking_id = b.id
  JOIN property p ON p.id = b.property_id
 GROUP BY b.id, g.id, p.id
"""


@pytest.fixture(scope="module")
def chain_url(cluster: Cluster) -> Iterator[str]:
    """A few houses with years of history; tests only read them."""
    with copied(cluster, placed(cluster)) as url:
        asyncio.run(
            load(url, seed=1, progress=lambda _what, _share: None, properties=3, bookings=2500, today=TODAY)
        )
        yield url


@pytest.fixture
async def chain(chain_url: str) -> AsyncIterator[Database]:
    async with Database.open(chain_url, size=2) as db:
        yield db


@pytest.fixture(params=[(5_000, 20_000), (40, 300)], ids=["all candidates", "walks"])
def bounds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """The limits of a page's work: as they are, and so tight that other branches have to find the same."""
    candidates, walk = request.param
    monkeypatch.setattr(search, "_CANDIDATES", candidates)
    monkeypatch.setattr(search, "_WALK", walk)
    return candidates, walk


async def every(db: Database, wanted: BookingFilter, limit: int = 30) -> list[UUID]:
    """All pages, one after the other."""
    found: list[UUID] = []
    after = None
    while True:
        async with db.transaction() as tx:
            page = await find_bookings(tx, wanted, after=after, limit=limit)
        assert len(page.items) <= limit
        found += [item.id for item in page.items]
        if page.next is None:
            return found
        assert after != page.next
        after = page.next


def made(row: Row) -> date:
    """The day it was booked on, where the hotel is."""
    created: datetime = row["created_at"]
    return created.astimezone(ZoneInfo(row["timezone"])).date()


def fits(row: Row, wanted: BookingFilter) -> bool:
    owed = max(row["due"] - row["paid"], 0)
    return all(
        (
            wanted.property_ids is None or row["property_id"] in wanted.property_ids,
            wanted.status in (None, row["status"]),
            wanted.balance is None
            or (owed > 0 if wanted.balance == "owes" else owed == 0 and row["paid"] > 0),
            wanted.arrival_from is None or row["arrival"] >= wanted.arrival_from,
            wanted.arrival_to is None or row["arrival"] <= wanted.arrival_to,
            wanted.departure_from is None or row["departure"] >= wanted.departure_from,
            wanted.departure_to is None or row["departure"] <= wanted.departure_to,
            wanted.created_from is None or made(row) >= wanted.created_from,
            wanted.created_to is None or made(row) <= wanted.created_to,
            all(
                any(
                    name.startswith(word)
                    for name in (row["given"], row["family"], row["email"], *row["others"].split())
                )
                for word in wanted.text.split()
            ),
        )
    )


def expected(rows: list[Row], wanted: BookingFilter) -> list[UUID]:
    key = "created_at" if wanted.sort == "created" else wanted.sort
    chosen = [row for row in rows if fits(row, wanted)]
    return [
        row["id"] for row in sorted(chosen, key=lambda row: (row[key], row["id"]), reverse=wanted.descending)
    ]


STATES: tuple[Status | None, ...] = (None, "confirmed", "checked_out", "expired")
BALANCES: tuple[Balance | None, ...] = (None, "owes")
DATES: tuple[dict[str, Any], ...] = (
    {},
    {"arrival_from": TODAY, "arrival_to": TODAY + timedelta(days=5)},
    {"departure_from": TODAY - timedelta(days=400), "departure_to": TODAY - timedelta(days=20)},
    {"created_from": date(2026, 1, 1), "created_to": date(2026, 8, 31)},
)
SORTS: tuple[tuple[Sort, bool], ...] = (("arrival", False), ("created", True), ("departure", True))
TEXTS = ("", "m c")
PROPERTIES = (None, frozenset({2}))


@pytest.mark.parametrize(
    "properties",
    [
        pytest.param(PROPERTIES[0], id="everywhere"),
        pytest.param(PROPERTIES[1], marks=pytest.mark.nightly, id="one house"),
    ],
)
@pytest.mark.parametrize("text", TEXTS)
async def test_every_combination_finds_what_a_full_look_finds(
    chain: Database, bounds: tuple[int, int], text: str, properties: frozenset[int] | None
) -> None:
    async with chain.transaction() as tx:
        rows = await tx.fetch(EVERYTHING)
    tried = 0
    combinations = list(itertools.product(STATES, BALANCES, DATES, SORTS))
    for status, balance, dates, (sort, descending) in random.Random(text).sample(combinations, 40):
        wanted = BookingFilter(
            text=text,
            property_ids=properties,
            status=status,
            balance=balance,
            sort=sort,
            descending=descending,
            **dates,
        )
        want = expected(rows, wanted)
        assert await every(chain, wanted, limit=max(30, len(want) // 3)) == want, wanted
        tried += bool(want)
    assert tried > 4


async def test_nobody_without_properties_finds_anything(chain: Database) -> None:
    assert await every(chain, BookingFilter(property_ids=frozenset())) == []
    assert await every(chain, BookingFilter(property_ids=frozenset({999}))) == []


async def test_a_reference_is_found_by_its_beginning_however_it_is_typed(chain: Database) -> None:
    async with chain.transaction() as tx:
        row = await tx.fetchrow("SELECT id, reference FROM booking ORDER BY reference LIMIT 1 OFFSET 700")
    assert row is not None
    reference = row["reference"]
    typed = (
        reference,
        reference.lower(),
        reference.replace("-", ""),
        reference[:8],
        reference.replace("0", "o"),
    )
    for text in typed:
        assert row["id"] in await every(chain, BookingFilter(text=text)), text
    assert await every(chain, BookingFilter(text=reference)) == [row["id"]]


async def hotel_with(db: Database, *guests: tuple[str, str, str]) -> list[UUID]:
    await small_hotel(db, rooms=20)
    ids = []
    for given, family, email in guests:
        quote = await make_quote(db, stay(10, 2))
        async with db.transaction() as tx:
            held = await service.hold(
                tx, quote_id=quote.id, guest=GuestDetails(given, family, email), now=NOW
            )
        ids.append(held.booking.id)
    return ids


GUESTS = (
    ("José", "Müller-Lüdenscheidt", "j.mueller@x.example.com"),
    ("Łukasz", "Ørsted Straße", "a@example.com"),
    ("Nora", "O'Brien", "nora@example.com"),
    ("小明", "王", "wang@example.com"),
    ("Анна", "Каренина", "karenina@example.com"),
    ("Γιώργος", "Παπαδόπουλος Συμεών", "g@example.com"),
    ("أَحْمَد", "الفاطمة", "f@example.com"),
    ("علی\u200cرضا", "Rezaei", "r@example.com"),
    ("たろう", "ヤマダ", "y@example.com"),
    ("Þór Işık", "Weiß", "weis@bücher.example"),
    ("Ёлка", "Sosna", "s@example.com"),
)


@pytest.fixture(scope="module")
def named(cluster: Cluster) -> Iterator[tuple[str, list[UUID]]]:
    """A database with a booking of each of these guests; tests only read it."""
    with filled(cluster, lambda db: hotel_with(db, *GUESTS)) as made:
        yield made


@pytest.mark.parametrize(
    ("text", "guest"),
    [
        ("muller", 0),
        ("MÜLLER", 0),
        ("lud jose", 0),
        ("jose mul", 0),
        ("mueller", 0),
        ("orsted", 1),
        ("Ørst", 1),
        ("lukasz", 1),
        ("strasse", 1),
        ("straße", 1),
        ("o'brien", 2),
        ("brien", 2),
        ("brian", None),
        ("王", 3),
        ("小明", 3),
        ("анна", 4),
        ("АННА кар", 4),
        ("j.mueller@", 0),
        ("j.mueller@x.example.com", 0),
        ("J.MUELLER@X", 0),
        ("x.example.com", None),
        ("karenin", 4),
        ("jose zzz", None),
        # the middle and the end of a word, from three letters on
        ("denscheidt", 0),
        ("uller", 0),
        ("ller lud", 0),
        ("trass", 1),
        ("rsted", 1),
        ("rie", 2),
        ("ie", None),
        ("арени", 4),
        ("ре", None),
        # the other spelling, both ways
        ("MUELLER Luedens", 0),
        ("oersted", 1),
        ("Moeller", None),
        # scripts, widths, marks, digits, joiners
        ("王小明", 3),
        ("小", 3),
        ("明", 3),
        ("ＡＮＮＡ", None),
        ("Ｎｏｒａ", 2),
        ("ΓΙΩΡΓΟΣ", 5),
        ("γιώργος παπαδ", 5),
        ("πουλος", 5),
        ("Συμεων", 5),
        ("احمد", 6),
        ("أحمد الفاطمة", 6),
        ("فاطمه", 6),
        ("علي‌رضا", 7),
        ("علیرضا", 7),
        ("رضا", 7),
        ("ﾔﾏﾀﾞ", 8),
        ("ヤマダ たろう", 8),
        ("マダ", 8),
        ("やまた", None),
        ("thor", 9),
        ("ÞÓR", 9),
        ("ISIK", 9),
        ("ışık", 9),
        ("weiß", 9),
        ("WEISS", 9),
        ("weis@bücher.example", 9),
        ("WEIS@xn--bcher-kva.example", 9),
        ("елка", 10),
        ("ЁЛКА", 10),
        ("'", None),
        ("\\", None),
        ("a:* | b:*", None),
        ("%", None),
        ("' & 'br", 2),
        ("!jose", 0),
        ("x" * 200, None),
        ("<script>", None),
        ("🏨", None),
        ("   ", None),
    ],
)
async def test_names_are_found_by_parts_of_any_word_in_every_script(
    named: tuple[str, list[UUID]], text: str, guest: int | None
) -> None:
    url, ids = named
    async with Database.open(url, size=2) as db:
        found = await every(db, BookingFilter(text=text))
    assert found == ([] if guest is None else [ids[guest]])


NUMBERS = (
    "+351211234567",
    "+4930123456;ext=12",
    "0171 99887766",  # was not read, and is kept as typed
    None,
)


async def hotel_with_numbers(db: Database) -> list[UUID]:
    await small_hotel(db, rooms=9)
    ids = []
    for number, phone in enumerate(NUMBERS):
        quote = await make_quote(db, stay(3, 2))
        who = GuestDetails(f"Guest{number}", "Sample", f"guest{number}@example.com", phone)
        async with db.transaction() as tx:
            held = await service.hold(
                tx, quote_id=quote.id, guest=who, now=NOW, lifetime=timedelta(minutes=15)
            )
            # A reference may hold the same digits.
            await tx.execute(
                "UPDATE booking_words SET words = ts_delete(words, lower('#' || replace($2, '-', '')))"
                " WHERE booking_id = $1",
                held.booking.id,
                held.booking.reference,
            )
        ids.append(held.booking.id)
    return ids


@pytest.fixture(scope="module")
def numbered(cluster: Cluster) -> Iterator[tuple[str, list[UUID]]]:
    """A database with a booking for each of these numbers; tests only read it."""
    with filled(cluster, hotel_with_numbers) as made:
        yield made


@pytest.mark.parametrize(
    ("text", "guest"),
    [
        ("+351211234567", 0),
        ("+351 21 123 45 67", 0),
        ("00351 211 234 567", 0),
        ("211 234 567", 0),
        ("(21) 123-4567", 0),
        ("4567", 0),
        ("Guest0 4567", 0),
        ("guest0 211 234 567", 0),
        ("Guest1 4567", None),
        ("٢١١ ٢٣٤ ٥٦٧", 0),
        ("٤٥٦٧", 0),
        ("+49 (0)30 123456", 1),
        ("030 123456", 1),
        ("030/123456", 1),
        ("123456", 1),
        ("0171 99887766", 2),
        ("567", None),  # too short to be a number
        ("1234", None),  # within one, not at its end
        ("211 234 568", None),
    ],
)
async def test_a_booking_is_found_by_the_end_of_its_telephone_number(
    numbered: tuple[str, list[UUID]], text: str, guest: int | None
) -> None:
    url, ids = numbered
    async with Database.open(url, size=2) as db:
        assert await every(db, BookingFilter(text=text)) == ([] if guest is None else [ids[guest]])


async def test_a_reference_is_found_as_it_was_read_out(db: Database) -> None:
    found, _ = await hotel_with(
        db, ("Ana", "Rosenberg", "ana@example.com"), ("Bo", "Rosenberg", "bo@example.com")
    )
    async with db.transaction() as tx:
        reference = str(await tx.fetchval("SELECT reference FROM booking WHERE id = $1", found))
    first, second = reference.split("-")
    heard = f"{first} {second}".replace("0", "o").replace("1", "l")
    for text in (f"{first} {second}", f"{first}{second}", heard.lower(), f"Ana {first.lower()} {second}"):
        assert await every(db, BookingFilter(text=text)) == [found], text
    assert await every(db, BookingFilter(text=f"Bo {first} {second}")) == []


async def test_a_corrected_or_erased_number_is_not_found_any_more(db: Database) -> None:
    (booking,) = await hotel_with(db, ("Ana", "Rosenberg", "ana@example.com"))
    for phone, text in (("+351211234567", "1234567"), ("+4930123456", "030 123456")):
        async with db.transaction() as tx:
            await tx.execute("UPDATE guest SET phone = $1", phone)
        assert await every(db, BookingFilter(text=text)) == [booking]
    assert await every(db, BookingFilter(text="1234567")) == []
    async with db.transaction() as tx:
        await tx.execute("UPDATE guest SET phone = NULL")
    assert await every(db, BookingFilter(text="030 123456")) == []


async def entries(db: Database) -> list[tuple[Any, ...]]:
    async with db.transaction() as tx:
        rows = await tx.fetch("SELECT * FROM booking_entry JOIN booking_words USING (booking_id) ORDER BY 1")
    return [tuple(row) for row in rows]


async def test_the_listing_is_what_it_would_be_if_made_anew_through_a_booking_s_life(db: Database) -> None:
    await small_hotel(db, rooms=20, room_types=("DBL", "TWN"))

    async def as_made_anew() -> bool:
        kept = await entries(db)
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM booking_entry")
            await tx.execute("DELETE FROM booking_words")
            await tx.execute("SELECT booking_entries_fill()")
        return len(kept) > 0 and await entries(db) == kept

    gateway = SandboxGateway()
    references = []
    for plan in ("NRF", "FLEX", "NRF", "NRF"):
        quote = await make_quote(db, stay(10, 3), "DBL", "TWN", plan=plan)
        async with db.transaction() as tx:
            held = await service.hold(
                tx,
                quote_id=quote.id,
                guest=GuestDetails("Ana", "Example", "ana@example.com"),
                guest_names=[None, "Rui Other"],
                now=NOW,
            )
        references.append(held.booking.id)
        assert await as_made_anew()
    paid, flexible, lapsed, cancelled = references
    for booking_id in (paid, flexible, cancelled):
        await service.pay(db, gateway, booking_id=booking_id, token="tok_success", now=NOW)
        assert await as_made_anew()
    async with db.transaction() as tx:
        await service.lapse(tx, booking_id=lapsed, now=NOW + timedelta(hours=2))
    assert await as_made_anew()
    async with db.transaction() as tx:
        await service.amend(tx, booking_id=paid, now=NOW, departure=stay(10, 2).departure, by_guest=False)
    assert await as_made_anew()
    assert await every(db, BookingFilter(balance="refund_due")) == [paid]
    async with db.transaction() as tx:
        await service.cancel(tx, booking_id=cancelled, now=NOW)
        for due in await payments.due_refunds(tx):
            await payments.refund_done(tx, refund_id=due.id, now=NOW)
    assert await as_made_anew()
    assert await every(db, BookingFilter(balance="refund_due")) == []
    assert await every(db, BookingFilter(balance="owes")) == [flexible]
    assert await every(db, BookingFilter(text="rui", status="expired")) == [lapsed]
    async with db.transaction() as tx:
        await tx.execute("UPDATE guest SET family_name = 'Sample', email = 'new@example.com'")
        await tx.execute("UPDATE reservation SET guest_name = 'Eva Else' WHERE guest_name IS NOT NULL")
    assert await as_made_anew()
    assert await every(db, BookingFilter(text="rui")) == []
    assert len(await every(db, BookingFilter(text="eva sample new@"))) == 4
    arrival = datetime.combine(stay(10, 1).arrival, NOW.timetz())
    async with db.transaction() as tx:
        await service.check_in(tx, booking_id=paid, now=arrival, override="no room yet")
        await service.no_show(tx, booking_id=flexible, now=arrival)
    assert await as_made_anew()
    async with db.transaction() as tx:
        await service.check_out(tx, booking_id=paid, now=arrival + timedelta(days=1))
    assert await as_made_anew()


HOSTILE = (
    "<script>alert(1)</script>",
    "\"' OR 1=1 --",
    "x" * 4_000,
    "nul\x00byte",
    "🏨🏨",
    "%_\\",
    "a & b | !c:*",
    "\ud83d",
)


async def test_the_list_is_a_page_with_filters_and_further_pages(chain: Database, chain_url: str) -> None:
    async with (
        running(settings_for(chain_url, mfa_required=False)) as (app, _),
        signed_in(app, chain, (Role.READ_ONLY, None)) as client,
    ):
        first = await client.get("/admin/bookings")
        assert first.status_code == 200
        shown = re.findall(r'class="row-link" href="/admin/bookings/([^"]+)"', first.text)
        assert len(shown) == 50
        assert "New booking</a>" not in first.text
        after = re.search(r'href="(/admin/bookings\?[^"]*cursor=[^"]+)" rel="next"', first.text)
        assert after
        second = await client.get(html.unescape(after[1]))
        assert second.status_code == 200
        following = re.findall(r'class="row-link" href="/admin/bookings/([^"]+)"', second.text)
        assert len(following) == 50
        assert not set(shown) & set(following)
        found = await client.get(
            "/admin/bookings", params={"q": shown[0][:7], "status": "", "sort": "arrival"}
        )
        assert shown[0] in found.text
        dated = await client.get(
            "/admin/bookings",
            params={"arrival_from": "2027-03-02", "arrival_to": "2027-03-03", "balance": "owes"},
        )
        assert dated.status_code == 200
        arrivals = re.findall(r'<td data-label="Stay">(\d+) . ', dated.text)
        assert arrivals == sorted(arrivals)
        assert set(arrivals) == {"2", "3"}
        assert "No bookings found" in (await client.get("/admin/bookings?q=zzzz")).text


async def test_what_cannot_be_asked_is_told_beside_its_field(chain: Database, chain_url: str) -> None:
    async with (
        running(settings_for(chain_url, mfa_required=False)) as (app, _),
        signed_in(app, chain, (Role.OWNER, None)) as client,
    ):
        for query in (
            {"arrival_from": "tomorrow"},
            {"arrival_from": "2027-03-05", "arrival_to": "2027-03-01"},
            {"departure_to": "0001-01-01"},
            {"status": "asleep"},
            {"balance": "-1"},
            {"sort": "price"},
            {"property": "nowhere"},
            {"q": "x" * 300},
        ):
            answer = await client.get("/admin/bookings", params=query)
            assert answer.status_code == 422, query
            assert 'role="alert"' in answer.text, query
            assert 'class="error"' in answer.text, query
        for cursor in ("x", "W10", "WyIyMDI3LTAzLTAxIiwieCJd", "🏨", "\x00", "x" * 4000):
            assert (await client.get("/admin/bookings", params={"cursor": cursor})).status_code == 400, cursor


@pytest.mark.parametrize("field", ["q", "property", "status", "arrival_from", "created_to", "sort", "cursor"])
async def test_hostile_text_is_shown_as_text_or_refused(chain: Database, chain_url: str, field: str) -> None:
    async with (
        running(settings_for(chain_url, mfa_required=False)) as (app, _),
        signed_in(app, chain, (Role.OWNER, None)) as client,
    ):
        for text in HOSTILE:
            sent = urlencode({field: text}, errors="surrogatepass")
            answer = await client.get(f"/admin/bookings?{sent}")
            # NUL is refused before the page is asked.
            refused = field == "cursor" or "\x00" in text
            assert answer.status_code in ((400,) if refused else (200, 422)), ascii(text)
            assert "<script>alert" not in answer.text


async def test_staff_see_the_bookings_of_their_own_properties_only(chain: Database, chain_url: str) -> None:
    async with chain.transaction() as tx:
        own, foreign = await tx.fetch("SELECT id, slug, name FROM property ORDER BY id LIMIT 2")
        reference = await tx.fetchval(
            "SELECT reference FROM booking WHERE property_id = $1 LIMIT 1", foreign["id"]
        )
    async with running(settings_for(chain_url, mfa_required=False)) as (app, _):
        async with signed_in(app, chain, (Role.FRONT_DESK, own["slug"])) as client:
            everything = (await client.get("/admin/bookings")).text
            assert foreign["name"] not in everything
            assert 'name="property"' not in everything  # there is nothing to choose
            assert "New booking</a>" in everything
            assert (
                reference
                not in (await client.get(f"/admin/bookings?q={reference}")).text.partition("<table")[2]
            )
            assert (await client.get(f"/admin/bookings?property={foreign['slug']}")).status_code == 422
        async with signed_in(app, chain, (Role.HOUSEKEEPING, own["slug"])) as client:
            assert (await client.get("/admin/bookings")).status_code == 403


async def test_words_that_an_older_release_kept_are_kept_anew_until_all_are(db: Database) -> None:
    (rosenberg,) = await hotel_with(db, ("Ana", "Rosenberg", "ana@example.com"))
    async with db.transaction() as tx:
        await tx.execute("UPDATE guest SET phone = '+351211234567'")
        kept = await tx.fetchval("SELECT words FROM booking_words")
        await tx.execute(
            "UPDATE booking_words SET form = 1, words = array_to_tsvector(ARRAY['ana', 'rosenberg'])"
        )
    assert await every(db, BookingFilter(text="berg")) == []
    assert await every(db, BookingFilter(text="rosen")) == [rosenberg]
    async with db.transaction() as tx:
        assert await search.refresh_search_terms(tx) == 1
        assert await search.refresh_search_terms(tx) == 0
        assert await tx.fetchval("SELECT words FROM booking_words") == kept
        assert await search.refresh_search_terms(tx) == 0  # the walk is over
    for text in ("berg", "211 234 567"):
        assert await every(db, BookingFilter(text=text)) == [rosenberg]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Asia/Tokyo", "UTC", "Etc/GMT+12"])
async def test_a_day_of_booking_is_the_hotels_own(db: Database, zone: str) -> None:
    """As the list shows it: from its midnight to its midnight, wherever the hotel is."""
    await small_hotel(db, rooms=9)
    day = NOW.date() - timedelta(days=5)
    midnight = datetime.combine(day, time(), ZoneInfo(zone))
    edges = {
        "before": midnight - timedelta(seconds=1),
        "first": midnight,
        "last": midnight + timedelta(days=1) - timedelta(seconds=1),
        "after": midnight + timedelta(days=1),
    }
    made = {}
    for name, at in edges.items():
        quote = await make_quote(db, stay(20, 1))
        async with db.transaction() as tx:
            booking = (await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)).booking
            for table, column in (("booking", "id"), ("booking_entry", "booking_id")):
                await tx.execute(f"UPDATE {table} SET created_at = $2 WHERE {column} = $1", booking.id, at)
        made[booking.id] = name
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET timezone = $1", zone)
    for sort in ("created", "arrival"):
        wanted = BookingFilter(created_from=day, created_to=day, sort=sort)
        assert {made[id_] for id_ in await every(db, wanted)} == {"first", "last"}
        assert {made[id_] for id_ in await every(db, BookingFilter(created_from=day))} == {
            "first",
            "last",
            "after",
        }
        assert {made[id_] for id_ in await every(db, BookingFilter(created_to=day))} == {
            "before",
            "first",
            "last",
        }
