"""Who works here, and in which roles. Nobody gives or takes a role that can do more than they can themselves,
nobody changes their own, and somebody always remains who owns the whole group.

`by` None is an operator at the machine, who may do all this.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.email_address import email_key, read_email
from hotel_booking.core.names import clean_name
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service import links, sessions
from hotel_booking.domains.identity import accounts
from hotel_booking.domains.identity.accounts import Staff
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
from hotel_booking.domains.identity.permissions import ROLE_PERMISSIONS, Permission, Role

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
_Key = tuple[Role, int | None]


class InvitedStaff(msgspec.Struct, frozen=True):
    """A member of staff who was just invited, and the token of the link that lets them in."""

    staff: Staff
    token: str


async def invite(
    tx: Transaction,
    *,
    email: str,
    name: str,
    grants: Sequence[Grant],
    by: Caller | None,
    now: datetime,
    language: str = "en",
) -> InvitedStaff:
    """Open an account without a password; the link's holder chooses one within seven days. Raises
    `InvalidStaff`, `StaffExists`, `UnknownProperties` or `GrantNotYours`."""
    address = email_of(email)
    called = clean_name(name, field="name", longest=200, error=InvalidStaff)
    if not _LANGUAGE.fullmatch(language):
        raise InvalidStaff("this is not a language tag", field="language", fix="such as en, or de-AT")
    wanted = _keys(grants)
    if not wanted:
        raise InvalidStaff("a member of staff needs a role", field="grants", fix="choose one")
    for key in wanted:
        _may_give(by, key)
    staff_id: int | None = await tx.fetchval(
        "INSERT INTO staff (email, name, language, created_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (email) DO NOTHING RETURNING id",
        address,
        called,
        language,
        now,
    )
    if staff_id is None:
        raise StaffExists(
            "there is already an account with this address",
            field="email",
            fix="change their roles instead, or ask a group owner to",
        )
    await _grant(tx, staff_id, wanted)
    return InvitedStaff(
        staff=await _found(tx, staff_id),
        token=await links.issue(tx, STAFF, owner_id=staff_id, kind="invitation", now=now),
    )


async def invite_again(tx: Transaction, *, staff_id: int, by: Caller | None, now: datetime) -> InvitedStaff:
    """Another link for somebody who has not taken up the first, which opens nothing any more. Raises
    `StaffExists` where they have."""
    member = await _mine(tx, staff_id, by)
    if member.has_password or not member.active:
        raise StaffExists(
            "this account is already in use, or closed", fix="its owner can request a new password"
        )
    return InvitedStaff(
        staff=member, token=await links.issue(tx, STAFF, owner_id=staff_id, kind="invitation", now=now)
    )


async def change_grants(
    tx: Transaction,
    *,
    staff_id: int,
    grants: Sequence[Grant],
    by: Caller | None,
    version: int | None = None,
) -> Staff:
    """Make these the member's roles. Each that comes or goes has to be one that `by` may give. Raises
    `StaffNotFound`, `StaffChanged` (where `version` is not the account's), `OwnGrants`, `GrantNotYours`,
    `UnknownProperties` or `LastOwner`."""
    member = await _mine(tx, staff_id, by, all_of_them=False)
    if version is not None and version != member.version:
        raise StaffChanged("someone else changed this account in the meantime", fix="reload it and check")
    held, wanted = _keys(member.grants), _keys(grants)
    for key in held ^ wanted:
        _may_give(by, key)
    gone = held - wanted
    if (Role.OWNER, None) in gone:
        await _keep_an_owner(tx, staff_id)
    await tx.execute(
        "DELETE FROM staff_grant g USING unnest($2::text[], $3::int[]) AS t(role, property_id)"
        " WHERE g.staff_id = $1 AND g.role = t.role AND g.property_id IS NOT DISTINCT FROM t.property_id",
        staff_id,
        *_columns(gone),
    )
    await _grant(tx, staff_id, wanted - held)
    await tx.execute("UPDATE staff SET version = version + 1 WHERE id = $1", staff_id)
    return await _found(tx, staff_id)


async def deactivate(tx: Transaction, *, staff_id: int, by: Caller | None) -> Staff:
    """Close an account and sign it out everywhere; its links open nothing any more. Raises `StaffNotFound`,
    `OwnGrants`, `GrantNotYours` or `LastOwner`."""
    member = await _mine(tx, staff_id, by)
    if any(key == (Role.OWNER, None) for key in _keys(member.grants)):
        await _keep_an_owner(tx, staff_id)
    await tx.execute("UPDATE staff SET active = false, version = version + 1 WHERE id = $1", staff_id)
    await links.forget(tx, STAFF, owner_id=staff_id)
    await sessions.end_all(tx, STAFF, owner_id=staff_id)
    return await _found(tx, staff_id)


async def reactivate(tx: Transaction, *, staff_id: int, by: Caller | None) -> Staff:
    """Open a closed account again, with the roles that it had. Raises as `deactivate`."""
    await _mine(tx, staff_id, by)
    await tx.execute("UPDATE staff SET active = true, version = version + 1 WHERE id = $1", staff_id)
    return await _found(tx, staff_id)


def may_give(by: Caller | None, role: Role, property_id: int | None) -> bool:
    """Whether somebody may give or take a role there: they manage staff there, and the role can do nothing
    that they cannot do there themselves."""
    return by is None or (
        by.may(Permission.STAFF_MANAGE, property_id)
        and all(by.may(permission, property_id) for permission in ROLE_PERMISSIONS[role])
    )


def email_of(text: str) -> str:
    """An address as accounts know it, by which it is compared. Raises `InvalidStaff`."""
    return email_key(read_email(text, error=InvalidStaff))


async def _mine(tx: Transaction, staff_id: int, by: Caller | None, *, all_of_them: bool = True) -> Staff:
    """The account, locked, if `by` may change it. People with no role at any property where `by` manages
    staff do not exist for them."""
    member = await accounts.staff_by_id(tx, staff_id, lock=True)
    if member is None or not _in_sight(by, member):
        raise StaffNotFound("there is no such member of staff")
    if by is not None and by.staff_id == staff_id:
        raise OwnGrants("you can't change your own roles or close your own account", fix="ask a colleague")
    if all_of_them:
        for key in _keys(member.grants):
            _may_give(by, key)
    return member


def _in_sight(by: Caller | None, member: Staff) -> bool:
    within = None if by is None else by.properties_for(Permission.STAFF_MANAGE)
    return within is None or any(grant.property_id in within for grant in member.grants)


def _may_give(by: Caller | None, key: _Key) -> None:
    role, property_id = key
    if not may_give(by, role, property_id):
        where = "at every property" if property_id is None else "at this property"
        raise GrantNotYours(
            f"the role {role.label.lower()} {where} is not yours to grant or revoke",
            field="grants",
            fix="ask someone whose own roles include it",
        )


async def _keep_an_owner(tx: Transaction, leaving: int) -> None:
    # Two owners who remove each other at once queue for these rows, always in one order; the second then
    # sees what the first did, for each statement looks anew.
    await tx.fetch(
        "SELECT id FROM staff_grant WHERE role = 'owner' AND property_id IS NULL ORDER BY id FOR UPDATE"
    )
    others: int = await tx.fetchval(
        "SELECT count(*) FROM staff_grant g JOIN staff m ON m.id = g.staff_id"
        " WHERE g.role = 'owner' AND g.property_id IS NULL AND m.active AND m.id <> $1",
        leaving,
    )
    if not others:
        raise LastOwner(
            "this is the last owner of the whole group", fix="make someone else a group owner first"
        )


async def _grant(tx: Transaction, staff_id: int, keys: set[_Key]) -> None:
    known = await tx.fetchval(
        "SELECT count(*) FROM property WHERE id = ANY ($1::int[])",
        sorted({number for _, number in keys if number is not None}),
    )
    if known != len({number for _, number in keys if number is not None}):
        raise UnknownProperties("there is no such property", field="grants")
    await tx.execute(
        "INSERT INTO staff_grant (staff_id, role, property_id)"
        " SELECT $1, t.role, t.property_id FROM unnest($2::text[], $3::int[]) AS t(role, property_id)",
        staff_id,
        *_columns(keys),
    )


def _keys(grants: Sequence[Grant]) -> set[_Key]:
    return {(grant.role, grant.property_id) for grant in grants}


def _columns(keys: set[_Key]) -> tuple[list[str], list[int | None]]:
    ordered = sorted(keys, key=lambda key: (key[0], key[1] or 0))
    return [role.value for role, _ in ordered], [number for _, number in ordered]


async def _found(tx: Transaction, staff_id: int) -> Staff:
    member = await accounts.staff_by_id(tx, staff_id)
    assert member is not None  # noqa: S101  # locked or inserted in this transaction
    return member
