"""An incident's post-mortem document, read from the database."""

from __future__ import annotations

from hotel_booking.core.db import Transaction
from hotel_booking.domains.incidents import queries
from hotel_booking.domains.incidents.post_mortem import post_mortem


async def document_of(tx: Transaction, incident_id: int) -> str:
    """The document. Raises `IncidentNotFound`."""
    return post_mortem(
        await queries.find(tx, incident_id),
        timeline=await queries.timeline(tx, incident_id),
        roles=await queries.roles(tx, incident_id),
        updates=await queries.updates(tx, incident_id),
        alerts=await queries.alerts(tx, incident_id),
        actions=await queries.actions(tx, incident_id),
    )
