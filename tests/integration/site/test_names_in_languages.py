"""What a hotel calls itself, its rooms and rates in a language stands on every page in that language, in the
calendar's file and in the mail; another language has the names that the hotel gave first."""

from __future__ import annotations

from urllib.parse import urlencode

from hotel_booking.core.db import Database
from hotel_booking.domains.notifications.rendering import render
from hotel_booking.domains.notifications.samples import SAMPLES
from tests.clients.outbox import sent
from tests.factories.small_hotel import SLUG, small_hotel, stay
from tests.integration.site.test_checkout import chosen, held, one, refused_page, site
from tests.integration.site.test_manage import booked

NAMES = {"property": "Haus Zur Probe", "room_type": "Zimmer Zur Probe", "rate_plan": "Preis Zur Probe"}


async def translate(db: Database) -> None:
    async with db.transaction() as tx:
        for kind, name in NAMES.items():
            await tx.execute(
                "INSERT INTO translation (property_id, kind, object_id, language, field, content)"
                f" SELECT p.id, $1, o.id, 'de', 'name', $2 FROM property p, {kind} o",
                kind,
                name,
            )


async def test_names_stand_in_the_pages_language_from_the_offer_to_the_mail(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=2)
    await translate(db)
    when = stay(20, 2)
    dates = {"arrival": when.arrival.isoformat(), "departure": when.departure.isoformat(), "adults": "2"}
    async with site(database_url) as (_, client):

        async def named(address: str, *, title: bool = False) -> None:
            names = [NAMES["property"]] if title else list(NAMES.values())
            german = (await client.get(address)).text
            assert [name for name in names if name not in german] == [], address
            french = (await client.get(address.replace("/de/", "/fr/"))).text
            assert [name for name in names if name in french] == [], address

        await named(f"/de/hotels/{SLUG}?{urlencode(dates)}")
        await named(await chosen(client))
        pay = await held(client)
        await named(pay)
        form = {"method": "card", "expected": "18000", "card": "tok_success"}
        declined = await refused_page(client, await client.post(pay, data={**form, "card": "tok_decline"}))
        assert all(name in declined.text for name in NAMES.values())
        done = await client.post(pay, data=form)
        booking = str(done.headers["location"])
        await named(booking)
        await named(booking + "/calendar.ics", title=True)
        await named("/de/booking", title=True)
        wrong = await refused_page(client, await client.post(booking + "/cancel", data={"fee": "1"}))
        assert all(name in wrong.text for name in NAMES.values())
        mails = await one(db, "SELECT string_agg(data::text, ' ') FROM mail_message WHERE language = 'de'")
        assert NAMES["property"] in mails
        assert NAMES["room_type"] in mails


async def test_a_city_is_called_the_same_on_the_bookings_page_in_the_mail_and_in_the_calendar(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=2)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO place (id, kind, name, country, lat, lon, population, timezone, names)"
            " VALUES (2267057, 'city', 'Lisbon', 'PT', 38.72, -9.13, 517802, 'Europe/Lisbon', $1)",
            {"de": "Lissabon"},
        )
        await tx.execute(
            "UPDATE property SET place_id = 2267057, address = 'Rua Um 1', postal_code = '1100',"
            " city = 'Lisbon'"
        )
    for language, where in (("de", "Rua Um 1, 1100 Lissabon"), ("fr", "Rua Um 1, 1100 Lisbon")):
        async with site(database_url) as (_, client):
            pay = await held(client, "FLEX", language=language)
            done = await client.post(pay, data={"method": "pay_at_property", "expected": "0"})
            page = done.headers["location"]
            assert f"<p>{where}, Portugal</p>" in (await client.get(page)).text
            calendar = (await client.get(page + "/calendar.ics")).text.replace("\r\n ", "")
            assert f"LOCATION:{where}, Portugal".replace(", ", "\\, ") in calendar
        confirmed = [mail for mail in await sent(db) if mail.template == "booking_confirmed"]
        assert confirmed[-1].data["where"] == where.split(", ")


async def test_the_streets_number_stays_before_its_street_in_an_arabic_mail() -> None:
    data = SAMPLES["booking_confirmed"] | {
        "where": ["412 West Foundry Street", "10013 نيويورك"],
        "country": "US",
    }
    shown = render("booking_confirmed", "ar", data)
    assert "\u2068412 West Foundry Street\u2069، 10013 نيويورك، الولايات المتحدة" in shown.text


async def test_an_address_stands_on_every_page_and_in_mails_as_in_its_country(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=2)
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET country = 'GB', city = 'London', postal_code = 'SE1 9DL'")
    async with site(database_url) as (_, client):
        booking = await booked(client)
        for address in (booking, f"/en/hotels/{SLUG}", booking + "/calendar.ics"):
            page = (await client.get(address)).text.replace("\r\n ", "")
            assert "London SE1 9DL" in page, address
            assert "SE1 9DL London" not in page, address
        (mail,) = (one for one in await sent(db) if one.template == "booking_confirmed")
        assert "London SE1 9DL" in mail.data["where"]
