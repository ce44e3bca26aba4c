"""Guests' accounts below the pages: links that open once, sessions, back-off, and what is remembered."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError, Invalid
from hotel_booking.domains.authentication.errors import (
    ConfirmIdentity,
    LinkNotValid,
    LockedOut,
    PasswordTooWeak,
    SessionNotFound,
    WrongCredentials,
)
from hotel_booking.domains.authentication.kinds import GUESTS
from hotel_booking.domains.authentication.service import links, lockout, new_password, passkeys, sign_in
from hotel_booking.domains.authentication.service.sessions import end_own, purge, require_recent, start
from hotel_booking.domains.authentication.types import SignedIn
from hotel_booking.domains.guests.errors import InvalidAccount
from hotel_booking.domains.guests.service import (
    details,
    register,
    sessions,
)
from hotel_booking.domains.guests.service.details import Details, Preferences
from hotel_booking.domains.guests.service.register import NewAccount
from hotel_booking.domains.guests.types import normal_email
from tests.factories.guest_accounts import (
    EMAIL,
    HERE,
    PASSWORD,
    account_of,
    opened,
    session_of,
)

NEXT_PASSWORD = "cobalt hedge sparrow nine"


async def count(db: Database, table: str) -> int:
    async with db.transaction() as tx:
        found: int = await tx.fetchval(f"SELECT count(*) FROM {table}")
    return found


async def link_for(db: Database, kind: str, email: str = EMAIL) -> str:
    async with db.transaction() as tx:
        asked = await links.ask(tx, GUESTS, asked=kind, email=email, now=utc_now())
    assert asked is not None
    return asked.token


async def marketing_since(db: Database) -> datetime | None:
    """When the only account's guest last agreed to advertising, or took it back."""
    async with db.transaction() as tx:
        since: datetime | None = await tx.fetchval("SELECT marketing_at FROM guest_account")
    return since


async def test_an_account_begins_with_its_link_and_the_link_is_used_up(db: Database) -> None:
    token = await link_for(db, "register")
    assert await account_of(db) is None  # nobody can put a password on somebody else's address
    new = NewAccount("de", " Ana ", "Example", PASSWORD, marketing=True)
    done = await register.open_account(db, token=token, new=new, visitor=HERE, instead_of=None, now=utc_now())
    assert (done.account.email, done.account.given_name, done.account.language) == (EMAIL, "Ana", "de")
    assert done.account.marketing
    assert await marketing_since(db) is not None
    with pytest.raises(LinkNotValid):
        await register.open_account(db, token=token, new=new, visitor=HERE, instead_of=None, now=utc_now())
    async with db.transaction() as tx:
        session = await sessions.resolve(tx, token=done.token, now=utc_now())
        stored = await tx.fetchval("SELECT string_agg(t::text, '') FROM guest_session t")
        again = await links.ask(tx, GUESTS, asked="register", email=EMAIL, now=utc_now())
        assert again is not None
        assert again.kind == "sign_in"
    assert session is not None
    assert session.account == done.account
    assert done.token not in stored


async def test_a_weak_password_leaves_the_link_good(db: Database) -> None:
    token = await link_for(db, "register")
    for weak in ("short", "ana@example.com", "password1234", "\x00" * 12, "x" * 300):
        with pytest.raises(PasswordTooWeak):
            await register.open_account(
                db,
                token=token,
                new=NewAccount("en", password=weak),
                visitor=HERE,
                instead_of=None,
                now=utc_now(),
            )
    await register.open_account(
        db, token=token, new=NewAccount("en"), visitor=HERE, instead_of=None, now=utc_now()
    )
    account = await account_of(db)
    assert account is not None
    assert not account.has_password


async def test_two_links_of_one_address_open_one_account(db: Database) -> None:
    tokens = [await link_for(db, "register") for _ in range(4)]
    done = await asyncio.gather(
        *(
            register.open_account(
                db, token=token, new=NewAccount("en"), visitor=HERE, instead_of=None, now=utc_now()
            )
            for token in tokens
        ),
        return_exceptions=True,
    )
    assert sum(not isinstance(one, BaseException) for one in done) == 1
    assert {type(one) for one in done if isinstance(one, BaseException)} == {LinkNotValid}
    assert await count(db, "guest_token") == 0


@pytest.mark.parametrize("kind", ["sign_in", "password"])
async def test_a_link_opens_once_in_its_time_and_for_its_purpose(db: Database, kind: str) -> None:
    await opened(db)
    token = await link_for(db, kind)
    other: str = "password" if kind == "sign_in" else "sign_in"
    async with db.transaction() as tx:
        late = utc_now() + GUESTS.links[kind].lasts
        for wrong, as_kind, at in (
            (token, other, utc_now()),
            (token, "register", utc_now()),
            (token, kind, late),
            (token + "x", kind, utc_now()),
            ("é" * 20, kind, utc_now()),
            ("x" * 10_000, kind, utc_now()),
            ("", kind, utc_now()),
            ("\x00", kind, utc_now()),
        ):
            with pytest.raises(LinkNotValid):
                await links.find(tx, GUESTS, token=wrong, kind=as_kind, now=at)
        assert (await links.find(tx, GUESTS, token=token, kind=kind, now=utc_now())).email == EMAIL

    async def use() -> SignedIn:
        if kind == "sign_in":
            return await sign_in.by_link(
                db, GUESTS, token=token, visitor=HERE, instead_of=None, now=utc_now()
            )
        return await sign_in.by_new_password(
            db,
            GUESTS,
            token=token,
            kind="password",
            password=NEXT_PASSWORD,
            visitor=HERE,
            instead_of=None,
            now=utc_now(),
        )

    done = await asyncio.gather(use(), use(), use(), return_exceptions=True)
    assert sum(isinstance(one, SignedIn) for one in done) == 1
    with pytest.raises(LinkNotValid):
        await use()


async def test_no_link_for_who_has_no_account_and_none_survives_another_address(db: Database) -> None:
    async with db.transaction() as tx:
        for kind in ("sign_in", "password"):
            assert await links.ask(tx, GUESTS, asked=kind, email="nobody@example.com", now=utc_now()) is None
    done = await opened(db)
    old = await link_for(db, "sign_in")
    async with db.transaction() as tx:
        token = await links.issue(
            tx, GUESTS, kind="new_email", owner_id=done.account.id, email="new@example.com", now=utc_now()
        )
    account, before = await register.use_new_email(db, token=token, now=utc_now())
    assert (account.email, before) == ("new@example.com", EMAIL)
    with pytest.raises(LinkNotValid):
        await sign_in.by_link(db, GUESTS, token=old, visitor=HERE, instead_of=None, now=utc_now())


async def test_an_address_that_has_an_account_becomes_nobody_elses(db: Database) -> None:
    done = await opened(db)
    async with db.transaction() as tx:
        token = await links.issue(
            tx, GUESTS, kind="new_email", owner_id=done.account.id, email="bo@example.com", now=utc_now()
        )
    await opened(db, "bo@example.com")
    with pytest.raises(LinkNotValid):
        await register.use_new_email(db, token=token, now=utc_now())
    account = await account_of(db)
    assert account is not None


async def test_signing_in_takes_the_place_of_the_session_before(db: Database) -> None:
    planted = (await opened(db, "eve@example.com")).token
    await opened(db)
    done = await sign_in.by_password(
        db,
        GUESTS,
        email="  ANA@Example.com ",
        password=PASSWORD,
        visitor=HERE,
        instead_of=(await session_of(db, planted)).id,
        now=utc_now(),
    )
    async with db.transaction() as tx:
        assert await sessions.resolve(tx, token=planted, now=utc_now()) is None
        assert await sessions.resolve(tx, token=done.token, now=utc_now()) is not None


async def test_sessions_end_by_themselves_and_only_ones_own(db: Database) -> None:
    mine, other = await opened(db), await opened(db, "eve@example.com")
    now = utc_now()
    async with db.transaction() as tx:
        assert await sessions.resolve(tx, token=mine.token, now=now + GUESTS.idle * 2) is None
        with pytest.raises(SessionNotFound):
            await end_own(
                tx, GUESTS, owner_id=mine.account.id, session_id=(await session_of(db, other.token)).id
            )
        for _ in range(60):
            await start(tx, GUESTS, owner_id=mine.account.id, visitor=HERE, now=now)
    assert await count(db, "guest_session") == 51
    session = await session_of(db, other.token)
    require_recent(GUESTS, session, now)
    with pytest.raises(ConfirmIdentity):
        require_recent(GUESTS, session, now + timedelta(minutes=20))
    async with db.transaction() as tx:
        await purge(tx, GUESTS, now=now + GUESTS.lifetime * 2)
        await links.purge(tx, GUESTS, now=now + GUESTS.lifetime)
        await passkeys.purge(tx, GUESTS, now=now)
    assert await count(db, "guest_session") == 0


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com", "no address"])
async def test_guessing_is_slowed_whoever_exists_and_locks_no_staff(db: Database, email: str) -> None:
    await opened(db)
    now = utc_now()
    for _ in range(5):
        with pytest.raises(WrongCredentials):
            await sign_in.by_password(
                db, GUESTS, email=email, password="wrong", visitor=HERE, instead_of=None, now=now
            )
    with pytest.raises(LockedOut) as locked:
        await sign_in.by_password(
            db, GUESTS, email=email, password=PASSWORD, visitor=HERE, instead_of=None, now=now
        )
    assert 25 <= locked.value.retry_after <= 30
    await lockout.attempt(db, email=email, visitor=HERE, now=now)  # of the panel: not locked
    if email == EMAIL:  # a mailed link opens it all the same, and unlocks it
        token = await link_for(db, "sign_in")
        await sign_in.by_link(db, GUESTS, token=token, visitor=HERE, instead_of=None, now=now)
        await sign_in.by_password(
            db, GUESTS, email=email, password=PASSWORD, visitor=HERE, instead_of=None, now=now
        )


async def test_one_address_soon_waits_whoever_it_tries(db: Database) -> None:
    async def attempt(number: int) -> object:
        try:
            return await sign_in.by_password(
                db,
                GUESTS,
                email=f"u{number}@example.com",
                password="wrong",
                visitor=HERE,
                instead_of=None,
                now=utc_now(),
            )
        except DomainError as error:
            return error

    seen = [type(await attempt(number)) for number in range(22)]
    assert seen[:20] == [WrongCredentials] * 20
    assert seen[20:] == [LockedOut] * 2


async def test_links_are_mailed_to_one_address_seldom(db: Database) -> None:
    told = [
        await lockout.may_mail(db, door=GUESTS.door, email=EMAIL, visitor=HERE, now=utc_now())
        for _ in range(5)
    ]
    assert told == [True, True, True, False, False]
    for number in range(5):
        await lockout.may_mail(
            db, door=GUESTS.door, email=f"u{number}@example.com", visitor=HERE, now=utc_now()
        )
    with pytest.raises(LockedOut):
        await lockout.may_mail(db, door=GUESTS.door, email=EMAIL, visitor=HERE, now=utc_now())


async def test_another_password_ends_the_other_sessions_and_links(db: Database) -> None:
    here = await opened(db)
    there = await sign_in.by_password(
        db, GUESTS, email=EMAIL, password=PASSWORD, visitor=HERE, instead_of=None, now=utc_now()
    )
    link = await link_for(db, "sign_in")
    session = await session_of(db, here.token)
    await new_password.change(
        db,
        GUESTS,
        owner_id=session.account.id,
        session_id=session.id,
        password=NEXT_PASSWORD,
        now=utc_now(),
    )
    async with db.transaction() as tx:
        assert await sessions.resolve(tx, token=here.token, now=utc_now()) is not None
        assert await sessions.resolve(tx, token=there.token, now=utc_now()) is None
    with pytest.raises(LinkNotValid):
        await sign_in.by_link(db, GUESTS, token=link, visitor=HERE, instead_of=None, now=utc_now())
    with pytest.raises(WrongCredentials):
        await sign_in.by_password(
            db, GUESTS, email=EMAIL, password=PASSWORD, visitor=HERE, instead_of=None, now=utc_now()
        )


async def test_details_and_consent_are_kept_with_their_time(db: Database) -> None:
    account = (await opened(db)).account
    saved = Details("Zoë", "O'Néill <b>", "+351 21 000 0000", "PT", "A quiet room,\nplease")
    first = utc_now()
    async with db.transaction() as tx:
        await details.save_details(tx, account_id=account.id, details=saved)
        await details.save_preferences(
            tx, account_id=account.id, preferences=Preferences("ar", "EUR", marketing=True), now=first
        )
        await details.save_preferences(
            tx,
            account_id=account.id,
            preferences=Preferences("de", "", marketing=True),
            now=first + timedelta(days=1),
        )
    found = await account_of(db)
    assert found is not None
    assert (found.given_name, found.family_name, found.wishes) == ("Zoë", "O'Néill <b>", saved.wishes)
    assert (found.language, found.currency, await marketing_since(db)) == ("de", None, first)
    async with db.transaction() as tx:
        text = await tx.fetchval("SELECT string_agg(e::text, '|') FROM audit_entry e")
    for word in (EMAIL, "Zoë", "Néill", "351 21", "quiet", HERE.user_agent):
        assert word not in text, word


@pytest.mark.parametrize(
    "wrong",
    [
        Details(given_name="x" * 101),
        Details(given_name="a\x00b"),
        Details(family_name="a\nb"),
        Details(family_name="a\u001bb"),
        Details(phone="call me 📞 after six"),
        Details(country="pt"),
        Details(country="P\x00"),
        Details(country="UK"),
        Details(wishes="x" * 1001),
        Details(wishes="a\x00b"),
        Details(wishes="\ud800"),
    ],
)
async def test_what_cannot_be_right_is_refused_with_its_field(db: Database, wrong: Details) -> None:
    account = (await opened(db)).account
    with pytest.raises(Invalid) as refused:
        async with db.transaction() as tx:
            await details.save_details(tx, account_id=account.id, details=wrong)
    assert refused.value.field is not None


@pytest.mark.parametrize(
    "wrong",
    [
        Preferences("xx"),
        Preferences("en", "euro"),
        Preferences("en", "ZZZ"),
        Preferences("en", "\x00\x00\x00"),
    ],
)
async def test_unknown_preferences_are_refused(db: Database, wrong: Preferences) -> None:
    with pytest.raises(InvalidAccount):
        async with db.transaction() as tx:
            await details.save_preferences(tx, account_id=1, preferences=wrong, now=utc_now())


def test_an_address_has_one_form() -> None:
    assert normal_email("  Ana.Bek@EXAMPLE.com ") == "ana.bek@example.com"
    assert normal_email("ZOE\u0308@example.com") == "zo\u00eb@example.com"
    assert normal_email("\u202aan\u202ea@exa\u2066mple\u2069.com\u200f") == "ana@example.com"
    for wrong in (
        "",
        "a",
        "a@b",
        "a b@c.de",
        "a@b.c\x00d",
        "x" * 250 + "@b.cd",
        "\ud800@b.cd",
    ):
        with pytest.raises(Invalid):
            normal_email(wrong)


async def test_two_links_to_a_new_password_wait_for_each_other(db: Database) -> None:
    await opened(db)
    tokens = [await link_for(db, "password") for _ in range(4)]
    done = await asyncio.gather(
        *(
            sign_in.by_new_password(
                db,
                GUESTS,
                token=token,
                kind="password",
                password=NEXT_PASSWORD,
                visitor=HERE,
                instead_of=None,
                now=utc_now(),
            )
            for token in tokens
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(one, SignedIn) for one in done) == 1
    assert {type(one) for one in done} == {SignedIn, LinkNotValid}
