"""What accounts are entered by, whichever kind they are of: each rule once, for staff and for guests."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import msgspec
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.authentication import queries
from hotel_booking.domains.authentication.errors import (
    ConfirmIdentity,
    LinkNotValid,
    LockedOut,
    PasskeyNotFound,
    SessionNotFound,
    WrongCredentials,
)
from hotel_booking.domains.authentication.kinds import GUESTS, KINDS, STAFF, AccountKind
from hotel_booking.domains.authentication.service import (
    links,
    new_password,
    passkeys,
    passwords,
    sessions,
    sign_in,
)
from hotel_booking.domains.authentication.service.lockout import Visitor
from hotel_booking.domains.authentication.service.purge import purge
from hotel_booking.domains.authentication.tokens import token_hash
from hotel_booking.domains.authentication.types import SignedIn
from tests.factories.guest_accounts import HERE, opened
from tests.factories.staff_accounts import PASSWORD, member

NEXT = "cobalt hedge sparrow nine"
BY_PASSWORD = {"staff": "password_reset", "guest": "password"}
of_each = pytest.mark.parametrize("of", KINDS, ids=lambda of: of.name)


class Known(msgspec.Struct):
    """What these tests ask of a session's account."""

    email: str


async def account(db: Database, of: AccountKind, email: str = "ana@example.com") -> int:
    """The number of an account of the kind, with the password of the tests."""
    if of is STAFF:
        return (await member(db, email)).id
    return (await opened(db, email, password=PASSWORD)).account.id


async def enter(db: Database, of: AccountKind, *, password: str = PASSWORD, now: datetime) -> SignedIn:
    return await sign_in.by_password(
        db, of, email="ana@example.com", password=password, visitor=HERE, instead_of=None, now=now
    )


async def number_of(db: Database, of: AccountKind, token: str, now: datetime) -> int | None:
    """The number of a session that is open."""
    async with db.transaction() as tx:
        found = await sessions.resolve(tx, of, Known, columns="a.email", token=token, now=now)
    return found[0].session_id if found is not None else None


@of_each
async def test_a_session_ends_in_its_time_and_unused(db: Database, of: AccountKind) -> None:
    owner_id, now = await account(db, of), utc_now()
    async with db.transaction() as tx:
        token = await sessions.start(tx, of, owner_id=owner_id, visitor=HERE, now=now)
    assert await number_of(db, of, token, now + of.idle - timedelta(seconds=1)) is not None
    assert await number_of(db, of, token, now + of.lifetime) is None
    async with db.transaction() as tx:
        other = await sessions.start(tx, of, owner_id=owner_id, visitor=HERE, now=now)
    assert await number_of(db, of, other, now + of.idle + timedelta(seconds=1)) is None
    assert await number_of(db, of, other[:-1], now) is None


@of_each
async def test_a_step_takes_the_place_of_the_session_before(db: Database, of: AccountKind) -> None:
    await account(db, of)
    now = utc_now()
    planted = await enter(db, of, now=now)
    before = await number_of(db, of, planted.token, now)
    done = await sign_in.by_password(
        db, of, email=" ANA@example.com", password=PASSWORD, visitor=HERE, instead_of=before, now=now
    )
    assert await number_of(db, of, planted.token, now) is None
    assert await number_of(db, of, done.token, now) is not None


@of_each
async def test_nobody_ends_or_removes_what_is_anothers(db: Database, of: AccountKind) -> None:
    mine, other = await account(db, of), await account(db, of, "eve@example.com")
    now = utc_now()
    async with db.transaction() as tx:
        token = await sessions.start(tx, of, owner_id=mine, visitor=HERE, now=now)
        key: int = await tx.fetchval(
            f"INSERT INTO {of.passkeys} ({of.owner}, credential_id, public_key, sign_count, name, created_at)"
            " VALUES ($1, '\\x01', '\\x01', 0, 'key', $2) RETURNING id",
            mine,
            now,
        )
    number = await number_of(db, of, token, now)
    assert number is not None
    async with db.transaction() as tx:
        with pytest.raises(SessionNotFound):
            await sessions.end_own(tx, of, owner_id=other, session_id=number)
        with pytest.raises(PasskeyNotFound):
            await passkeys.remove(tx, of, owner_id=other, passkey_id=key)
        assert [found.id for found in await queries.passkeys(tx, of, mine)] == [key]
        assert number in [found.id for found in await queries.open_sessions(tx, of, mine, now=now)]
        await passkeys.remove(tx, of, owner_id=mine, passkey_id=key)
        await sessions.end_own(tx, of, owner_id=mine, session_id=number)
    assert await number_of(db, of, token, now) is None


@of_each
def test_a_dangerous_act_needs_a_proof_that_is_fresh(of: AccountKind) -> None:
    now = utc_now()

    class Proof:
        confirmed_at: datetime | None = now

    sessions.require_recent(of, Proof(), now + of.confirmed_for)
    with pytest.raises(ConfirmIdentity):
        sessions.require_recent(of, Proof(), now + of.confirmed_for + timedelta(seconds=1))
    Proof.confirmed_at = None
    with pytest.raises(ConfirmIdentity):
        sessions.require_recent(of, Proof(), now)


@of_each
async def test_a_link_to_a_new_password_is_good_once(db: Database, of: AccountKind) -> None:
    owner_id, now = await account(db, of), utc_now()
    old = await enter(db, of, now=now)
    kind = BY_PASSWORD[of.name]
    async with db.transaction() as tx:
        token = await links.issue(tx, of, kind=kind, owner_id=owner_id, email="ana@example.com", now=now)
        stored = await tx.fetchval(f"SELECT string_agg(t::text, '') FROM {of.tokens} t")
        assert token not in stored
        with pytest.raises(LinkNotValid):
            await links.find(tx, of, token=token, kind=kind, now=now + of.links[kind].lasts)

    async def use() -> int | DomainError:
        try:
            return await new_password.choose(db, of, token=token, kind=kind, password=NEXT, now=now)
        except DomainError as error:
            return error

    done = await asyncio.gather(*(use() for _ in range(4)))
    assert done.count(owner_id) == 1
    assert sum(isinstance(one, LinkNotValid) for one in done) == 3
    assert await number_of(db, of, old.token, now) is None  # signed out everywhere
    with pytest.raises(WrongCredentials):
        await enter(db, of, now=now)
    assert (await enter(db, of, password=NEXT, now=now)).owner_id == owner_id


@of_each
async def test_another_password_needs_a_session_that_stands(db: Database, of: AccountKind) -> None:
    owner_id, now = await account(db, of), utc_now()
    here, there = await enter(db, of, now=now), await enter(db, of, now=now)
    number = await number_of(db, of, here.token, now)
    assert number is not None
    await new_password.change(db, of, owner_id=owner_id, session_id=number, password=NEXT, now=now)
    assert await number_of(db, of, here.token, now) == number
    assert await number_of(db, of, there.token, now) is None
    async with db.transaction() as tx:
        await sessions.end(tx, of, session_id=number)
    with pytest.raises(of.sign_in_required):
        await new_password.change(db, of, owner_id=owner_id, session_id=number, password=PASSWORD, now=now)
    assert (await enter(db, of, password=NEXT, now=now)).owner_id == owner_id


@of_each
async def test_who_fails_at_one_door_is_let_in_at_the_other(db: Database, of: AccountKind) -> None:
    now = utc_now()
    for each in KINDS:
        await account(db, each)
    for _ in range(5):
        with pytest.raises(WrongCredentials):
            await enter(db, of, password="wrong", now=now)
    with pytest.raises(LockedOut):
        await enter(db, of, now=now)
    other = GUESTS if of is STAFF else STAFF
    assert (await enter(db, other, now=now)).level == "full"


@of_each
async def test_a_link_is_asked_for_by_who_has_an_account(db: Database, of: AccountKind) -> None:
    owner_id, now = await account(db, of), utc_now()
    with_account: dict[str, int | None] = {}
    without: dict[str, str] = {}
    async with db.transaction() as tx:
        for asked in of.asked:
            if link := await links.ask(tx, of, asked=asked, email="ana@example.com", now=now):
                with_account[asked] = link.owner_id
            if link := await links.ask(tx, of, asked=asked, email="nobody@example.com", now=now):
                without[asked] = link.kind
    assert with_account == dict.fromkeys(of.asked, owner_id)
    assert without == ({} if of is STAFF else {"register": "register"})


@of_each
async def test_what_the_release_before_wrote_still_opens(db: Database, of: AccountKind) -> None:
    """Its rows, as it wrote them: nobody is signed out, and no mailed link is lost."""
    owner_id, now = await account(db, of), utc_now()
    kind = BY_PASSWORD[of.name]
    level, address = (", level", ", 'full'") if of is STAFF else ("", "")
    carried, mailed = (", email", ", 'ana@example.com'") if of is GUESTS else ("", "")
    async with db.transaction() as tx:
        await tx.execute(
            f"INSERT INTO {of.sessions} (token_hash, {of.owner}, created_at, last_seen_at, expires_at,"
            f"   confirmed_at, address, user_agent{level})"
            f" VALUES ($1, $2, $3, $3, $4, $3, '', ''{address})",
            token_hash("a session of before"),
            owner_id,
            now,
            now + timedelta(hours=1),
        )
        await tx.execute(
            f"INSERT INTO {of.tokens} (token_hash, {of.owner}, kind, created_at, expires_at{carried})"
            f" VALUES ($1, $2, $3, $4, $5{mailed})",
            token_hash("a-link-of-before"),
            owner_id,
            kind,
            now,
            now + timedelta(hours=1),
        )
    assert await number_of(db, of, "a session of before", now) is not None
    async with db.transaction() as tx:
        found = await links.find(tx, of, token="a-link-of-before", kind=kind, now=now)
    assert found.holder is not None
    assert (found.holder.id, found.email) == (owner_id, "ana@example.com")


@of_each
async def test_what_nobody_has_is_compared_like_what_somebody_has(
    db: Database, of: AccountKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One comparison for each attempt, whether there is an account, a password, or none of them."""
    await account(db, of)
    compared: list[bool] = []
    compare = passwords.compare

    async def counted(password: object, stored: str | None) -> passwords.PasswordCheck:
        compared.append(stored is not None)
        return await compare(password, stored)

    monkeypatch.setattr(passwords, "compare", counted)
    seen = []
    for email in ("ana@example.com", "nobody@example.com", "no address"):
        with pytest.raises(WrongCredentials) as refused:
            await sign_in.by_password(
                db, of, email=email, password="wrong", visitor=HERE, instead_of=None, now=utc_now()
            )
        seen.append((refused.value.detail, refused.value.locked))
    assert compared == [True, False, False]
    assert len(set(seen)) == 1


@of_each
async def test_what_has_ended_is_cleared_away_and_nothing_else(db: Database, of: AccountKind) -> None:
    owner_id, now = await account(db, of), utc_now()
    kind = BY_PASSWORD[of.name]
    ago = now - of.lifetime - of.links_kept - timedelta(days=1)
    for at in (ago, now):
        async with db.transaction() as tx:
            await sessions.start(tx, of, owner_id=owner_id, visitor=HERE, now=at)
            await links.issue(tx, of, kind=kind, owner_id=owner_id, email="ana@example.com", now=at)
            await tx.execute(
                f"INSERT INTO {of.challenges} (challenge, purpose, expires_at) VALUES ($1, 'sign_in', $2)",
                str(at).encode(),
                at + timedelta(minutes=5),
            )
    async with db.transaction() as tx:
        await purge(tx, now=now)
        for table in (of.sessions, of.tokens, of.challenges):
            left = await tx.fetch(f"SELECT expires_at > $1 AS stands FROM {table}", now)
            assert left, table
            assert all(row["stands"] for row in left), table


async def test_a_second_factor_is_owed_before_a_session_opens_anything(db: Database) -> None:
    owner_id, now = await account(db, STAFF), utc_now()
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO staff_passkey (staff_id, credential_id, public_key, sign_count, name, created_at)"
            " VALUES ($1, '\\x01', '\\x01', 0, 'key', $2)",
            owner_id,
            now,
        )
    step = await enter(db, STAFF, now=now)
    assert step.level == "password"
    async with db.transaction() as tx:
        found = await sessions.resolve(tx, STAFF, Known, columns="a.email", token=step.token, now=now)
        assert found is not None
        assert (found[0].level, found[0].confirmed_at) == ("password", None)
        assert await queries.open_sessions(tx, STAFF, owner_id, now=now) == []
    assert await number_of(db, STAFF, step.token, now + timedelta(minutes=10)) is None
    # By a link too: it proves the mailbox, not the factor.
    async with db.transaction() as tx:
        token = await links.issue(tx, STAFF, kind="invitation", owner_id=owner_id, now=now)
    with_name = Visitor(HERE.address, HERE.network, device="a device that nobody knows yet")
    chosen = await sign_in.by_new_password(
        db, STAFF, token=token, kind="invitation", password=NEXT, visitor=with_name, instead_of=None, now=now
    )
    assert chosen.level == "password"
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM known_device") == 0


async def test_a_closed_account_is_entered_by_nothing(db: Database) -> None:
    owner_id, now = await account(db, STAFF), utc_now()
    carried = await enter(db, STAFF, now=now)
    async with db.transaction() as tx:
        token = await links.issue(tx, STAFF, kind="password_reset", owner_id=owner_id, now=now)
        await tx.execute("UPDATE staff SET active = false")
    assert await number_of(db, STAFF, carried.token, now) is None
    with pytest.raises(WrongCredentials) as refused:
        await enter(db, STAFF, now=now)
    assert refused.value.locked is None
    with pytest.raises(LinkNotValid):
        await new_password.choose(db, STAFF, token=token, kind="password_reset", password=NEXT, now=now)
    async with db.transaction() as tx:
        assert await links.ask(tx, STAFF, asked="staff_password", email="ana@example.com", now=now) is None
        await tx.execute("UPDATE staff SET active = true")
    assert (await enter(db, STAFF, now=now)).owner_id == owner_id  # the password is what it was
