"""The panel's front door: who gets in, where to, and what other sites can do."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.http.cookies import STAFF
from tests.clients.http_client import client_of, running, settings_for
from tests.clients.staff_client import (
    SAME_ORIGIN,
    session_of,
    signed_in,
    staff,
)
from tests.factories.small_hotel import SLUG, small_hotel


async def test_the_front_door_leads_to_the_first_page_or_to_the_sign_in(
    db: Database, database_url: str
) -> None:
    async with running(settings_for(database_url, mfa_required=False)) as (app, stranger):
        answer = await stranger.get("/admin")
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin/sign-in")
        async with signed_in(app, db, (Role.READ_ONLY, None)) as client:
            assert (await client.get("/admin")).headers["location"] == "/admin/today"
        async with signed_in(app, db) as client:
            assert (await client.get("/admin")).headers["location"] == "/admin/account"


async def test_what_is_refused_has_the_panels_words_in_its_tab_too(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.READ_ONLY, None)) as client,
    ):
        for path, status, words in (
            ("/admin/bookings?cursor=x", 400, "We couldn’t read that"),
            ("/admin/staff", 403, "You don’t have access to this"),
            ("/admin/bookings/NOSUCH", 404, "Page not found"),
            ("/admin/sign-out", 405, "There is no page here"),
        ):
            answer = await client.get(path)
            assert answer.status_code == status, path
            assert re.search(rf"<title>{words}\b", answer.text), path
            assert f"<h1>{words}</h1>" in answer.text, path
        # What somebody may not do is said by what it is, not by its code.
        for path, said in (
            (
                "/admin/staff",
                "Your role does not let you see who works here, and their roles. Ask a manager.",
            ),
            (
                f"/admin/properties/{SLUG}/rates/bulk",
                "Your role does not let you change prices, restrictions and availability at this property.",
            ),
        ):
            text = (await client.get(path)).text
            assert said in text, path
            assert "staff:view" not in text
            assert "rates:edit" not in text


async def test_an_address_that_there_is_none_of_is_told_to_staff_in_the_panel(
    db: Database, database_url: str
) -> None:
    await small_hotel(db)
    half = await session_of(db, await staff(db, (Role.OWNER, None)))
    async with db.transaction() as tx:
        await tx.execute("UPDATE staff_session SET level = 'password'")
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, stranger),
        signed_in(app, db, (Role.READ_ONLY, None)) as client,
    ):
        for method, path, status in (
            ("GET", "/admin/nowhere", 404),
            ("GET", "/admin/bookings/ABCD2345/paymnets", 404),
            ("POST", "/admin/nowhere", 404),
            ("GET", "/admin/staff/abc", 404),
            ("GET", "/admin/sign-out", 405),
            ("GET", "/admin/bookings/ABCD2345/check-in/again", 404),
            ("GET", f"/admin/properties/{SLUG}/photos/1/delete", 405),
        ):
            told = await client.request(method, path)
            assert told.status_code == status, path
            assert 'href="/admin/bookings"' in told.text, path
            assert "Ada Member" in told.text, path
            for cookie in (None, half, "x" * 43):
                carried = {"cookie": f"{STAFF}={cookie}"} if cookie else {}
                nobody = await stranger.request(method, path, headers=carried)
                assert nobody.status_code in (status, 403), path
                assert 'class="side"' not in nobody.text, path
                assert 'href="/admin/bookings"' not in nobody.text, path
        strayed = (await client.get("/admin/bookings/ABCD2345/paymnets")).text
        assert 'href="/admin/bookings/ABCD2345">Open what it is about' in strayed
        assert "find the page in the menu" in strayed


async def test_an_owner_without_a_second_factor_gets_no_further_than_setting_one_up(
    db: Database, database_url: str
) -> None:
    async with running(settings_for(database_url)) as (app, _):
        async with signed_in(app, db, (Role.OWNER, None)) as client:
            answer = await client.get("/admin/today")
            assert (answer.status_code, answer.headers["location"]) == (303, "/admin/account/second-factor")
        async with signed_in(app, db, (Role.READ_ONLY, None)) as client:
            assert (await client.get("/admin/today")).status_code == 200


@pytest.mark.parametrize("change", ["expired", "idle", "left", "half"])
async def test_a_session_that_is_over_opens_nothing(db: Database, database_url: str, change: str) -> None:
    number = await staff(db, (Role.READ_ONLY, None))
    token = await session_of(db, number)
    async with db.transaction() as tx:
        match change:
            case "expired":
                await tx.execute("UPDATE staff_session SET expires_at = created_at")
            case "idle":
                await tx.execute(
                    "UPDATE staff_session SET last_seen_at = last_seen_at - $1::interval", timedelta(hours=3)
                )
            case "left":
                await tx.execute("UPDATE staff SET active = false")
            case "half":
                await tx.execute("UPDATE staff_session SET level = 'password'")
    async with running(settings_for(database_url)) as (app, _), client_of(app) as client:
        client.cookies.set(STAFF, token)
        assert (await client.get("/admin")).headers["location"] == "/admin/sign-in"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site", "origin": "http://test"},
    ],
)
async def test_what_another_site_sends_is_refused(
    db: Database, database_url: str, headers: dict[str, str]
) -> None:
    token = await session_of(db, await staff(db, (Role.READ_ONLY, None)))
    async with running(settings_for(database_url)) as (app, _), client_of(app) as client:
        client.cookies.set(STAFF, token)
        answer = await client.post("/admin/sign-out", headers=headers)
        assert answer.status_code == 403
        assert "was not sent from a page of this site" in answer.text
        assert (await client.get("/admin")).headers["location"] == "/admin/today"
        for own in (SAME_ORIGIN, {"origin": "http://test"}):
            assert (await client.post("/admin/sign-out", headers=own)).status_code == 303


async def test_a_session_opens_nothing_of_the_api_and_a_key_nothing_of_the_panel(
    db: Database, database_url: str
) -> None:
    async with (
        running(settings_for(database_url)) as (app, _),
        signed_in(app, db, (Role.READ_ONLY, None)) as client,
    ):
        assert (await client.get("/api/v1/keys")).json()["code"] == "credentials_required"


async def test_the_menu_leads_only_where_one_may_go(db: Database, database_url: str) -> None:
    """What is about the platform takes the role at every property; who has it at one is not led to a refusal.
    Staff of the group are no business of one hotel's manager, who may not change them."""
    await small_hotel(db)
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.OWNER, None)) as owner,
    ):
        everywhere = set(re.findall(r'href="(/admin/[a-z-]+)"', (await owner.get("/admin/today")).text))
        assert {"/admin/jobs", "/admin/monitoring", "/admin/incidents"} <= everywhere
        for role in (Role.MANAGER, Role.FRONT_DESK, Role.READ_ONLY):
            async with signed_in(app, db, (role, SLUG)) as client:
                page = (await client.get("/admin/today")).text
                for link in sorted(set(re.findall(r'href="(/admin/[a-z-]+)"', page))):
                    answer = await client.get(link, follow_redirects=True)
                    assert answer.status_code == 200, (role, link)
                if role is Role.MANAGER:
                    async with db.transaction() as tx:
                        owners = await tx.fetch("SELECT staff_id FROM staff_grant WHERE role = 'owner'")
                    for row in owners:
                        hidden = await client.get(f"/admin/staff/{row['staff_id']}")
                        assert hidden.status_code == 404
