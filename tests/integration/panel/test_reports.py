"""A hotel's days in figures, as an accountant adds them up: nights, stays with their taxes, accounts; on the
page and in files, which agree with each other and with the ledger."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from hotel_booking.core.dates import local_instant
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.payments.types import DeskWay
from hotel_booking.domains.reporting import exports
from tests.clients.http_client import api_key, bearer, running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.paying import one
from tests.factories.small_hotel import FIRST, GUEST, SLUG, make_quote, small_hotel, stay
from tests.integration.http.test_access import contents
from tests.integration.panel.test_desk_payments import panel
from tests.integration.panel.test_rates_grid import shown

REPORTS, FILE = "/admin/reports", "/admin/reports/file"
EVIL = '=HYPERLINK("https://evil.example")'


def at(day: int, hour: int) -> datetime:
    """An hour of the hotel's clocks on a day, counted from the first."""
    return local_instant(FIRST + timedelta(days=day), time(hour), "Europe/Lisbon")


async def arrived(db: Database, first: int, nights: int, rooms: int = 1) -> Booking:
    """Guests who came on that day."""
    quote = await make_quote(db, stay(first, nights), *["DBL"] * rooms, now=at(first, 7))
    async with db.transaction() as tx:
        held = await service.hold(tx, quote_id=quote.id, guest=GUEST, now=at(first, 7))
        await service.guarantee(tx, booking_id=held.booking.id, now=at(first, 7))
        return await service.check_in(tx, booking_id=held.booking.id, now=at(first, 15), override="By hand")


async def pay(
    db: Database, booking: Booking, amount: int | None, now: datetime, way: DeskWay = "cash"
) -> None:
    async with db.transaction() as tx:
        await service.record_desk_payment(
            tx, booking_id=booking.id, amount=amount, way=way, receipt=EVIL, expected=None, now=now
        )


@pytest.fixture
async def month(db: Database) -> Database:
    """The hotel in the test's own database."""
    await a_month(db)
    return db


async def a_month(db: Database) -> None:
    """A hotel with a tax in its prices and one that is added. One room for the first night, paid at two in
    the night after it; two rooms for two nights, of which one leaves a night early; and one room that comes
    on the third day and stays."""
    await small_hotel(db, rooms=4)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO tax (property_id, code, name, kind, value, charge_type, included)"
            " SELECT id, c.code, c.name, c.kind, c.value, c.type, c.included FROM property,"
            " (VALUES ('VAT', 'VAT', 'percent', 100000, 19, true),"
            "         ('CITY', 'City tax', 'fixed', 200, 21, false))"
            "   AS c(code, name, kind, value, type, included)"
        )
    night = await arrived(db, 0, 1)
    await pay(db, night, None, at(1, 2))
    two = await arrived(db, 0, 2, rooms=2)
    await pay(db, two, 10_000, at(1, 10), "card_terminal")
    await pay(db, two, None, at(1, 11))
    await arrived(db, 2, 1)
    async with db.transaction() as tx:
        await service.check_out(tx, booking_id=night.id, now=at(1, 9))
        await service.check_out(tx, booking_id=two.id, rooms=[1], now=at(1, 12))
        await service.check_out(tx, booking_id=two.id, now=at(2, 12))
        await tx.execute("UPDATE guest SET given_name = $1", EVIL)


def days(first: int, last: int) -> dict[str, str]:
    return {
        "property": SLUG,
        "first": str(FIRST + timedelta(days=first)),
        "last": str(FIRST + timedelta(days=last)),
    }


def table(answer: httpx.Response, delimiter: str = ",") -> list[dict[str, str]]:
    """The lines of a file by their columns' names."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(
        csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=delimiter)
    )


def added(rows: list[dict[str, str]], column: str) -> Decimal:
    return sum((Decimal(row[column] or "0") for row in rows), Decimal(0))


async def file(client: httpx.AsyncClient, report: str, first: int, last: int, **more: str) -> httpx.Response:
    return await client.post(FILE, data={**days(first, last), "report": report, "style": "comma", **more})


async def test_the_sums_agree_with_each_other_and_with_the_ledger(month: Database, database_url: str) -> None:
    async with panel(database_url, month, Role.FINANCE) as client:
        page = await client.get(REPORTS, params=days(0, 2))
        text = shown(page)
        nights, stays, taxes, account = [
            table(await file(client, report, 0, 2)) for report in ("nights", "stays", "taxes", "account")
        ]
        # Three rooms on the first night; one of two left early, so one on the second; one more on the third.
        assert [(row["sold"], row["arrivals"], row["available"]) for row in nights] == [
            ("3", "3", "4"), ("1", "0", "4"), ("1", "1", "4"),
        ]  # fmt: skip
        # Each stay's net is 100.00 a night less 10% that is in it; who left early paid for two nights on one.
        assert [row["revenue"] for row in nights] == ["363.64", "90.91", "90.91"]
        assert (nights[0]["occupancy"], nights[0]["adr"], nights[0]["revpar"]) == ("0.75", "121.21", "90.91")
        assert "Rooms sold 5 of 12 available, 41.7%" in text
        # What ended in these days: the first three rooms, not the one that is still there.
        assert len(stays) == 3
        assert added(taxes, "amount") == added(stays, "taxes")
        assert added(stays, "net") + added(stays, "taxes") == added(stays, "total")
        assert {(row["tax"], row["rate"], row["included"]) for row in taxes} == {
            ("VAT", "10", "yes"), ("CITY", "", "no"),
        }  # fmt: skip
        # Two persons, five room-nights as sold.
        assert sum(Decimal(row["amount"]) for row in taxes if row["tax"] == "CITY") == Decimal("20.00")
        assert re.search(r"City tax added 3 €20\.00", text)
        assert re.search(r"VAT 10% in the prices 3 €45\.4", text)
        entries = await one(month, "SELECT sum(amount) FROM ledger_entry")
        charges = await one(month, "SELECT sum(amount) FROM ledger_charge")
        assert added(account, "received") * 100 == entries
        assert added(account, "charged") * 100 == charges
        owed = await one(month, "SELECT sum(owed) FROM booking_entry")
        assert (added(account, "charged") - added(account, "received")) * 100 == owed > 0
        assert "Cash at the desk 2 €" in text
        assert "Card terminal at the desk 1 €100.00" in text
        # A number beside an amount multiplies what one costs, never the sum.
        told = shown(await client.get(f"/admin/bookings/{stays[-1]['booking']}"))
        assert "VAT 10% €18.18" in told
        assert "City tax 4 × €2.00 €8.00" in told  # noqa: RUF001  # the sign, as it is shown


async def test_the_nights_of_a_stay_add_up_to_its_price(db: Database, database_url: str) -> None:
    """Seven nights of which one costs a cent more: no seventh of it is whole."""
    await a_month(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_night SET price = 10002 WHERE night = $1", FIRST + timedelta(days=12))
    booking = await arrived(db, 10, 7)
    net = await one(db, "SELECT net FROM reservation WHERE booking_id = $1", booking.id)
    assert net % 7 != 0
    async with panel(database_url, db, Role.FINANCE) as client:
        nights = table(await file(client, "nights", 10, 16))
        assert added(nights, "revenue") * 100 == net
        assert "Room revenue €636.39" in shown(await client.get(REPORTS, params=days(10, 16)))


async def test_the_last_night_of_a_month_ends_with_the_hotels_day(month: Database, database_url: str) -> None:
    """What is paid at two in the night belongs to the day before, in the panel as in the till."""
    async with panel(database_url, month, Role.FINANCE) as client:
        first, second = [table(await file(client, "account", day, day)) for day in (0, 1)]
    assert [row["at"][-8:] for row in first if row["received"]] == ["02:00:00"]
    assert [row["at"][-8:] for row in second if row["received"]] == ["10:00:00", "11:00:00"]
    assert {row["time_zone"] for row in first} == {"Europe/Lisbon"}


async def test_files_are_safe_in_spreadsheets_and_speak_their_numbers(
    month: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_BATCH", 1)
    monkeypatch.setattr(exports, "_PART", 10)
    async with panel(database_url, month, Role.FINANCE) as client:
        stays = table(await file(client, "stays", 0, 2, style="semicolon"), ";")
        assert {row["guest"] for row in stays} == {f"'{EVIL} {GUEST.family_name}"}
        assert stays[0]["total"] == "104,00"
        account = table(await file(client, "account", 0, 2))
        assert {row["receipt"] for row in account if row["received"]} == {f"'{EVIL}"}
        answer = await client.post("/admin/bookings/file", data={"style": "comma", "sort": "arrival"})
        listed = table(answer)
        assert "attachment" in answer.headers["content-disposition"]
        assert len({row["booking"] for row in listed}) == len(listed) == 3
        assert {row["given_name"] for row in listed} == {f"'{EVIL}"}
        assert [(row["rooms"], row["paid"], row["owed"]) for row in listed][-1] == ("1", "0.00", "104.00")
        owing = table(await client.post("/admin/bookings/file", data={"style": "comma", "balance": "owes"}))
        assert len(owing) == 1
        desk = table(
            await client.post(
                "/admin/payments/desk/file",
                data={"property": SLUG, "style": "comma", "since": "", "until": ""},
            )
        )
        assert added(desk, "amount") * 100 == await one(month, "SELECT sum(amount) FROM ledger_entry")


async def test_who_downloads_is_in_the_audit_log_and_nobody_else_may(
    month: Database, database_url: str
) -> None:
    noted = (
        "SELECT array_agg(object_id || ' ' || actor_name ORDER BY id) FROM audit_entry"
        " WHERE action = 'export'"
    )
    async with panel(database_url, month, Role.FINANCE) as client:
        await file(client, "taxes", 0, 2)
        await client.post(
            "/admin/bookings/file", data={"style": "comma", "q": "Secretive", "status": "confirmed"}
        )
        log = shown(await client.get("/admin/audit", params={"kind": "file"}))
        assert "File for spreadsheets downloaded" in log
        assert "first 1 " in log.lower() or str(FIRST.year) in log
        assert "Secretive" not in log
    assert await one(month, noted) == ["taxes Ada Member", "bookings Ada Member"]
    assert await one(month, "SELECT count(*) FROM audit_entry WHERE after::text LIKE '%Secretive%'") == 0
    before = await contents(month)
    for role, reports, bookings in (
        (Role.HOUSEKEEPING, 403, 403),
        (Role.READ_ONLY, 403, 200),
        (Role.REVENUE, 200, 200),
    ):
        async with panel(database_url, month, role) as client:
            assert (await client.get(REPORTS, params=days(0, 2))).status_code == reports, role
            if reports == 403:
                assert (await file(client, "nights", 0, 2)).status_code == 403
            else:
                foreign = await client.post(FILE, data={**days(0, 2), "property": "x", "report": "nights"})
                assert foreign.status_code == 404
            answer = await client.post("/admin/bookings/file", data={"style": "comma"})
            assert answer.status_code == bookings, role
    after = await contents(month)
    assert before["booking"] == after["booking"]


async def test_what_cannot_be_reported_is_said(month: Database, database_url: str) -> None:
    async with panel(database_url, month, Role.FINANCE) as client:
        long = {**days(0, 2), "first": str(FIRST - timedelta(days=100))}
        for asked, words in (
            (long, "at most 92 days"),
            ({**days(0, 2), "last": str(FIRST - timedelta(days=1))}, "ends before it begins"),
            ({**days(0, 2), "first": "yesterday"}, "must be a date"),
        ):
            page = await client.get(REPORTS, params=asked)
            assert (page.status_code, words in page.text.lower()) == (422, True), asked
            page = await client.post(FILE, data={**asked, "report": "nights", "style": "comma"})
            assert (page.status_code, words in page.text.lower()) == (422, True), asked
        for wrong in ({"report": "secrets"}, {"style": "dots"}):
            answer = await client.post(
                FILE, data={**days(0, 2), "report": "nights", "style": "comma", **wrong}
            )
            assert (answer.status_code, "must be one of the options" in answer.text.lower()) == (422, True)
    assert await one(month, "SELECT count(*) FROM audit_entry WHERE action = 'export'") == 0


async def test_the_api_tells_the_same(month: Database, database_url: str) -> None:
    where = f"/api/v1/properties/{SLUG}"
    asked = {name: value for name, value in days(0, 2).items() if name != "property"}
    async with panel(database_url, month, Role.FINANCE) as client:
        nights, account = [table(await file(client, report, 0, 2)) for report in ("nights", "account")]
    async with running(settings_for(database_url)) as (_, client):
        client.headers.update(bearer(await api_key(month, Scope.REPORTS_READ)))
        told = (await client.get(f"{where}/nights", params=asked)).json()
        assert [(one["night"], str(one["sold"]), str(one["available"])) for one in told["nights"]] == [
            (row["night"], row["sold"], row["available"]) for row in nights
        ]
        assert [one["revenue"]["amount"] for one in told["nights"]] == [
            Decimal(row["revenue"]) * 100 for row in nights
        ]
        lines: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            answer = await client.get(
                f"{where}/account-lines", params={**asked, **({"cursor": cursor} if cursor else {})}
            )
            assert answer.status_code == 200, answer.text
            lines += answer.json()["items"]
            cursor = answer.json()["next_cursor"]
        for name in ("charged", "received"):
            assert [None if one[name] is None else one[name]["amount"] for one in lines] == [
                Decimal(row[name]) * 100 if row[name] else None for row in account
            ]
        for path in ("nights", "account-lines"):
            for wrong, field in (
                ({"last": "2100-01-02"}, "last"),
                ({"first": "0001-01-01", "last": "0001-01-02"}, "first"),
                ({"first": "9999-12-31", "last": "9999-12-31"}, "first"),
                ({"first": "2029-01-01"}, "last"),
            ):
                refused = await client.get(f"{where}/{path}", params={**asked, **wrong})
                assert (refused.status_code, refused.json()["field"]) == (422, field), wrong
            assert (await client.get(f"{where}/{path}")).json()["field"] in ("first", "last")
            other = bearer(await api_key(month, Scope.BOOKINGS_READ))
            refused = await client.get(f"{where}/{path}", params=asked, headers=other)
            assert refused.json()["code"] == "missing_scope"


async def test_a_group_sees_each_hotel_by_itself(month: Database, database_url: str) -> None:
    async with month.transaction() as tx:
        await tx.execute(
            "INSERT INTO property (slug, name, country, lat, lon, timezone, currency)"
            " VALUES ('yen', 'Yen House', 'JP', 35, 139, 'Asia/Tokyo', 'JPY')"
        )
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, month, (Role.OWNER, None)) as client,
    ):
        text = shown(await client.get(REPORTS, params={**days(0, 2), "property": "yen"}))
        assert "Rooms sold 0" in text
        assert "Nothing was charged" in text
        # The present month without asking for one.
        assert (await client.get(REPORTS)).status_code == 200


def test_every_column_is_documented() -> None:
    told = (Path(__file__).resolve().parents[3] / "docs" / "REPORTS.md").read_text()
    for name, columns in exports.TABLES.items():
        rows = "".join(f"| `{column}` | {meaning} |\n" for column, meaning in columns.items())
        assert rows in told, name
