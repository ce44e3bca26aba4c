"""Invitations, links by mail, and who may give which role to whom."""

from __future__ import annotations

import asyncio
import re
import subprocess
from datetime import timedelta
from typing import Any

import pytest

from hotel_booking.admin.browsers import browser_of
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.authentication.errors import LinkNotValid, PasswordTooWeak
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service import links, new_password
from hotel_booking.domains.authentication.service.lockout import Visitor
from hotel_booking.domains.authentication.service.sessions import start
from hotel_booking.domains.identity import accounts
from hotel_booking.domains.identity.caller import Caller, Grant
from hotel_booking.domains.identity.errors import (
    GrantNotYours,
    InvalidStaff,
    LastOwner,
    OwnGrants,
    StaffChanged,
    StaffExists,
    StaffNotFound,
    UnknownProperties,
)
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.identity.service import sessions, staff
from tests.clients.command_line import command
from tests.clients.http_client import running, settings_for
from tests.clients.jobs import mail_links
from tests.clients.outbox import sent
from tests.clients.staff_client import signed_in
from tests.factories.small_hotel import small_hotel
from tests.factories.staff_accounts import (
    PASSWORD,
    browser,
    member,
    says,
    sessions_of,
    sign_in,
)

HERE = Visitor("203.0.113.7", "203.0.113.7")
NEW = "velvet harbour nineteen"


def caller(staff_id: int, *grants: Grant) -> Caller:
    return Caller(kind="staff", staff_id=staff_id, grants=grants)


async def issue(db: Database, staff_id: int, kind: str = "password_reset") -> str:
    async with db.transaction() as tx:
        return await links.issue(tx, STAFF, owner_id=staff_id, kind=kind, now=utc_now())


async def test_an_invitation_lets_somebody_in_once(db: Database, database_url: str) -> None:
    async with db.transaction() as tx:
        invited = await staff.invite(
            tx,
            email=" Bo@Example.com ",
            name="Bo",
            grants=[Grant(Role.FRONT_DESK)],
            by=None,
            now=utc_now(),
        )
        assert invited.token not in str(await tx.fetch("SELECT * FROM staff_token"))
    assert invited.staff.email == "bo@example.com"
    path = f"/admin/invitation/{invited.token}"
    async with running(settings_for(database_url)) as (web, _), browser(web) as client:
        assert (await sign_in(client, "bo@example.com", "")).status_code == 422
        for _ in range(2):  # looking, as a mail scanner does, uses nothing up
            assert "Welcome, Bo" in says(await client.get(path))
        for data, text in (
            ({"password": NEW, "again": "another one"}, "match the one above"),
            ({"password": "bo@example.com", "again": "bo@example.com"}, "too easy to guess"),
            ({"password": "", "again": ""}, "at least 10"),
        ):
            refused = await client.post(path, data=data)
            assert (refused.status_code, text in says(refused)) == (422, True)
        assert (await client.get(f"/admin/password/{invited.token}")).status_code == 404
        done = await client.post(path, data={"password": NEW, "again": NEW})
        assert (done.status_code, done.headers["location"]) == (303, "/admin")
        assert (await client.get("/admin/account")).status_code == 200
        assert (await client.get(path)).status_code == 404
        assert (await client.post(path, data={"password": NEW, "again": NEW})).status_code == 404
        assert (await sign_in(client, "bo@example.com", NEW)).status_code == 303


async def test_a_reset_changes_everything(db: Database, database_url: str) -> None:
    await member(db)
    async with running(settings_for(database_url)) as (web, _), browser(web) as old:
        await sign_in(old)
        for _ in range(5):
            await sign_in(old, password="not the password")
        assert (await sign_in(old)).status_code == 429
        asked = await old.post("/admin/forgot-password", data={"email": "Ana@example.com "})
        assert asked.headers["location"] == "/admin/forgot-password?sent=1"
        assert "on its way" in says(await old.get(asked.headers["location"]))
        await mail_links(db, database_url)
        mail = (await sent(db))[-1]
        assert (mail.template, mail.recipient) == ("password_reset", "ana@example.com")
        path = mail.data["link"].removeprefix("http://localhost:8000")
        done = await old.post(path, data={"password": NEW, "again": NEW})
        assert done.headers["location"] == "/admin/sign-in"
        assert await sessions_of(db) == []
        assert (await old.get("/admin/account")).status_code == 303
        assert (await sign_in(old)).status_code == 422
        assert (await sign_in(old, password=NEW)).status_code == 303  # the lock is off too
        assert (await old.post(path, data={"password": PASSWORD, "again": PASSWORD})).status_code == 404
    told = [mail.data.get("what") for mail in await sent(db)]
    assert told == ["locked", None, "password_changed"]


async def test_asking_for_resets_has_limits(db: Database, database_url: str) -> None:
    await member(db)
    async with running(settings_for(database_url)) as (web, _):

        async def ask(email: str, address: str) -> int:
            async with browser(web, address=address) as client:
                return (await client.post("/admin/forgot-password", data={"email": email})).status_code

        async def later() -> None:
            async with db.transaction() as tx:
                await tx.execute(
                    "UPDATE sign_in_failure SET failed_at = failed_at - interval '31 s'"
                    " WHERE bucket LIKE 'asked:%'"
                )

        answers = []
        for number in range(5):
            answers.append(await ask("ana@example.com", f"198.51.100.{number}"))
            await later()
        assert answers == [303] * 5  # the same answer; but no more mails
        await mail_links(db, database_url)
        assert len(await sent(db)) == 3
        answers = await asyncio.gather(*(ask(f"who{n}@example.com", "203.0.113.9") for n in range(12)))
        assert sorted(answers) == [303] * 10 + [429] * 2


async def test_a_button_that_is_pressed_thrice_mails_once_and_says_the_same(
    db: Database, database_url: str
) -> None:
    await member(db)
    await member(db, "bea@example.com")
    async with running(settings_for(database_url)) as (web, _), browser(web) as client:
        forms = [client.post("/admin/forgot-password", data={"email": "ana@example.com"}) for _ in range(2)]
        answers = [*await asyncio.gather(*forms)]
        await mail_links(db, database_url)  # the first is sent, and gone from the table
        others = ("ANA@example.com", "bea@example.com", "who@example.com", "who@example.com")
        answers += [await client.post("/admin/forgot-password", data={"email": email}) for email in others]
    assert {(answer.status_code, answer.headers["location"]) for answer in answers} == {
        (303, "/admin/forgot-password?sent=1")
    }
    await mail_links(db, database_url)
    assert [mail.recipient for mail in await sent(db)] == ["ana@example.com", "bea@example.com"]


async def test_a_reset_is_the_same_work_for_all(db: Database, database_url: str) -> None:
    """What a request writes, and so how long it takes, does not depend on whether there is an account; a job
    finds that out later."""
    ana = await member(db)
    await member(db, "closed@example.com")
    async with db.transaction() as tx:
        await tx.execute("UPDATE staff SET active = false WHERE id <> $1", ana.id)
    written: list[list[int]] = []
    async with running(settings_for(database_url)) as (web, _):
        for email in ("ana@example.com", "closed@example.com", "who@example.com"):
            async with browser(web, address=f"198.51.100.{len(written)}") as client:
                before = await tables(db)
                await client.post("/admin/forgot-password", data={"email": email})
                written.append([now - then for now, then in zip(await tables(db), before, strict=True)])
    assert written[0] == written[1] == written[2]
    assert sum(written[0]) > 0
    await mail_links(db, database_url)
    assert [(mail.template, mail.recipient) for mail in await sent(db)] == [
        ("password_reset", "ana@example.com")
    ]
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM link_request") == 0


async def tables(db: Database) -> list[int]:
    """How many rows each table has."""
    async with db.transaction() as tx:
        names = await tx.fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace ="
            " 'public'::regnamespace ORDER BY 1"
        )
        return [await tx.fetchval(f'SELECT count(*) FROM "{row["relname"]}"') for row in names]


async def test_links_that_open_nothing(db: Database) -> None:
    ana = await member(db)
    now = utc_now()
    lapsing = await issue(db, ana.id)
    async with db.transaction() as tx:
        found = await links.find(tx, STAFF, token=lapsing, kind="password_reset", now=now)
        assert found.holder is not None
        assert found.holder.id == ana.id
        for token, kind, at in (
            (lapsing, "password_reset", now + timedelta(hours=1, seconds=1)),
            (lapsing, "invitation", now),
            (lapsing[:-1], "password_reset", now),
            ("", "password_reset", now),
            ("ü\x00" * 9, "password_reset", now),
            ("x" * 5000, "password_reset", now),
        ):
            with pytest.raises(LinkNotValid):
                await links.find(tx, STAFF, token=token, kind=kind, now=at)
    newer = await issue(db, ana.id)
    with pytest.raises(LinkNotValid):  # the newer link took its place
        await new_password.choose(db, STAFF, token=lapsing, kind="password_reset", password=NEW, now=now)
    with pytest.raises(PasswordTooWeak):
        await new_password.choose(db, STAFF, token=newer, kind="password_reset", password="short", now=now)

    async def use() -> bool:
        try:
            await new_password.choose(db, STAFF, token=newer, kind="password_reset", password=NEW, now=now)
        except LinkNotValid:
            return False
        return True

    assert sorted(await asyncio.gather(*(use() for _ in range(5)))) == [False] * 4 + [True]


async def test_a_closed_account_gets_no_link(db: Database) -> None:
    ana = await member(db)
    token = await issue(db, ana.id)
    async with db.transaction() as tx:
        await staff.deactivate(tx, staff_id=ana.id, by=None)
        await staff.reactivate(tx, staff_id=ana.id, by=None)
        with pytest.raises(LinkNotValid):
            await links.find(tx, STAFF, token=token, kind="password_reset", now=utc_now())
        await staff.deactivate(tx, staff_id=ana.id, by=None)
        assert (
            await links.ask(tx, STAFF, asked="staff_password", email="ana@example.com", now=utc_now()) is None
        )


async def test_nobody_gives_more_than_they_have(db: Database) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        here = await tx.fetchval("SELECT id FROM property")
    boss = await member(db, "boss@example.com", Grant(Role.OWNER))
    manager = await member(db, "manager@example.com", Grant(Role.MANAGER, here))
    desk = await member(db, "desk@example.com", Grant(Role.FRONT_DESK, here))
    group_desk = await member(db, "group@example.com", Grant(Role.FRONT_DESK), Grant(Role.REVENUE, here))
    as_boss = caller(boss.id, Grant(Role.OWNER))
    as_manager = caller(manager.id, Grant(Role.MANAGER, here))
    as_desk = caller(desk.id, Grant(Role.FRONT_DESK, here))

    async def change(by: Caller, who: int, *grants: Grant, version: int | None = None) -> type[Any] | None:
        try:
            async with db.transaction() as tx:
                await staff.change_grants(tx, staff_id=who, grants=grants, by=by, version=version)
        except DomainError as error:
            return type(error)
        return None

    assert await change(as_manager, desk.id, Grant(Role.OWNER)) is GrantNotYours
    assert await change(as_manager, desk.id, Grant(Role.OWNER, here)) is GrantNotYours
    assert await change(as_manager, desk.id, Grant(Role.READ_ONLY)) is GrantNotYours
    assert await change(as_manager, manager.id, Grant(Role.READ_ONLY, here)) is OwnGrants
    assert await change(as_manager, boss.id) is StaffNotFound
    assert await change(as_manager, 999) is StaffNotFound
    assert await change(as_manager, group_desk.id) is GrantNotYours  # would take the group's role
    assert await change(as_manager, group_desk.id, Grant(Role.FRONT_DESK)) is None
    assert await change(as_manager, group_desk.id) is StaffNotFound  # no role here any more
    assert await change(as_desk, group_desk.id) is StaffNotFound
    assert await change(as_boss, desk.id, Grant(Role.REVENUE, 999_999)) is UnknownProperties
    assert await change(as_manager, desk.id, Grant(Role.REVENUE, here), version=1) is None
    assert await change(as_manager, desk.id, Grant(Role.FINANCE, here), version=1) is StaffChanged
    async with db.transaction() as tx:
        found = await accounts.staff_by_id(tx, desk.id)
        assert found is not None
        assert [(grant.role, grant.property_id) for grant in found.grants] == [(Role.REVENUE, here)]
        with pytest.raises(GrantNotYours):
            await staff.invite(
                tx,
                email="new@example.com",
                name="New",
                grants=[Grant(Role.OWNER, here)],
                by=as_manager,
                now=utc_now(),
            )
        with pytest.raises(StaffNotFound):
            await staff.deactivate(tx, staff_id=boss.id, by=as_manager)
        with pytest.raises(OwnGrants):
            await staff.deactivate(tx, staff_id=boss.id, by=as_boss)


async def test_the_last_group_owner_stays(db: Database) -> None:
    one = await member(db, "one@example.com", Grant(Role.OWNER))
    two = await member(db, "two@example.com", Grant(Role.OWNER))

    async def leave(who: int, by: int, *, close: bool) -> str:
        try:
            async with db.transaction() as tx:
                if close:
                    await staff.deactivate(tx, staff_id=who, by=caller(by, Grant(Role.OWNER)))
                else:
                    await staff.change_grants(
                        tx,
                        staff_id=who,
                        grants=[Grant(Role.READ_ONLY)],
                        by=caller(by, Grant(Role.OWNER)),
                    )
        except LastOwner:
            return "last owner"
        return "gone"

    both = await asyncio.gather(leave(one.id, two.id, close=True), leave(two.id, one.id, close=False))
    assert sorted(both) == ["gone", "last owner"]
    async with db.transaction() as tx:
        with pytest.raises(LastOwner):
            await staff.deactivate(tx, staff_id=one.id if both[0] != "gone" else two.id, by=None)


async def test_closing_an_account_signs_it_out(db: Database) -> None:
    ana = await member(db)
    now = utc_now()
    async with db.transaction() as tx:
        token = await start(tx, STAFF, owner_id=ana.id, visitor=HERE, now=now)
        await staff.deactivate(tx, staff_id=ana.id, by=None)
        assert await sessions.resolve(tx, token=token, now=now, mfa_required=False) is None
        await staff.reactivate(tx, staff_id=ana.id, by=None)
        assert await sessions.resolve(tx, token=token, now=now, mfa_required=False) is None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"email": "no address"}, InvalidStaff),
        ({"email": "a@b"}, InvalidStaff),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, InvalidStaff),
        ({"email": "x" * 250 + "@example.com"}, InvalidStaff),
        ({"email": "a\x00@example.com"}, InvalidStaff),
        ({"name": " "}, InvalidStaff),
        ({"name": "x" * 201}, InvalidStaff),
        ({"name": "a\x00"}, InvalidStaff),
        ({"language": "xx; DROP"}, InvalidStaff),
        ({"grants": []}, InvalidStaff),
        ({"grants": [Grant(Role.OWNER, 99)]}, UnknownProperties),
        ({"email": "ANA@example.com"}, StaffExists),
    ],
)
async def test_invitations_that_cannot_be(
    db: Database, changes: dict[str, Any], error: type[Exception]
) -> None:
    await member(db)
    values = {"email": "new@example.com", "name": "New", "grants": [Grant(Role.READ_ONLY)], **changes}
    with pytest.raises(error):
        async with db.transaction() as tx:
            await staff.invite(tx, by=None, now=utc_now(), **values)
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM staff") == 1


async def test_the_form_of_an_invitation_says_what_it_needs(db: Database, database_url: str) -> None:
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.OWNER, None)) as client,
    ):
        page = (await client.get("/admin/staff/new")).text
        assert re.findall(r'<select id="((?:role|at)-\d)" name="[^"]*" required', page) == ["role-0", "at-0"]
        refused = await client.post("/admin/staff", data={"name": "Bo", "email": "bo@x.example", "rows": "2"})
        assert refused.status_code == 422
        assert 'id="role-0-error">Choose at least one role</p>' in refused.text
        async with db.transaction() as tx:
            assert await tx.fetchval("SELECT count(*) FROM staff") == 1
        made = await client.post(
            "/admin/staff",
            data={"name": "Bo", "email": "bo@x.example", "rows": "2", "role-0": "read_only", "at-0": "*"},
            follow_redirects=True,
        )
        assert "Bo has been invited. The message waits until a mail server is set up" in made.text


def staff_command(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command on a database."""
    return command("staff", *words, DATABASE_URL=url, HOTEL_PUBLIC_URL="https://panel.example")


async def test_the_first_owner_comes_by_the_command_line(db: Database, database_url: str) -> None:
    done = staff_command(database_url, "create-owner", "--email", "Boss@example.com", "--name", "The Boss")
    assert done.returncode == 0, done.stderr
    link = done.stdout.splitlines()[-1]
    assert link.startswith("https://panel.example/admin/invitation/")
    async with db.transaction() as tx:
        await links.find(tx, STAFF, token=link.rpartition("/")[2], kind="invitation", now=utc_now())
        found = await accounts.staff_by_email(tx, "boss@example.com")
        assert found is not None
        assert (found.email, found.grants) == ("boss@example.com", (Grant(Role.OWNER),))
    again = staff_command(database_url, "invite-again", "--email", "boss@example.com")
    async with db.transaction() as tx:
        await links.find(
            tx, STAFF, token=again.stdout.split()[-1].rpartition("/")[2], kind="invitation", now=utc_now()
        )
        with pytest.raises(LinkNotValid):
            await links.find(tx, STAFF, token=link.rpartition("/")[2], kind="invitation", now=utc_now())
    twice = staff_command(database_url, "create-owner", "--email", "boss@example.com", "--name", "B")
    assert (twice.returncode, len(twice.stderr.splitlines())) == (2, 1)
    assert staff_command(database_url, "reset-mfa", "--email", "who@example.com").returncode == 2


async def test_second_factors_are_reset_by_the_command_line(db: Database, database_url: str) -> None:
    ana = await member(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE staff SET totp_secret = '\\x01', totp_confirmed_at = now()")
        await tx.execute(
            "INSERT INTO staff_passkey (staff_id, credential_id, public_key, sign_count, name, created_at)"
            " VALUES ($1, '\\x01', '\\x01', 0, 'key', now())",
            ana.id,
        )
        await start(tx, STAFF, owner_id=ana.id, visitor=HERE, now=utc_now())
    assert staff_command(database_url, "reset-mfa", "--email", "ana@example.com").returncode == 0
    async with db.transaction() as tx:
        found = await accounts.staff_by_id(tx, ana.id)
        assert found is not None
        assert not found.second_factor
    assert await sessions_of(db) == []
    assert {mail.data["what"] for mail in await sent(db)} == {"app_removed", "passkey_removed"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Macintosh) Firefox/140.0", "Firefox on macOS"),
        ("<script>alert(1)</script>", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_browsers_have_names(text: str, name: str) -> None:
    assert browser_of(text) == name
