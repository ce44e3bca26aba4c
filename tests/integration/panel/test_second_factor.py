"""Codes, recovery codes and proving again: each opens once, and nothing opens without them."""

from __future__ import annotations

import asyncio
import re
import subprocess
from datetime import datetime, timedelta

import httpx
import pyotp
import pytest

from hotel_booking.core import sealing
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.authentication.errors import ConfirmIdentity
from hotel_booking.domains.identity import accounts
from hotel_booking.domains.identity.caller import ANONYMOUS, Caller
from hotel_booking.domains.identity.service import second_factor
from hotel_booking.domains.identity.service.confirmation import require_recent
from hotel_booking.http import cookies
from tests.clients.command_line import command
from tests.clients.http_client import running, settings_for
from tests.clients.outbox import sent
from tests.factories.staff_accounts import (
    PASSWORD,
    SECRET_KEY,
    browser,
    member,
    says,
    sessions_of,
    sign_in,
)

SETTINGS = {"secret_key": SECRET_KEY}
STEP = "/admin/sign-in/second-step"


async def with_app(db: Database, email: str = "ana@example.com") -> tuple[pyotp.TOTP, list[str]]:
    """An account with an authenticator app: the app, and the recovery codes."""
    await member(db, email)
    long_ago = utc_now() - timedelta(hours=1)
    async with db.transaction() as tx:
        ana = await accounts.staff_by_email(tx, email)
        assert ana is not None
        setup = await second_factor.begin_totp(tx, member=ana, secret_key=SECRET_KEY)
        app = pyotp.TOTP(setup.secret.replace(" ", ""))
        codes = await second_factor.confirm_totp(
            tx, member=ana, code=app.at(long_ago), secret_key=SECRET_KEY, now=long_ago
        )
    return app, codes


def code(app: pyotp.TOTP, at: datetime | None = None) -> str:
    return app.at(at or utc_now())


async def test_a_session_opens_nothing_before_its_second_step(db: Database, database_url: str) -> None:
    app, _ = await with_app(db)
    async with running(settings_for(database_url, **SETTINGS)) as (web, _), browser(web) as client:
        first = await sign_in(client, next="/admin/account")
        assert first.headers["location"] == f"{STEP}?next=%2Fadmin%2Faccount"
        half = client.cookies[cookies.STAFF]
        # The first step opens nothing but the second.
        for path in ("/admin", "/admin/account", "/admin/keys", "/admin/confirm"):
            assert (await client.get(path)).headers["location"].startswith("/admin/sign-in")
        assert (await client.post("/admin/account/sessions/end-all")).status_code == 303
        assert len(await sessions_of(db)) == 1
        assert (await client.get(STEP)).status_code == 200
        done = await client.post(STEP, data={"code": code(app), "next": "/admin/account"})
        assert (done.status_code, done.headers["location"]) == (303, "/admin/account")
        assert client.cookies[cookies.STAFF] != half
        assert (await client.get("/admin/account")).status_code == 200
        assert [row["level"] for row in await sessions_of(db)] == ["full"]
        # The token of the step before is dead.
        async with browser(web, Cookie=f"{cookies.STAFF}={half}") as old:
            assert (await old.get(STEP)).headers["location"].startswith("/admin/sign-in")
            assert (await old.post(STEP, data={"code": code(app)})).status_code == 303
    assert len(await sessions_of(db)) == 1


async def test_the_second_step_cannot_be_taken_first(database_url: str) -> None:
    async with running(settings_for(database_url, **SETTINGS)) as (web, _), browser(web) as client:
        for answer in (
            await client.get(STEP),
            await client.post(STEP, data={"code": "123456"}),
            await client.post(f"{STEP}/passkey/options"),
            await client.post(f"{STEP}/passkey", data={"credential": "{}"}),
        ):
            assert (answer.status_code, answer.headers["location"][:14]) == (303, "/admin/sign-in")


async def test_a_code_opens_once(db: Database, database_url: str) -> None:
    app, _ = await with_app(db)
    async with running(settings_for(database_url, **SETTINGS)) as (web, _):
        used = code(app)
        for expected in (303, 422):
            async with browser(web) as client:
                await sign_in(client)
                answer = await client.post(STEP, data={"code": f" {used[:3]} {used[3:]} "})
                assert answer.status_code == expected
        assert "already been used" in says(answer)


@pytest.mark.parametrize(("minutes", "fits"), [(-1.1, False), (-0.5, True), (0.5, True), (1.1, False)])
async def test_a_clock_may_be_off_a_little(db: Database, minutes: float, fits: bool) -> None:
    app, _ = await with_app(db)
    now = utc_now().replace(second=15)
    async with db.transaction() as tx:
        ana = await accounts.staff_by_email(tx, "ana@example.com")
        assert ana is not None
        assert fits is await second_factor.check_totp(
            tx,
            staff_id=ana.id,
            code=code(app, now + timedelta(minutes=minutes)),
            secret_key=SECRET_KEY,
            now=now,
        )


async def test_who_knows_the_password_does_not_guess_the_code(db: Database, database_url: str) -> None:
    app, _ = await with_app(db)
    async with running(settings_for(database_url, **SETTINGS)) as (web, _):
        tried = 0
        for number in range(12):
            async with browser(web, address=f"198.51.100.{number}") as client:
                if (await sign_in(client)).status_code != 303:
                    continue
                wrong = f"{(int(code(app)) + 1) % 10**6:06}"
                tried += (await client.post(STEP, data={"code": wrong})).status_code == 422
        assert tried == 5
        async with browser(web) as client:
            assert (await sign_in(client)).status_code == 303  # which opens nothing by itself
            assert (await client.post(STEP, data={"code": code(app)})).status_code == 429
    assert [(mail.template, mail.data["what"]) for mail in await sent(db)] == [("security_notice", "locked")]


async def test_a_recovery_code_opens_once(db: Database, database_url: str) -> None:
    _, codes = await with_app(db)
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){5}", one) for one in codes)
    async with running(settings_for(database_url, **SETTINGS)) as (web, _):
        for typed, expected in ((codes[3].upper().replace("-", " "), 303), (codes[3], 422), (codes[4], 303)):
            async with browser(web) as client:
                await sign_in(client)
                assert (await client.post(STEP, data={"code": typed})).status_code == expected
        async with browser(web) as client:
            await sign_in(client)
            for junk in ("", "\x00", "a" * 16, "a" * 24, "0" * 5000, "ümlaut"):
                assert (await client.post(STEP, data={"code": junk})).status_code == 422
    async with db.transaction() as tx:
        stored = str(await tx.fetch("SELECT * FROM staff_recovery_code"))
    assert codes[5].replace("-", "") not in stored.lower()
    assert [mail.data["what"] for mail in await sent(db)] == ["recovery_code_used"] * 2


async def test_a_shorter_recovery_code_of_an_earlier_release_opens_once(db: Database) -> None:
    await with_app(db)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO staff_recovery_code (staff_id, code_hash)"
            " SELECT id, sha256('ABCDEFGHIJKLMNOP') FROM staff"
        )
        staff_id = await tx.fetchval("SELECT id FROM staff")
        opened = [
            await second_factor.use_recovery_code(
                tx, staff_id=staff_id, code="abcd-efgh-ijkl-mnop", now=utc_now()
            )
            for _ in range(2)
        ]
    assert opened == [True, False]


async def test_setting_up_an_app(db: Database, database_url: str) -> None:
    await member(db)
    settings = settings_for(database_url, **SETTINGS)
    async with running(settings) as (web, _), browser(web) as other, browser(web) as client:
        await sign_in(other)
        await sign_in(client)
        begun = await client.post("/admin/account/second-factor/app")
        assert begun.headers["location"] == "/admin/account/second-factor/app"
        page = await client.get("/admin/account/second-factor/app")
        assert page.status_code == 200
        assert 'viewBox="0 0' in page.text  # with a viewBox it scales; without it would be cut off
        assert "style=" not in page.text
        secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page.text)
        assert secret is not None
        app = pyotp.TOTP(secret[1].replace(" ", ""))
        # Not asked for until it has given one code.
        async with browser(web) as third:
            assert (await sign_in(third)).headers["location"] == "/admin"
        wrong = await client.post("/admin/account/second-factor/app/confirm", data={"code": "000000"})
        assert wrong.status_code == 422
        assert secret[1] in wrong.text
        done = await client.post("/admin/account/second-factor/app/confirm", data={"code": code(app)})
        assert done.status_code == 200
        codes = re.findall(r"<li>([a-z2-7-]{29})</li>", done.text)
        assert len(codes) == 10
        # Sessions that were opened with less than is asked for now are over; this one goes on.
        assert (await other.get("/admin/account")).status_code == 303
        assert "10 left" in says(await client.get("/admin/account/second-factor"))
        again = await client.post("/admin/account/second-factor/app")
        assert (again.status_code, "already set up" in says(again)) == (422, True)
        renewed = await client.post("/admin/account/second-factor/recovery-codes")
        assert codes[0] not in renewed.text
        gone = await client.post("/admin/account/second-factor/app/remove")
        assert gone.status_code == 303
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM staff_recovery_code") == 0
        assert await tx.fetchval("SELECT totp_secret FROM staff") is None
    assert [mail.data["what"] for mail in await sent(db)] == [
        "app_added",
        "recovery_codes_renewed",
        "app_removed",
    ]


async def test_without_a_key_no_app_is_set_up(db: Database, database_url: str) -> None:
    await member(db)
    async with running(settings_for(database_url)) as (web, _), browser(web) as client:
        await sign_in(client)
        refused = await client.post("/admin/account/second-factor/app")
        assert refused.status_code == 422
        assert "HOTEL_SECRET_KEY" in says(refused)


def test_a_sealed_secret_opens_by_its_key_and_purpose_alone() -> None:
    sealed = sealing.seal(SECRET_KEY, b"a secret", purpose="one")
    assert b"a secret" not in sealed
    assert sealed != sealing.seal(SECRET_KEY, b"a secret", purpose="one")
    assert sealing.unseal(SECRET_KEY, sealed, purpose="one") == b"a secret"
    assert sealing.unseal(SECRET_KEY, sealed, purpose="two") is None
    assert sealing.unseal(SECRET_KEY + "x", sealed, purpose="one") is None
    assert sealing.unseal(SECRET_KEY, sealed[:-1] + b"x", purpose="one") is None
    assert sealing.unseal(None, sealed, purpose="one") is None
    assert sealing.unseal(SECRET_KEY, b"", purpose="one") is None


async def test_a_lost_key_locks_out_codes_but_not_recovery_codes(db: Database, database_url: str) -> None:
    app, codes = await with_app(db)
    other = settings_for(database_url, secret_key="another key of more than thirty-two characters")
    async with running(other) as (web, _), browser(web) as client:
        await sign_in(client)
        assert (await client.post(STEP, data={"code": code(app)})).status_code == 422
        assert (await client.post(STEP, data={"code": codes[0]})).status_code == 303


def test_recent_is_ten_minutes() -> None:
    now = utc_now()
    require_recent(Caller(kind="staff", confirmed_at=now - timedelta(minutes=10)), now)
    for stale in (ANONYMOUS, Caller(kind="staff", confirmed_at=now - timedelta(minutes=10, seconds=1))):
        with pytest.raises(ConfirmIdentity):
            require_recent(stale, now)


async def stale(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("UPDATE staff_session SET confirmed_at = confirmed_at - interval '11 minutes'")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/account/password"),
        ("POST", "/admin/account/password"),
        ("POST", "/admin/account/second-factor/app"),
        ("POST", "/admin/account/second-factor/app/confirm"),
        ("POST", "/admin/account/second-factor/app/remove"),
        ("POST", "/admin/account/second-factor/passkeys"),
        ("POST", "/admin/account/second-factor/passkeys/options"),
        ("POST", "/admin/account/second-factor/passkeys/1/remove"),
        ("POST", "/admin/account/second-factor/recovery-codes"),
    ],
)
async def test_dangerous_acts_ask_again(db: Database, database_url: str, method: str, path: str) -> None:
    await with_app(db)
    async with running(settings_for(database_url, **SETTINGS)) as (web, _), browser(web) as client:
        await full(client, db)
        await stale(db)
        before = await fingerprint(db)
        headers = {"Referer": "http://test/admin/account/second-factor"}
        if method == "GET":
            answer = await client.get(path, headers=headers)
        else:
            new = "another good password here"
            answer = await client.post(path, headers=headers, data={"password": new, "again": new})
        back = path if method == "GET" else "/admin/account/second-factor"
        assert (answer.status_code, answer.headers["location"]) == (303, f"/admin/confirm?next={back}")
        assert await fingerprint(db) == before


async def test_what_is_dangerous_asks_for_both_proofs_again(db: Database, database_url: str) -> None:
    await with_app(db)
    async with running(settings_for(database_url, **SETTINGS)) as (web, _), browser(web) as client:
        codes = await full(client, db)
        await stale(db)
        assert (await client.get("/admin/confirm?next=/admin/account/password")).status_code == 200
        token = client.cookies[cookies.STAFF]
        for wrong in (
            {"password": "not the password", "code": codes[0]},
            {"password": PASSWORD, "code": ""},
            {"password": PASSWORD, "code": "123456"},
            {"password": "", "code": codes[0]},
        ):
            assert (await client.post("/admin/confirm", data=wrong)).status_code == 422
        assert (await client.get("/admin/account/password")).status_code == 303
        right = {"password": PASSWORD, "code": codes[0], "next": "/admin/account/password"}
        done = await client.post("/admin/confirm", data=right)
        assert (done.status_code, done.headers["location"]) == (303, "/admin/account/password")
        assert client.cookies[cookies.STAFF] != token
        assert (await client.get("/admin/account/password")).status_code == 200
        away = await client.post("/admin/confirm", data={**right, "code": codes[1], "next": "//evil.example"})
        assert away.headers["location"] == "/admin"


async def test_a_stolen_session_does_not_guess_the_password(db: Database, database_url: str) -> None:
    await member(db)
    async with running(settings_for(database_url)) as (web, _), browser(web) as client:
        await sign_in(client)
        answers = [
            (await client.post("/admin/confirm", data={"password": f"guess {number}"})).status_code
            for number in range(7)
        ]
    assert answers == [422] * 5 + [429] * 2
    assert [mail.data["what"] for mail in await sent(db)] == ["locked"]


async def test_changing_the_password(db: Database, database_url: str) -> None:
    await member(db)
    new = "velvet harbour nineteen"
    async with running(settings_for(database_url)) as (web, _), browser(web) as other, browser(web) as client:
        await sign_in(other)
        await sign_in(client)
        for data, text in (
            ({"password": new, "again": new + "x"}, "match the one above"),
            ({"password": "short", "again": "short"}, "at least 10"),
            ({"password": "ana@example.com", "again": "ana@example.com"}, "too easy to guess"),
        ):
            refused = await client.post("/admin/account/password", data=data)
            assert (refused.status_code, text in says(refused)) == (422, True)
        done = await client.post("/admin/account/password", data={"password": new, "again": new})
        assert done.status_code == 303
        assert (await client.get("/admin/account")).status_code == 200
        assert (await other.get("/admin/account")).status_code == 303
        assert (await sign_in(other)).status_code == 422
        assert (await sign_in(other, password=new)).status_code == 303
    assert [mail.data["what"] for mail in await sent(db)] == ["password_changed"]


async def full(client: httpx.AsyncClient, db: Database) -> list[str]:
    """Sign in completely, by a recovery code; those that are left."""
    async with db.transaction() as tx:
        ana = await accounts.staff_by_email(tx, "ana@example.com")
        assert ana is not None
        *left, last = await second_factor.new_recovery_codes(tx, staff_id=ana.id)
    await sign_in(client)
    assert (await client.post(STEP, data={"code": last})).status_code == 303
    return left


async def fingerprint(db: Database) -> list[str]:
    async with db.transaction() as tx:
        return [
            str(await tx.fetch(f"SELECT * FROM {table} ORDER BY 1, 2"))
            for table in ("staff", "staff_passkey", "staff_recovery_code", "staff_challenge", "staff_token")
        ]


async def test_after_the_secret_key_was_changed_the_same_app_lets_in_again(
    db: Database, database_url: str
) -> None:
    app, _ = await with_app(db)
    anew = "another key of the platform, of thirty-two characters and more"

    async def reencrypted(before: str) -> subprocess.CompletedProcess[str]:
        environ = {"DATABASE_URL": database_url, "HOTEL_SECRET_KEY": anew, "HOTEL_SECRET_KEY_BEFORE": before}
        return await asyncio.to_thread(lambda: command("staff", "reencrypt", seconds=60, **environ))

    async with running(settings_for(database_url, secret_key=anew)) as (web, _), browser(web) as client:
        await sign_in(client, next="/admin")
        assert (await client.post(STEP, data={"code": code(app)})).status_code == 422
        # With a wrong key before nobody's app is touched, and whose it is stands there.
        wrong = await reencrypted("a key that never was one of this platform, and is long enough")
        assert wrong.returncode == 1
        assert "neither key opens 1 other: ana@example.com" in wrong.stderr
        right = await reencrypted(SECRET_KEY)
        assert right.stdout == "1 authenticator app encrypted by the new key; 0 had it already.\n", (
            right.stderr
        )
        again = await reencrypted(SECRET_KEY)
        assert again.stdout == "0 authenticator apps encrypted by the new key; 1 had it already.\n"
        done = await client.post(STEP, data={"code": code(app), "next": "/admin/account"})
        assert (done.status_code, done.headers["location"]) == (303, "/admin/account")
