"""The catalogue's pages, as those use them whose work it is."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from hotel_booking.app import Application
from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.properties import queries
from hotel_booking.domains.properties.topics import PROPERTY_TOPICS, ROOM_TOPICS
from hotel_booking.domains.properties.vocabularies import PROPERTY_AMENITIES, ROOM_AMENITIES
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.small_hotel import SLUG, small_hotel
from tests.integration.http.test_access import contents

BASE = f"/admin/properties/{SLUG}"
HOSTILE = "<script>alert('x')</script>\"'&\U0001f3e8"


@asynccontextmanager
async def hotel(db: Database, database_url: str) -> AsyncIterator[Application]:
    """The application over a small hotel, and another one that nobody here works in."""
    await two_hotels(db)
    async with running(settings_for(database_url, mfa_required=False)) as (application, _):
        yield application


async def two_hotels(db: Database) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO property (slug, name, country, lat, lon, timezone, currency)"
            " VALUES ('elsewhere', 'Elsewhere', 'PT', 38.7, -9.1, 'Europe/Lisbon', 'EUR')"
        )


@asynccontextmanager
async def editing(db: Database, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may edit the catalogue of the small hotel."""
    async with hotel(db, database_url) as app, signed_in(app, db, (Role.REVENUE, SLUG)) as client:
        yield client


@asynccontextmanager
async def trying(url: str) -> AsyncIterator[tuple[Database, httpx.AsyncClient]]:
    """The same where the hotels are made already, for what is refused."""
    async with (
        Database.open(url, size=2) as db,
        running(settings_for(url, mfa_required=False)) as (application, _),
        signed_in(application, db, (Role.REVENUE, SLUG)) as client,
    ):
        yield db, client


def fields(page: str) -> dict[str, Any]:
    """The fields of the page's main form as a browser would send them, unchanged."""
    form = max(re.findall(r"<form[^>]*>.*?</form>", page, re.DOTALL), key=len)
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        kind = re.search(r'type="([^"]*)"', tag)
        if name is None or (kind and kind[1] in ("checkbox", "radio") and " checked" not in tag):
            continue
        text = html.unescape(value[1]) if value else ""
        if kind and kind[1] == "checkbox":
            found.setdefault(name[1], []).append(text)
        else:
            found[name[1]] = text
    for name, inner in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        found[name] = html.unescape(inner)
    for name, inner in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', inner) or re.search(
            r'<option value="([^"]*)"', inner
        )
        found[name] = html.unescape(chosen[1]) if chosen else ""
    return found


def said(page: str) -> str:
    """The text of a page, as people read it."""
    text = re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style|nav)\b.*?</\1>", " ", page, flags=re.DOTALL))
    return " ".join(html.unescape(text).split())


def error_of(page: str, name: str) -> str:
    """What stands beside a field."""
    found = re.search(rf'id="{re.escape(name)}-error">(.*?)</p>', page, re.DOTALL)
    return html.unescape(found[1]) if found else ""


async def value(db: Database, query: str, *args: Any) -> Any:
    async with db.transaction() as tx:
        return await tx.fetchval(query, *args)


def test_every_amenity_stands_under_one_topic() -> None:
    for topics, names in ((PROPERTY_TOPICS, PROPERTY_AMENITIES), (ROOM_TOPICS, ROOM_AMENITIES)):
        codes = [code for group in topics.values() for code in group]
        assert sorted(codes) == sorted(names)


# Properties --------------------------------------------------------------------------------------


async def test_the_list_shows_only_the_callers_properties(db: Database, database_url: str) -> None:
    async with (
        hotel(db, database_url) as app,
        signed_in(app, db, (Role.READ_ONLY, SLUG)) as one,
        signed_in(app, db, (Role.OWNER, None)) as all_,
    ):
        own, every = await one.get("/admin/properties"), await all_.get("/admin/properties")
        searched = await all_.get("/admin/properties", params={"q": "elSEw"})
        nothing = await all_.get("/admin/properties", params={"q": "100%_\\ <b>"})
    assert "Sea View" in said(own.text)
    assert "Elsewhere" not in own.text
    assert "New property" not in own.text
    assert "Elsewhere" in said(every.text)
    assert "New property" in said(every.text)
    assert "Sea View" not in said(searched.text)
    assert nothing.status_code == 200
    assert "No property found" in said(nothing.text)
    assert "<b>" not in nothing.text


async def test_a_property_is_made_and_changed(db: Database, database_url: str) -> None:
    async with hotel(db, database_url) as app, signed_in(app, db, (Role.MANAGER, None)) as client:
        form = fields((await client.get("/admin/properties/new")).text)
        form |= {
            "name": "Hôtel d'Été",
            "country": "FR",
            "lat": "43.7",
            "lon": "7.26",
            "timezone": "Europe/Paris",
        }
        form |= {"child_bands": "2, 11", "amenities": ["33", "71"], "stars": "4", "city": "Nice"}
        made = await client.post("/admin/properties/new", data=form)
        assert (made.status_code, made.headers["location"]) == (303, "/admin/properties/hotel-d-ete")
        page = await client.get("/admin/properties/hotel-d-ete")
        assert "Still to do" in said(page.text)
        assert "0 to 2, 3 to 11 years" in said(page.text)
        assert "Lift" in said(page.text)
        assert "Elevators" not in said(page.text)  # its name in the official list
        details = "/admin/properties/hotel-d-ete/details"
        form = fields((await client.get(details)).text)
        assert (form["name"], form["child_bands"], sorted(form["amenities"])) == (
            "Hôtel d'Été",
            "2, 11",
            ["33", "71"],
        )
        changed = await client.post(details, data=form | {"description": HOSTILE, "stars": "5"})
        assert changed.status_code == 303, said(changed.text)
        page = await client.get("/admin/properties/hotel-d-ete")
    assert html.unescape(html.escape(HOSTILE)) in html.unescape(page.text)
    assert "<script>alert" not in page.text
    assert await value(db, "SELECT stars FROM property WHERE slug = 'hotel-d-ete'") == 5


async def test_what_is_on_sale_and_can_never_be_booked_is_said(db: Database, database_url: str) -> None:
    """A second room type without rooms or prices, a plan without prices: guests are never offered them."""
    async with hotel(db, database_url) as app, signed_in(app, db, (Role.MANAGER, None)) as client:
        page = f"/admin/properties/{SLUG}"
        before = said((await client.get(page)).text)
        async with db.transaction() as tx:
            await tx.execute(
                "INSERT INTO room_type (property_id, code, name, max_occupancy, max_adults)"
                " SELECT id, 'STE', 'Suite & Sea', 2, 2 FROM property WHERE slug = $1",
                SLUG,
            )
            await tx.execute(
                "INSERT INTO rate_plan (property_id, code, name, policy_id)"
                " SELECT l.property_id, 'WIN', 'Winter', l.policy_id FROM rate_plan l"
                "  JOIN property p ON p.id = l.property_id WHERE p.slug = $1 AND l.parent_id IS NULL LIMIT 1",
                SLUG,
            )
        after = said((await client.get(page)).text)
    for told in (
        "Rooms of Suite & Sea: without any it is never available",
        "Prices of Suite & Sea, Winter: on sale, but no night to come has one",
    ):
        assert (told in before, told in after) == (False, True)
    assert "never available" not in before
    assert "no night to come" not in before


@pytest.mark.parametrize("zone", ["Arctic/Longyearbyen", "US/Eastern", "Etc/GMT+3", "UTC"])
async def test_a_zone_that_the_api_gave_can_be_kept(db: Database, database_url: str, zone: str) -> None:
    """It cannot be changed once there are prices: a form without it could not be saved at all."""
    async with hotel(db, database_url) as app, signed_in(app, db, (Role.MANAGER, None)) as client:
        async with db.transaction() as tx:
            await tx.execute("UPDATE property SET timezone = $1", zone)
        details = f"/admin/properties/{SLUG}/details"
        page = (await client.get(details)).text
        assert f'<option value="{zone}" selected>' in page
        changed = await client.post(details, data=fields(page) | {"stars": "3"})
        assert changed.status_code == 303, said(changed.text)
    kept = "SELECT timezone || stars FROM property WHERE slug = $1"
    assert await value(db, kept, SLUG) == f"{zone}3"


@pytest.mark.parametrize(
    ("lat", "lon", "kept"),
    [
        ("47,4979", "19,0402", (47.4979, 19.0402)),
        ("29\u066b3759", "٤٢\u060c٩٢٢٤", (29.3759, 42.9224)),
        ("33.8688° S", "151.2093° E", (-33.8688, 151.2093)),
        ("\u221233.8688", " 18.42\u200e", (-33.8688, 18.42)),
    ],
)
async def test_coordinates_are_read_as_keyboards_and_maps_write_them(
    db: Database, database_url: str, lat: str, lon: str, kept: tuple[float, float]
) -> None:
    async with editing(db, database_url) as client:
        form = fields((await client.get(f"{BASE}/details")).text)
        saved = await client.post(f"{BASE}/details", data=form | {"lat": lat, "lon": lon})
        assert saved.status_code == 303, said(saved.text)
        for wrong in ("1e1", "1_0", "nan", "47,49,79", "91", "47.5 X"):
            refused = await client.post(f"{BASE}/details", data=form | {"lat": wrong})
            assert "degrees from -90 to 90" in error_of(refused.text, "lat"), wrong
    async with db.transaction() as tx:
        row = await tx.fetchrow("SELECT lat, lon FROM property WHERE slug = $1", SLUG)
    assert tuple(row or ()) == pytest.approx(kept)


async def test_only_a_group_role_makes_a_property(db: Database, database_url: str) -> None:
    async with hotel(db, database_url) as app, signed_in(app, db, (Role.OWNER, SLUG)) as client:
        before = await contents(db)
        assert (await client.get("/admin/properties/new")).status_code == 403
        form = {
            "name": "X",
            "country": "FR",
            "lat": "1",
            "lon": "1",
            "timezone": "Europe/Paris",
            "currency": "EUR",
        }
        assert (await client.post("/admin/properties/new", data=form)).status_code == 403
        assert await contents(db) == before


async def test_what_is_wrong_stands_beside_its_field(db: Database, database_url: str) -> None:
    async with hotel(db, database_url) as app, signed_in(app, db, (Role.OWNER, None)) as client:
        form = fields((await client.get("/admin/properties/new")).text)
        form |= {"name": "x" * 10_000, "lat": "north", "lon": "181", "stars": "6", "check_in_time": "25:00"}
        form |= {"child_bands": "two", "timezone": "", "description": "a\x00b", "currency": "XXX"}
        answer = await client.post("/admin/properties/new", data=form)
        assert answer.status_code == 422
        for name, text in {
            "name": "longer than 200", "lat": "degrees", "lon": "degrees", "stars": "from 0 to 5",
            "check_in_time": "15:00", "child_bands": "commas", "timezone": "filled in",
            "country": "filled in", "description": "be stored", "currency": "one of the options",
        }.items():  # fmt: skip
            assert text in error_of(answer.text, name), name
        form = fields((await client.get(f"{BASE}/details")).text)
        for change, name, text in (
            ({"child_bands": "11, 2"}, "child_bands", "ascending"),
            ({"timezone": "Mars/Olympus"}, "timezone", "Unknown time zone"),
            ({"currency": "USD"}, "currency", "there are already rates or bookings"),
            ({"amenities": "99999"}, "amenities", ""),
            ({"slug": "new"}, "", ""),
        ):
            answer = await client.post(f"{BASE}/details", data=form | change)
            if name and text:
                assert answer.status_code in (409, 422), change
                assert text in error_of(answer.text, name), change
        form |= {"name": "Taken", "slug": "new"}
        answer = await client.post("/admin/properties/new", data=form)
        assert "add another word" in error_of(answer.text, "slug")


async def test_two_editors_are_told_of_each_other(db: Database, database_url: str) -> None:
    async with editing(db, database_url) as client:
        form = fields((await client.get(f"{BASE}/details")).text)
        assert (await client.post(f"{BASE}/details", data=form | {"name": "First"})).status_code == 303
        second = await client.post(f"{BASE}/details", data=form | {"name": "Second"})
        assert second.status_code == 409
        assert "changed this since you opened it" in said(second.text)
        assert error_of(second.text, "name") == "Is now: First"
        assert "empty now" not in said(second.text), "of fields that nobody touched"
        assert await value(db, "SELECT name FROM property WHERE slug = $1", SLUG) == "First"
        knowing = fields(second.text)
        assert knowing["name"] == "Second"
        assert (await client.post(f"{BASE}/details", data=knowing)).status_code == 303
        assert await value(db, "SELECT name FROM property WHERE slug = $1", SLUG) == "Second"


async def test_a_property_in_use_stays_and_an_empty_one_goes(db: Database, database_url: str) -> None:
    async with hotel(db, database_url) as app, signed_in(app, db, (Role.OWNER, None)) as client:
        page = await client.get(f"{BASE}/delete")
        for text in ("1 room type", "1 room", "2 rate plans", "off sale"):
            assert text in said(page.text)
        before = await contents(db)
        refused = await client.post(f"{BASE}/delete", data={"version": "1"})
        assert refused.status_code == 409
        assert await contents(db) == before
        assert (await client.post(f"{BASE}/deactivate", data={})).status_code == 303
        assert not await value(db, "SELECT active FROM property WHERE slug = $1", SLUG)
        old = await client.post("/admin/properties/elsewhere/delete", data={"version": "2"})
        assert old.status_code == 409
        gone = await client.post("/admin/properties/elsewhere/delete", data={"version": "1"})
        assert (gone.status_code, gone.headers["location"]) == (303, "/admin/properties")
    assert await value(db, "SELECT count(*) FROM property") == 1


# Texts -------------------------------------------------------------------------------------------


async def test_texts_are_kept_in_other_languages(db: Database, database_url: str) -> None:
    async with editing(db, database_url) as client:
        page = await client.get(f"{BASE}/texts", params={"language": "de"})
        form = fields(page.text)
        name = next(key for key in form if key.startswith("property-") and key.endswith("-name"))
        # A hotel is called the same everywhere; what its rooms are called is missed.
        labels = dict(re.findall(r'<label for="([^"]+-name)">(.*?)</label>', page.text))
        assert [key for key, label in labels.items() if "missing" not in label] == [name]
        assert "only if it is written differently there" in labels[name]
        done = await client.post(f"{BASE}/texts", data=form | {name: "Meerblick"})
        assert (done.status_code, done.headers["location"]) == (303, f"{BASE}/texts?language=de")
        again = fields((await client.get(done.headers["location"])).text)
        assert again[name] == "Meerblick"
        late = await client.post(f"{BASE}/texts", data=form | {name: "Seeblick"})
        assert late.status_code == 409
        assert "Ada Member has changed this since you opened it" in said(late.text)
        assert error_of(late.text, name) == "Is now: Meerblick"
        arabic = await client.get(f"{BASE}/texts", params={"language": "ar"})
        assert 'dir="rtl"' in arabic.text
        for hostile in ("a\x00b", "x" * 201):
            refused = await client.post(f"{BASE}/texts", data=again | {name: hostile})
            assert refused.status_code == 422
            assert error_of(refused.text, name)
        await client.post(f"{BASE}/texts", data=again | {name: HOSTILE})
        shown = await client.get(f"{BASE}/texts", params={"language": "de"})
        assert "<script>alert" not in shown.text
        assert fields(shown.text)[name] == HOSTILE
        cleared = fields(shown.text) | {name: ""}
        assert (await client.post(f"{BASE}/texts", data=cleared)).status_code == 303
    assert await value(db, "SELECT count(*) FROM translation") == 0


async def test_translated_texts_are_found_by_object_and_field(db: Database, database_url: str) -> None:
    async with editing(db, database_url) as client:
        form = fields((await client.get(f"{BASE}/texts", params={"language": "fr"})).text)
        kind = next(key for key in form if key.startswith("room_type-"))
        await client.post(f"{BASE}/texts", data=form | {kind: "Chambre double"})
    type_id = int(kind.split("-")[1])
    async with db.transaction() as tx:
        found = await queries.translated(tx, "room_type", [type_id, 999], "fr")
        assert found == {type_id: {"name": "Chambre double"}}
        assert await queries.translated(tx, "room_type", [type_id], "de") == {}
        assert await queries.translated(tx, "property", [type_id], "fr") == {}


async def test_errors_name_fields_by_their_labels(db: Database, database_url: str) -> None:
    async with editing(db, database_url) as client:
        tax = fields((await client.get(f"{BASE}/new-tax")).text)
        tax |= {"name": "City tax", "code": "CITY", "value": "2"}
        plan = fields((await client.get(f"{BASE}/plans/FLEX")).text)
        kind = fields((await client.get(f"{BASE}/room-types/DBL")).text)
        for address, form, change, name, text in (
            (
                "new-tax",
                tax,
                {"valid_from": "2030-03-02", "valid_to": "2030-03-01"},
                "valid_to",
                "ends after",
            ),
            ("plans/FLEX", plan, {"min_stay": "5", "max_stay": "3"}, "min_stay", "at least 5 and at most 3"),
            (
                "plans/FLEX",
                plan,
                {"min_advance_days": "9", "max_advance_days": "2"},
                "min_advance_days",
                "at least 9 and at most 2 days ahead",
            ),
            (
                "room-types/DBL",
                kind,
                {"max_occupancy": "2", "max_adults": "2", "max_children": "2"},
                "max_children",
                "keep it below 2, the guests that it sleeps",
            ),
        ):
            answer = await client.post(f"{BASE}/{address}", data=form | change)
            assert answer.status_code == 422, change
            assert text in error_of(answer.text, name), said(answer.text)
            assert not re.search(r"\b[a-z]+_[a-z]+\b|`", error_of(answer.text, name)), change
            assert "_" not in said(answer.text), change


async def test_a_telephone_number_that_is_not_read_is_kept_and_told(db: Database, database_url: str) -> None:
    async with editing(db, database_url) as client:
        for typed, kept, told in (
            ("12 34", "12 34", True),
            ("211 234 567", "+351211234567", False),
        ):
            form = fields((await client.get(f"{BASE}/details")).text)
            saved = await client.post(f"{BASE}/details", data=form | {"phone": typed})
            assert saved.status_code == 303, said(saved.text)
            assert await value(db, "SELECT phone FROM property WHERE slug = $1", SLUG) == kept
            page = (await client.get(f"{BASE}/details")).text
            assert ('class="flash warning"' in page) is told
            text = said(page)
            assert ("wasn’t recognised and is saved as typed: 12 34" in text) is told


async def test_what_a_property_lacks_until_it_can_be_booked_is_said(db: Database, database_url: str) -> None:
    async with editing(db, database_url) as client:
        for change, missing in (
            ("SELECT 1", ()),
            ("UPDATE rate_night SET price = NULL", ("Prices",)),
            ("DELETE FROM rate_night", ("Prices",)),
            ("UPDATE room SET active = false", ("Rooms", "Prices")),
            ("UPDATE rate_plan SET active = false", ("Rooms", "A rate plan")),
        ):
            async with db.transaction() as tx:
                await tx.execute(change)
            text = said((await client.get(BASE)).text)
            for what in ("Rooms: as many", "Prices: only", "A rate plan: the"):
                assert (what in text) == (what.partition(":")[0] in missing), (change, what)


async def test_room_numbers_are_read_from_any_keyboard(db: Database, database_url: str) -> None:
    async with editing(db, database_url) as client:
        kind = await value(db, "SELECT code FROM room_type ORDER BY id LIMIT 1")
        typed = "٧٠١، ٧٠٢；703\u200e, Villa 3, A8–A9"  # noqa: RUF001  # that keyboard's signs
        added = await client.post(f"{BASE}/rooms", data={"numbers": typed, "room_type": kind})
        assert added.status_code == 303, said(added.text)
    async with db.transaction() as tx:
        rows = await tx.fetch("SELECT number FROM room ORDER BY id DESC LIMIT 6")
    assert [row["number"] for row in rows] == ["A9", "A8", "Villa 3", "703", "702", "701"]
