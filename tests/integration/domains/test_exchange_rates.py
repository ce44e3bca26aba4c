"""One missing exchange rate hides no hotel and stops no page; good rates stay until better ones come."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

import pytest

from hotel_booking import worker
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.money import Money
from hotel_booking.domains.exchange import service
from hotel_booking.domains.exchange.errors import RatesRefused
from hotel_booking.domains.exchange.queries import known_rates
from hotel_booking.domains.exchange.types import DailyRates, RateSource
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.reporting.queries import today
from hotel_booking.domains.search.find import find
from hotel_booking.domains.search.nights import lowest_nights
from hotel_booking.integrations.ecb import EcbRates
from tests.clients.command_line import command
from tests.clients.http_client import running, settings_for
from tests.clients.jobs import run_jobs
from tests.clients.staff_client import signed_in
from tests.factories.world import NOW, simple_hotel
from tests.integration.api.test_search import request
from tests.integration.domains.test_ecb_source import answering, file, http
from tests.integration.panel.test_catalogue import said

DAY = NOW.date()
COMMON = {
    "USD": "1.17", "JPY": "173", "GBP": "0.87", "RON": "5.09", "ISK": "142.9", "CZK": "24.3", "DKK": "7.46",
    "SEK": "11", "NOK": "11.7", "PLN": "4.26", "CHF": "0.94",
}  # fmt: skip


def rates(day: date = DAY, **changes: str) -> DailyRates:
    return DailyRates(day, {code: Decimal(rate) for code, rate in (COMMON | changes).items()})


async def known(db: Database) -> Mapping[str, Decimal]:
    async with db.transaction() as tx:
        return {rate.currency: rate.per_euro for rate in await known_rates(tx)}


async def five_hotels(db: Database) -> None:
    async with db.transaction() as tx:
        await simple_hotel(tx, "euro", price=10_000)
        await simple_hotel(tx, "dinar", price=900_000, currency="RSD")
        await simple_hotel(tx, "yen", price=9_000, currency="JPY")
        await simple_hotel(tx, "cheap-dinar", price=100, currency="RSD")
        await simple_hotel(tx, "baht", price=1, currency="THB")


# Search ------------------------------------------------------------------------------------------


async def test_a_hotel_without_a_rate_is_found_in_its_own_currency_after_the_others(db: Database) -> None:
    await five_hotels(db)
    async with db.transaction() as tx:
        page = await find(tx, request(), NOW)
        assert [r.property.slug for r in page.results] == ["euro", "yen", "cheap-dinar", "dinar", "baht"]
        await tx.execute("INSERT INTO exchange_rate VALUES ('JPY', 160, '2030-01-01')")
        page = await find(tx, request(), NOW)
        assert [(r.property.slug, r.offer.approximate, r.offer.compared) for r in page.results] == [
            ("yen", Money(11_250, "EUR"), True),
            ("euro", None, True),
            ("cheap-dinar", None, False),
            ("dinar", None, False),
            ("baht", None, False),
        ]
        assert [(r.offer.total, r.offer.currency) for r in page.results][2] == (200, "RSD")
        # Page by page they come once each, in the same order.
        seen: list[str] = []
        after = None
        while True:
            part = await find(tx, request(limit=1, after=after), NOW)
            seen += [r.property.slug for r in part.results]
            after = part.after
            if after is None:
                break
        assert seen == [r.property.slug for r in page.results]
        for sort in ("distance", "stars", "name"):
            assert len((await find(tx, request(sort=sort, currency="USD"), NOW)).results) == 5


async def test_a_filter_on_prices_says_whom_it_left_out(db: Database) -> None:
    await five_hotels(db)
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO exchange_rate VALUES ('JPY', 160, '2030-01-01')")
        page = await find(tx, request(currency="EUR", price_max=13_000), NOW)
        assert ([r.property.slug for r in page.results], page.uncompared) == (["yen"], 3)
        # In a currency that nobody gives a rate for, only its own hotels can be compared.
        page = await find(tx, request(currency="RSD", price_max=1_000), NOW)
        assert ([r.property.slug for r in page.results], page.uncompared) == (["cheap-dinar"], 3)
        # Without a currency the filter is in each hotel's own.
        page = await find(tx, request(price_max=200), NOW)
        assert [r.property.slug for r in page.results] == ["cheap-dinar", "baht"]


async def test_bounds_keep_hotels_without_a_rate_last_among_many(db: Database) -> None:
    async with db.transaction() as tx:
        for number in range(70):
            await simple_hotel(tx, f"euro-{number}", price=5_000 + number)
        await simple_hotel(tx, "dinar", price=1, currency="RSD")
        seen: list[str] = []
        after = None
        for _ in range(8):
            page = await find(tx, request(limit=10, after=after), NOW)
            seen += [r.property.slug for r in page.results]
            after = page.after
        assert after is None
        assert seen == [*(f"euro-{number}" for number in range(70)), "dinar"]


async def test_the_api_and_the_calendar_go_on_without_rates(db: Database, database_url: str) -> None:
    await five_hotels(db)
    async with db.transaction() as tx:
        first = request().stay.arrival
        currency, lowest = await lowest_nights(tx, request(currency="USD"), first, first, now=NOW)
        assert (currency, dict(lowest)) == ("EUR", {first: 10_000})
        await tx.execute("DELETE FROM rate_night n USING room_type t, property p WHERE t.id = n.room_type_id"
                         " AND p.id = t.property_id AND p.currency IN ('EUR', 'THB')")  # fmt: skip
        await tx.execute("UPDATE property SET active = false WHERE currency IN ('EUR', 'THB')")
        currency, lowest = await lowest_nights(tx, request(), first, first, now=NOW)
        assert (currency, dict(lowest)) == ("RSD", {first: 100})
    async with running(settings_for(database_url)) as (_, client):
        where = "/api/v1/search?lat=38.7&lon=-9.1&arrival=2099-03-04&departure=2099-03-05"
        assert (await client.get(f"{where}&currency=USD")).status_code == 200
        unknown = await client.get(f"{where}&currency=XXX")
        assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_currency")


# Totals ------------------------------------------------------------------------------------------


async def test_today_leaves_out_money_that_has_no_rate_and_says_so(db: Database, database_url: str) -> None:
    async with db.transaction() as tx:
        for slug, currency in (("euro", "EUR"), ("dinar", "RSD"), ("yen", "JPY")):
            await simple_hotel(tx, slug, currency=currency)
        await tx.execute(
            "INSERT INTO exchange_rate VALUES ('JPY', 160, $1)", utc_now().date() - timedelta(days=9)
        )
        whole = await today(tx, property_ids=None, now=utc_now())
    assert ([house.slug for house in whole.unvalued], whole.converted) == (["dinar"], True)
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.OWNER, None)) as client,
    ):
        page = await client.get("/admin/today")
        assert page.status_code == 200
        text = said(page.text)
        assert "Revenue excludes 1 property" in text
        assert "Dinar (RSD)" in text
        assert "9 days old" in text


def test_averages_leave_out_the_rooms_whose_money_is_left_out() -> None:
    from hotel_booking.domains.reporting.types import NightFigures

    night = NightFigures(DAY, 30, 20, 100_001, unvalued_sold=10, unvalued_available=10)
    assert (night.adr, night.revpar) == (10_000, 5_000)
    assert NightFigures(DAY, 10, 10, 0, unvalued_sold=10, unvalued_available=10).adr is None


# Taking rates ------------------------------------------------------------------------------------


async def test_the_last_good_rate_stays(db: Database) -> None:
    async with db.transaction() as tx:
        taken = await service.take(tx, published=rates(), now=NOW)
        assert (taken.used, dict(taken.refused)) == (11, {})
        await service.enter(
            tx, currency="RSD", per_euro=Decimal("117.2"), as_of=DAY, known=frozenset({"RSD"}), now=NOW
        )
    before = await known(db)
    later = NOW + timedelta(days=1)
    for lie in (
        rates(DAY + timedelta(days=9)),
        rates(DAY - timedelta(days=1)),
        DailyRates(DAY, {"USD": Decimal("1.17")}),
        DailyRates(DAY, {}),
        rates(DAY, **{code: str(Decimal(rate) * 100) for code, rate in COMMON.items()}),
        rates(DAY, USD="2", JPY="90", GBP="2", CHF="0.1"),
    ):
        async with db.transaction() as tx:
            with pytest.raises(RatesRefused):
                await service.take(tx, published=lie, now=later)
        assert await known(db) == before
    async with db.transaction() as tx:
        # One that jumped keeps its last good value; the others go on.
        taken = await service.take(
            tx, published=rates(DAY + timedelta(days=1), USD="1.18", JPY="17300"), now=later
        )
        assert list(taken.refused) == ["JPY"]
    assert await known(db) == {**before, "USD": Decimal("1.18")}
    async with db.transaction() as tx:
        await service.take(tx, published=rates(DAY + timedelta(days=1), JPY="240"), now=later, jumps=True)
    assert (await known(db))["JPY"] == 240


async def test_the_worker_fetches_and_survives_a_source_that_lies(db: Database, database_url: str) -> None:
    async def run(source: RateSource | None) -> None:
        async with worker.application(database_url).open_async() as jobs:
            await jobs.configure_task("exchange:fetch_rates").defer_async(timestamp=0)
        await run_jobs(db, database_url, "exchange", clock=lambda: NOW, rate_source=source)
        async with db.transaction() as tx:
            left = await tx.fetchval(
                "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'exchange:fetch_rates'"
                " AND status <> 'succeeded'"
            )
            assert left == 0

    await run(None)
    assert await known(db) == {}
    async with answering(http(file(COMMON, day=DAY.isoformat()).encode())) as address:
        await run(EcbRates(address))
    good = await known(db)
    assert good["USD"] == Decimal("1.17")
    for reply in (http(b"<html/>", media="text/html"), http(b"", status="500 Oops"), http(b"<a")):
        async with answering(reply) as address:
            await run(EcbRates(address))
        assert await known(db) == good


def exchange_rates(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command on a database."""
    return command("exchange-rates", *words, DATABASE_URL=url, HOTEL_EXCHANGE_RATES_URL="")


async def test_the_command_line_shows_and_enters_rates(db: Database, database_url: str) -> None:
    assert "No exchange rate is known" in exchange_rates(database_url, "show").stdout
    for words in (
        ("RSD", "117,2"),
        ("RSD", "1.171.2"),
        ("RSD", "-1"),
        ("RSD", "0"),
        ("XYZ", "1"),
        ("EUR", "1"),
    ):
        done = exchange_rates(database_url, "set", "--", *words)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), words
    assert await known(db) == {}
    assert exchange_rates(database_url, "set", "RSD", "117.2", "--as-of", "2026-03-09").returncode == 0
    shown = exchange_rates(database_url, "show").stdout
    assert "RSD" in shown
    assert "117.2" in shown
    assert "hand" in shown
    for wrong, why in (
        (("1172", "--as-of", "2026-03-10"), "more than a quarter off the 117.2 of 2026-03-09"),
        (("117.2", "--as-of", "2026-03-08"), "the rate of 2026-03-09 is known, which is newer"),
    ):
        done = exchange_rates(database_url, "set", "RSD", *wrong)
        assert done.returncode == 2
        assert why in done.stderr
    assert await known(db) == {"RSD": Decimal("117.2")}
    right = ("set", "RSD", "1172", "--as-of", "2026-03-10", "--accept-jump")
    assert exchange_rates(database_url, *right).stdout == "One euro is 1172 RSD, as of 2026-03-10.\n"
    off = exchange_rates(database_url, "fetch")
    assert off.returncode == 2
    assert "no exchange rates are fetched" in off.stderr
