"""Signing in and out: what opens the door, what does not, and what a guesser learns from it (nothing)."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import cast

import pytest
from argon2 import PasswordHasher

from hotel_booking import worker
from hotel_booking.app import Application
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.authentication.errors import LockedOut, PasswordTooWeak
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service import lockout, passwords
from hotel_booking.domains.authentication.service.lockout import Visitor
from hotel_booking.domains.authentication.service.purge import purge
from hotel_booking.domains.authentication.service.sessions import start
from hotel_booking.domains.identity.caller import Grant
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.identity.service import sessions
from hotel_booking.http import cookies
from tests.clients.http_client import client_of, running, settings_for
from tests.clients.jobs import run_jobs
from tests.clients.outbox import sent
from tests.factories.staff_accounts import (
    BROWSER,
    PASSWORD,
    browser,
    member,
    says,
    sessions_of,
    sign_in,
)

HERE = Visitor(address="203.0.113.7", network="203.0.113.7")


async def test_in_and_out(db: Database, database_url: str) -> None:
    await member(db)
    async with running(settings_for(database_url)) as (app, _), browser(app) as client:
        away = await client.get("/admin/account")
        assert (away.status_code, away.headers["location"]) == (303, "/admin/sign-in?next=/admin/account")
        done = await sign_in(client, "  ANA@example.com ", next="/admin/account")
        assert (done.status_code, done.headers["location"]) == (303, "/admin/account")
        cookie = done.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()
        page = await client.get("/admin/account")
        assert page.status_code == 200
        assert "203.0.113.7" in page.text
        assert "Firefox on Linux" in page.text
        token = client.cookies[cookies.STAFF]
        assert token not in str([dict(row) for row in await sessions_of(db)])
        out = await client.post("/admin/sign-out")
        assert (out.status_code, out.headers["location"]) == (303, "/admin/sign-in")
        assert await sessions_of(db) == []
        client.cookies.set(cookies.STAFF, token)
        assert (await client.get("/admin/account")).status_code == 303


async def test_a_planted_cookie_is_worth_nothing(db: Database, database_url: str) -> None:
    await member(db)
    await member(db, "eve@example.com", name="Eve")
    async with running(settings_for(database_url)) as (app, _), browser(app) as client:
        client.cookies.set(cookies.STAFF, "planted-by-somebody")
        done = await sign_in(client)
        assert "planted-by-somebody" not in done.headers["set-cookie"]
        async with browser(app, Cookie=f"{cookies.STAFF}=planted-by-somebody") as eve:
            assert (await eve.get("/admin/account")).status_code == 303
        # A real session of somebody else, planted: it ends when its victim signs in.
        async with browser(app) as eve:
            await sign_in(eve, "eve@example.com")
            planted = eve.cookies[cookies.STAFF]
            async with browser(app) as victim:
                victim.cookies.set(cookies.STAFF, planted)
                await sign_in(victim)
                assert len(await sessions_of(db)) == 2
            assert (await eve.get("/admin/account")).status_code == 303


async def test_forged_sign_ins_are_refused(db: Database, database_url: str) -> None:
    await member(db)
    async with running(settings_for(database_url)) as (app, _):
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
            async with client_of(app, **headers) as client:
                assert (await sign_in(client)).status_code == 403
    assert await sessions_of(db) == []


async def test_nobody_learns_which_accounts_exist(db: Database, database_url: str) -> None:
    await member(db)
    await member(db, "new@example.com", password=None)
    closed = await member(db, "closed@example.com")
    async with db.transaction() as tx:
        await tx.execute("UPDATE staff SET active = false WHERE id = $1", closed.id)
    async with running(settings_for(database_url)) as (app, _):
        for path, fields in (
            ("/admin/sign-in", {"password": "something else entirely"}),
            ("/admin/sign-in", {"password": PASSWORD + "?"}),
            ("/admin/forgot-password", {}),
        ):
            seen = set()
            for number, email in enumerate(
                ("ana@example.com", "new@example.com", "closed@example.com", "who@example.com")
            ):
                async with browser(app, address=f"198.51.100.{number}") as client:
                    answer = await client.post(path, data={"email": email, **fields})
                    body = answer.text.replace(email, "...").replace(answer.headers["x-request-id"], "")
                    seen.add((answer.status_code, answer.headers.get("location"), body))
            assert len(seen) == 1, path
        async with browser(app) as client:
            assert (await sign_in(client, "closed@example.com")).status_code == 422
    assert await sessions_of(db, "closed@example.com") == []


@pytest.mark.parametrize("email", ["ana@example.com", "nobody@example.com"])
async def test_who_guesses_waits_for_longer_each_time(db: Database, database_url: str, email: str) -> None:
    await member(db)
    async with running(settings_for(database_url)) as (app, _), browser(app) as client:
        for _ in range(5):
            assert (await sign_in(client, email, "not the password")).status_code == 422
        locked = await sign_in(client, email)
        assert locked.status_code == 429
        assert 25 <= int(locked.headers["retry-after"]) <= 30
        assert "wait" in says(locked)
        waits = []
        for _ in range(9):
            await unlock(db)
            assert (await sign_in(client, email, "not the password")).status_code == 422
            waits.append(int((await sign_in(client, email)).headers["retry-after"]))
        assert [round(wait / 60) for wait in waits] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    told = [(mail.template, mail.recipient, mail.data["what"]) for mail in await sent(db)]
    assert told == ([("security_notice", email, "locked")] if email == "ana@example.com" else [])
    async with db.transaction() as tx:
        assert email not in str(await tx.fetch("SELECT bucket FROM sign_in_failure"))


async def test_nobody_is_kept_out_by_who_fails_in_their_name(db: Database, database_url: str) -> None:
    """From the owner's own browser, and from elsewhere, the account opens while a stranger is made to wait;
    and where strangers at many addresses have used up what all of them have, the owner's browser gets in."""
    await member(db)
    async with running(settings_for(database_url)) as (app, _), browser(app) as owner:
        assert (await sign_in(owner)).status_code == 303
        await owner.post("/admin/sign-out")
        async with browser(app, address="198.51.100.1") as stranger:
            for _ in range(5):
                await sign_in(stranger, password="not the password")
            assert (await sign_in(stranger)).status_code == 429
        async with browser(app, address="198.51.100.2") as elsewhere:
            assert (await sign_in(elsewhere)).status_code == 303
        # From the very network of the stranger: the device is known, the one beside it is not.
        owner_there = browser(
            app, address="198.51.100.1", Cookie=f"{cookies.DEVICE}={owner.cookies[cookies.DEVICE]}"
        )
        async with owner_there as client:
            assert (await sign_in(client)).status_code == 303
        for number in range(100):
            visitor = Visitor("", f"10.1.{number}.0")
            with contextlib.suppress(LockedOut):
                await lockout.attempt(db, email="ana@example.com", visitor=visitor, now=utc_now())
        async with browser(app, address="198.51.100.3") as elsewhere:
            refused = await sign_in(elsewhere)
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) <= 300
        assert (await sign_in(owner)).status_code == 303
        # A device of the owner's is no licence to guess.
        for _ in range(5):
            await sign_in(owner, password="not the password")
        assert (await sign_in(owner)).status_code == 429


async def test_a_device_is_known_by_a_name_that_tells_nothing(db: Database, database_url: str) -> None:
    await member(db)
    async with running(settings_for(database_url)) as (app, _), browser(app) as client:
        await sign_in(client, password="not the password")
        assert cookies.DEVICE not in client.cookies  # only success makes a device known
        await sign_in(client)
        name = client.cookies[cookies.DEVICE]
        async with db.transaction() as tx:
            kept = str([dict(row) for row in await tx.fetch("SELECT * FROM known_device")])
        assert "ana@" not in kept
        assert name not in kept
        for _ in range(60):
            async with browser(app) as another:
                await sign_in(another)
        async with db.transaction() as tx:
            assert await tx.fetchval("SELECT count(*) FROM known_device") == 50


async def test_success_unlocks_the_account_alone(db: Database, database_url: str) -> None:
    await member(db)
    async with running(settings_for(database_url)) as (app, _), browser(app) as client:
        for _ in range(4):
            await sign_in(client, password="not the password")
        await sign_in(client, "who@example.com", "not the password")
        assert (await sign_in(client)).status_code == 303
        # Of the other account: from here, and from all strange devices.
        assert await failures(db) == {"account": [1, 1], "address": [5]}


async def test_an_address_is_locked_whatever_it_claims(db: Database, database_url: str) -> None:
    await member(db)
    async with running(settings_for(database_url)) as (app, _):
        for number in range(25):
            async with browser(app, **{"X-Forwarded-For": f"192.0.2.{number}"}) as client:
                last = await sign_in(client, f"guess{number}@example.com", "not the password")
        assert last.status_code == 429
        assert (await failures(db))["address"] == [20]
        async with browser(app, address="198.51.100.9") as client:
            assert (await sign_in(client)).status_code == 303
    # Behind a proxy that we trust, the visitors are told apart.
    async with running(settings_for(database_url, trusted_proxies=("203.0.113.0/24",))) as (app, _):
        async with browser(app, **{"X-Forwarded-For": "1.2.3.4, 192.0.2.77"}) as client:
            assert (await sign_in(client)).status_code == 303
        assert {row["address"] for row in await sessions_of(db)} == {"198.51.100.9", "192.0.2.77"}


async def test_challenges_are_not_made_without_end(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url)) as (app, _), browser(app) as client:
        answers = [(await client.post("/admin/sign-in/passkey/options")).status_code for _ in range(70)]
        assert (await client.get("/admin/sign-in")).status_code == 200
    assert (answers.count(200), answers.count(403)) == (60, 10)
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM staff_challenge") == 60


async def test_a_whole_hotel_behind_one_address_signs_in(db: Database, database_url: str) -> None:
    people = [f"desk{number}@example.com" for number in range(15)]
    for email in people:
        await member(db, email)
    async with running(settings_for(database_url)) as (app, _):
        for _ in range(3):
            answers = await asyncio.gather(*(signed_in(app, email) for email in people))
            assert answers == [303] * 15
    assert await failures(db) == {"address": [0]}


async def test_guesses_at_once_gain_nothing(db: Database) -> None:
    now = utc_now()

    async def guess(number: int) -> bool:
        elsewhere = Visitor(address="", network=f"10.0.{number}.0")
        try:
            await lockout.attempt(db, email="ana@example.com", visitor=elsewhere, now=now)
        except LockedOut:
            return False
        return True

    # From one network five of forty are judged; from forty networks all forty, and of four hundred a hundred.
    assert sum(await asyncio.gather(*(guess(0) for _ in range(40)))) == 5
    assert sum(await asyncio.gather(*(guess(number) for number in range(1, 36)))) == 35
    assert sum([await guess(number) for number in range(36, 200)]) == 60


async def test_an_unlocked_row_forgets_after_a_day(db: Database) -> None:
    now = utc_now()
    for _ in range(4):
        await lockout.attempt(db, email="ana@example.com", visitor=HERE, now=now)
    for _ in range(4):
        await lockout.attempt(db, email="ana@example.com", visitor=HERE, now=now + timedelta(days=1, hours=1))


async def test_sessions_end_by_themselves(db: Database, database_url: str) -> None:
    ana = await member(db)
    now = utc_now()
    async with db.transaction() as tx:
        token = await start(tx, STAFF, owner_id=ana.id, visitor=HERE, now=now)

    async def alive(at: timedelta) -> bool:
        async with db.transaction() as tx:
            return await sessions.resolve(tx, token=token, now=now + at, mfa_required=True) is not None

    for minutes in range(0, 720, 90):
        assert await alive(timedelta(minutes=minutes))
    assert not await alive(STAFF.lifetime)
    async with db.transaction() as tx:
        await tx.execute("UPDATE staff_session SET last_seen_at = $1", now)
    assert not await alive(timedelta(hours=2, minutes=1))
    async with db.transaction() as tx:
        await lockout.attempt(db, email="ana@example.com", visitor=HERE, now=now)
        assert await purge(tx, now=now + timedelta(days=60)) == 5
    assert await sessions_of(db) == []


async def test_a_closed_account_is_out_at_once(db: Database, database_url: str) -> None:
    ana = await member(db)
    async with running(settings_for(database_url)) as (app, _), browser(app) as client:
        await sign_in(client)
        async with db.transaction() as tx:
            await tx.execute("UPDATE staff SET active = false WHERE id = $1", ana.id)
        assert (await client.get("/admin/account")).status_code == 303


@pytest.mark.parametrize(
    "evil",
    [
        "https://evil.example/admin",
        "//evil.example/admin",
        "/\\evil.example",
        "/admin\\@evil.example",
        "javascript:alert(1)",
        "/adminx",
        "/admin/../../evil",
        "/api/v1/keys",
        "/admin\r\nSet-Cookie: a=b",
        "http:///admin",
        "/admin " * 100,
        "",
    ],
)
async def test_going_on_never_leads_away(db: Database, database_url: str, evil: str) -> None:
    await member(db)
    async with running(settings_for(database_url)) as (app, _), browser(app) as client:
        done = await sign_in(client, next=evil)
        assert (done.status_code, done.headers["location"]) == (303, "/admin")
        done = await client.get("/admin/sign-in", params={"next": evil})
        assert done.headers["location"] == "/admin"


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "at least 10"),
        ("x" * 257, "longer than 256"),
        ("correct horse\x00battery", "can't be typed"),
        (None, "can't be typed"),
        ("password1234", "too easy to guess"),
        ("aaaaaaaaaaaaaaaa", "too easy to guess"),
        ("ana@example.com", "too easy to guess"),
        ("anabekanabek", "too easy to guess"),
    ],
)
async def test_passwords_that_are_soon_guessed(password: object, says: str) -> None:
    with pytest.raises(PasswordTooWeak) as raised:
        await passwords.judge(password, ("ana@example.com", "Ana Bek"))
    assert says in raised.value.detail


@pytest.mark.usefixtures("real_passwords")
@pytest.mark.parametrize(
    "password",
    [
        "8fK#w2!pQz",
        "päron schafft ölgötze",
        *(
            pytest.param(password, marks=pytest.mark.nightly)
            for password in (PASSWORD, "ochre lantern " * 18)
        ),
    ],
)
async def test_passwords_that_will_do(password: str) -> None:
    stored = await passwords.hashed(await passwords.judge(password, ("ana@example.com", "Ana Bek")))
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (await passwords.compare(password, stored)).fits
    assert not (await passwords.compare(password + " ", stored)).fits
    for other in (None, 7, "", "\x00", "\ud800", "x" * 100_000, password[:-1]):
        assert not (await passwords.compare(other, stored)).fits
        assert not (await passwords.compare(other, None)).fits


@pytest.mark.usefixtures("real_passwords")
async def test_an_old_hash_is_replaced_when_its_owner_signs_in(db: Database, database_url: str) -> None:
    ana = await member(db)
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    async with db.transaction() as tx:
        await tx.execute("UPDATE staff SET password_hash = $2 WHERE id = $1", ana.id, old)
    async with running(settings_for(database_url)) as (app, _), browser(app) as client:
        assert (await sign_in(client)).status_code == 303
        async with db.transaction() as tx:
            new = await tx.fetchval("SELECT password_hash FROM staff")
        assert "m=19456,t=2,p=1" in new
        assert (await sign_in(client)).status_code == 303


@pytest.mark.usefixtures("real_passwords")
async def test_the_same_work_for_accounts_that_do_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    real = PasswordHasher.verify

    def counted(self: object, stored: str, password: bytes) -> bool:
        compared.append(stored.split("$")[3])
        return real(cast("PasswordHasher", self), stored, password)

    stored = await passwords.hashed(PASSWORD)
    monkeypatch.setattr(PasswordHasher, "verify", counted)
    for candidate in (stored, None):
        await passwords.compare("whatever it is", candidate)
    await passwords.compare("x" * 5000, stored)
    assert compared == ["m=19456,t=2,p=1"] * 3


async def test_owners_set_up_a_second_factor_before_anything_else(db: Database, database_url: str) -> None:
    await member(db, "boss@example.com", Grant(Role.OWNER))
    async with running(settings_for(database_url)) as (app, _), browser(app) as client:
        await sign_in(client, "boss@example.com")
        for path in ("/admin/keys", "/admin/jobs"):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/admin/account/second-factor")
        assert "Your role needs a second factor" in (await client.get("/admin/account/second-factor")).text
        assert (await client.get("/admin/account")).status_code == 200
        assert (await client.post("/admin/sign-out")).status_code == 303
    async with running(settings_for(database_url, mfa_required=False)) as (app, _), browser(app) as client:
        await sign_in(client, "boss@example.com")
        assert (await client.get("/admin/keys")).status_code == 200


async def test_sign_out_everywhere(db: Database, database_url: str) -> None:
    await member(db)
    await member(db, "bo@example.com")
    async with running(settings_for(database_url)) as (app, one):
        one.headers.update(BROWSER)
        async with browser(app) as two, browser(app) as bo:
            await sign_in(one)
            await sign_in(two)
            await sign_in(bo, "bo@example.com")
            first, second = await sessions_of(db)
            foreign = (await sessions_of(db, "bo@example.com"))[0]["id"]
            assert (await one.post(f"/admin/account/sessions/{foreign}/end")).status_code == 404
            assert len(await sessions_of(db, "bo@example.com")) == 1
            assert (await one.post(f"/admin/account/sessions/{second['id']}/end")).status_code == 303
            assert (await two.get("/admin/account")).status_code == 303
            await sign_in(two)
            assert (await one.post("/admin/account/sessions/end-others")).status_code == 303
            assert (await two.get("/admin/account")).status_code == 303
            assert (await one.get("/admin/account")).status_code == 200
            await sign_in(two)
            assert (await one.post("/admin/account/sessions/end-all")).status_code == 303
            for client in (one, two):
                assert (await client.get("/admin/account")).status_code == 303
            assert (await bo.get("/admin/account")).status_code == 200
    assert [row["id"] for row in await sessions_of(db)] == []
    assert first["id"] != second["id"]


@pytest.mark.parametrize(
    "email", ["\x00", "a\x00@b.example", "x" * 300, "\ud83d", "ü@example.com", "' OR 1=1"]
)
async def test_strange_addresses_are_no_fault_of_ours(db: Database, database_url: str, email: str) -> None:
    body = {"email": email.encode("utf-8", "replace").decode(), "password": "p\x00ü" * 50}
    async with running(settings_for(database_url)) as (app, _), browser(app) as client:
        for path in ("/admin/sign-in", "/admin/forgot-password"):
            assert (await client.post(path, data=body)).status_code in (303, 422)
        assert (await client.post("/admin/sign-in", json={"email": 7})).status_code == 415


async def signed_in(app: Application, email: str) -> int:
    async with browser(app) as client:
        return (await sign_in(client, email)).status_code


async def unlock(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE sign_in_failure SET locked_until = NULL,"
            "  failures = CASE WHEN account IS NULL THEN 0 ELSE failures END"
        )


async def failures(db: Database) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    async with db.transaction() as tx:
        for row in await tx.fetch("SELECT split_part(bucket, ':', 1) AS kind, failures FROM sign_in_failure"):
            found.setdefault(row["kind"], []).append(row["failures"])
    return found


async def test_what_has_ended_is_cleared_away_by_a_job(db: Database, database_url: str) -> None:
    ana = await member(db)
    async with db.transaction() as tx:
        long_ago = utc_now() - timedelta(days=3)
        await start(tx, STAFF, owner_id=ana.id, visitor=HERE, now=long_ago)
        await start(tx, STAFF, owner_id=ana.id, visitor=HERE, now=utc_now())
    async with worker.application(database_url).open_async() as jobs:
        await jobs.configure_task("identity:purge").defer_async(timestamp=0)
    await run_jobs(db, database_url, "identity", clock=utc_now)
    assert len(await sessions_of(db)) == 1
