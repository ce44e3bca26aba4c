"""Links by mail, each good once and for a while. Only their hashes are stored.

Whoever asks for a link must not learn whether there is an account: count with `lockout.may_mail`, note the
request (`link_requests`), and answer the same; a job comes to `ask`.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.authentication import queries
from hotel_booking.domains.authentication.errors import LinkNotValid
from hotel_booking.domains.authentication.kinds import AccountKind
from hotel_booking.domains.authentication.tokens import new_token, token_hash
from hotel_booking.domains.authentication.types import AccountHolder

_LONGEST = 100


class MailedLink(msgspec.Struct, frozen=True):
    """A link that is good: what it opens, the address it went to, and the account where there is one."""

    kind: str
    email: str
    holder: AccountHolder | None


class IssuedLink(msgspec.Struct, frozen=True):
    """A fresh link to be mailed, and the account where there is one."""

    kind: str
    token: str
    owner_id: int | None


async def issue(
    tx: Transaction, of: AccountKind, *, kind: str, owner_id: int | None, email: str = "", now: datetime
) -> str:
    """A fresh link's token. `email` is where it goes; it counts where links carry that (`addressed`)."""
    token = new_token()
    if of.links[kind].replaces:
        await tx.execute(
            f"DELETE FROM {of.tokens} t WHERE t.{of.owner} = $1 AND t.kind = $2{_unused(of)}", owner_id, kind
        )
    await tx.execute(
        f"INSERT INTO {of.tokens} (token_hash, {of.owner}, kind, created_at, expires_at"
        f"                         {', email' if of.addressed else ''})"
        f" VALUES ($1, $2, $3, $4, $5{', $6' if of.addressed else ''})",
        token_hash(token),
        owner_id,
        kind,
        now,
        now + of.links[kind].lasts,
        *((email,) if of.addressed else ()),
    )
    return token


async def ask(
    tx: Transaction, of: AccountKind, *, asked: str, email: str, now: datetime
) -> IssuedLink | None:
    """A fresh link for who has asked for one; None where a link would open nothing."""
    holder = await queries.holder_by_email(tx, of, email)
    with_account, without = of.asked[asked]
    kind = with_account if holder is not None else without
    if kind is None:
        return None
    if holder is not None:
        token = await issue(tx, of, kind=kind, owner_id=holder.id, email=holder.email, now=now)
        return IssuedLink(kind, token, holder.id)
    return IssuedLink(kind, await issue(tx, of, kind=kind, owner_id=None, email=email, now=now), None)


async def find(
    tx: Transaction, of: AccountKind, *, token: str, kind: str, now: datetime, lock: bool = False
) -> MailedLink:
    """Whose link it is; with the account locked where asked. Looking does not use it up: mail scanners look
    too. Raises `LinkNotValid`."""
    row = None
    if 0 < len(token) <= _LONGEST and token.isascii():
        row = await tx.fetchrow(
            f"SELECT t.{of.owner} AS owner_id{', t.email' if of.addressed else ''} FROM {of.tokens} t"
            f" WHERE t.token_hash = $1 AND t.kind = $2 AND t.expires_at > $3{_unused(of)}",
            token_hash(token),
            kind,
            now,
        )
    if row is None:
        raise not_valid(of, kind)
    if row["owner_id"] is None:
        return MailedLink(kind, row["email"], None)
    holder = await queries.holder_by_id(tx, of, row["owner_id"], lock=lock)
    if holder is None:
        raise not_valid(of, kind)
    return MailedLink(kind, row["email"] if of.addressed else holder.email, holder)


async def take(tx: Transaction, of: AccountKind, *, token: str, kind: str, now: datetime) -> MailedLink:
    """Use a link up. Of two who use it at once, one does. Raises `LinkNotValid`."""
    link = await find(tx, of, token=token, kind=kind, now=now, lock=True)
    holder = link.holder
    # What is mailed to an address is worth nothing once the account has another one.
    if holder is not None and not of.links[kind].proves_address and holder.email != link.email:
        raise not_valid(of, kind)
    # The account first, then all links that its use makes void, in their order: two links that are used at
    # once wait for each other one way only.
    condition, values = _of_one(of, holder.id if holder is not None else None, link.email)
    await tx.execute(f"SELECT FROM {of.tokens} t WHERE {condition} ORDER BY t.token_hash FOR UPDATE", *values)
    if of.used_links_stay:
        used = await tx.execute(
            f"UPDATE {of.tokens} t SET used_at = $2 WHERE t.token_hash = $1{_unused(of)}",
            token_hash(token),
            now,
        )
    else:
        used = await tx.execute(f"DELETE FROM {of.tokens} WHERE token_hash = $1", token_hash(token))
    if not used:
        raise not_valid(of, kind)
    return link


async def forget(tx: Transaction, of: AccountKind, *, owner_id: int | None, email: str = "") -> None:
    """No link that was mailed before, to the account or (where links carry it) the address, opens anything
    any more."""
    condition, values = _of_one(of, owner_id, email)
    await tx.execute(f"DELETE FROM {of.tokens} t WHERE ({condition}){_unused(of)}", *values)


async def purge(tx: Transaction, of: AccountKind, *, now: datetime) -> int:
    """Remove the links that lapsed a while ago."""
    return await tx.execute(f"DELETE FROM {of.tokens} WHERE expires_at <= $1", now - of.links_kept)


def _of_one(of: AccountKind, owner_id: int | None, email: str) -> tuple[str, tuple[object, ...]]:
    if of.addressed:
        return f"t.{of.owner} = $1 OR t.email = $2", (owner_id, email)
    return f"t.{of.owner} = $1", (owner_id,)


def _unused(of: AccountKind) -> str:
    return " AND t.used_at IS NULL" if of.used_links_stay else ""


def not_valid(of: AccountKind, kind: str) -> LinkNotValid:
    """What is said of a link of the kind that opens nothing."""
    detail, fix = of.links[kind].lapsed
    return LinkNotValid(detail, fix=fix)
