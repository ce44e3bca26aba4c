"""Make and change cancellation policies. Bookings keep the policy that they were sold with."""

from __future__ import annotations

from typing import Any

from hotel_booking.core.db import Transaction
from hotel_booking.domains.properties import tables
from hotel_booking.domains.properties.catalogue import Policy
from hotel_booking.domains.properties.queries import find_item
from hotel_booking.domains.properties.rows import check_version, delete, insert, update
from hotel_booking.domains.properties.types import check_texts

# What a rate plan gets that names no policy: free until 18:00 the day before, then the first night.
FLEXIBLE_CODE = "FLEX"
_FIRST_NIGHT = {"kind": "nights", "value": 1}
_FLEXIBLE_STEPS = [{"days_before": 1, "at": "18:00:00", "fee": _FIRST_NIGHT}]


async def create(
    tx: Transaction, *, property_id: int, code: str, name: str, steps: list[Any], no_show: dict[str, Any]
) -> Policy:
    """Make a policy; `steps` and `no_show` are the JSON of checked `rates.types.Step` and `Fee`."""
    values = {"property_id": property_id, "code": code, "name": name, "steps": steps, "no_show": no_show}
    check_texts(values)
    return await insert(tx, tables.cancellation_policy, values, what=f"a policy {code!r}")


async def change(
    tx: Transaction, *, property_id: int, code: str, values: dict[str, Any], version: int | None = None
) -> Policy:
    """Change a policy for the sales to come. Raises `ChangedMeanwhile` where it is not `version` any more."""
    check_texts(values)
    row = await find_item(tx, tables.cancellation_policy, property_id, code, lock=True)
    await check_version(tx, tables.cancellation_policy, row, version)
    return await update(tx, tables.cancellation_policy, row.id, values)


async def remove(tx: Transaction, *, policy: Policy) -> None:
    """Remove a policy that no rate plan is sold by; bookings keep their own. Raises `InUse`."""
    await delete(tx, tables.cancellation_policy, policy.id, what=policy.name)


async def flexible(tx: Transaction, *, property_id: int) -> int:
    """The id of the property's flexible policy, made if it has none."""
    found = await tx.fetchval(
        "SELECT id FROM cancellation_policy WHERE property_id = $1 AND code = $2", property_id, FLEXIBLE_CODE
    )
    if found is None:
        row = await create(
            tx,
            property_id=property_id,
            code=FLEXIBLE_CODE,
            name="Flexible: free until 18:00 the day before",
            steps=_FLEXIBLE_STEPS,
            no_show=_FIRST_NIGHT,
        )
        found = row.id
    return int(found)
