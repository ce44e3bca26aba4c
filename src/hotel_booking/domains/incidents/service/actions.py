"""What remains to be done, tracked until it is."""

from __future__ import annotations

from datetime import date, datetime

from hotel_booking.core.db import Transaction
from hotel_booking.domains.incidents import queries
from hotel_booking.domains.incidents.errors import ActionNotFound
from hotel_booking.domains.incidents.service import entries
from hotel_booking.domains.incidents.types import Actor


async def add_action(
    tx: Transaction,
    *,
    incident_id: int,
    what: str,
    owner: str,
    due_on: date | None,
    by: Actor,
    now: datetime,
) -> int:
    """Somebody does something by some day; the action's id. Raises `InvalidIncident`."""
    what = entries.text_of(what, "action", 500)
    owner = entries.text_of(owner, "owner", 200)
    await queries.find(tx, incident_id, lock=True)
    action_id: int = await tx.fetchval(
        "INSERT INTO incident_action (incident_id, what, owner, due_on, created_at)"
        " VALUES ($1, $2, $3, $4, $5) RETURNING id",
        incident_id,
        what,
        owner,
        due_on,
        now,
    )
    until = f" by {due_on}" if due_on is not None else ""
    text = f"To do, by {owner}{until}: {what}" if not until else f"To do, {owner}{until}: {what}"
    await entries.write(tx, incident_id, kind="action", actor=by.name, text=text, now=now)
    return action_id


async def finish_action(
    tx: Transaction, *, incident_id: int, action_id: int, by: Actor, now: datetime
) -> None:
    """It is done; twice changes nothing. Raises `ActionNotFound`."""
    await _set(tx, incident_id, action_id, done=True, by=by, now=now)


async def reopen_action(
    tx: Transaction, *, incident_id: int, action_id: int, by: Actor, now: datetime
) -> None:
    """It is not done after all. Raises `ActionNotFound`."""
    await _set(tx, incident_id, action_id, done=False, by=by, now=now)


async def _set(
    tx: Transaction, incident_id: int, action_id: int, *, done: bool, by: Actor, now: datetime
) -> None:
    row = await tx.fetchrow(
        "SELECT what, done_at FROM incident_action WHERE id = $1 AND incident_id = $2 FOR UPDATE",
        action_id,
        incident_id,
    )
    if row is None:
        raise ActionNotFound("the incident has no such action", fix="look at its page again")
    if (row["done_at"] is not None) == done:
        return
    await tx.execute(
        "UPDATE incident_action SET done_at = $2, done_by = $3 WHERE id = $1",
        action_id,
        now if done else None,
        by.name[:200] if done else "",
    )
    text = f"{'Done' if done else 'Not done after all'}: {row['what']}"
    await entries.write(tx, incident_id, kind="action", actor=by.name, text=text, now=now)
