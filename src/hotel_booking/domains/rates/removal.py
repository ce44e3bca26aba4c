"""What goes with rate plans and room types that nobody needs, and which plans need a policy.

Whether anything was sold by them, the bookings know: `bookings.removal` asks, and then calls this.
"""

from __future__ import annotations

from datetime import date

from hotel_booking.core.db import Transaction
from hotel_booking.domains.properties import tables as properties
from hotel_booking.domains.properties.queries import find_item
from hotel_booking.domains.properties.rows import check_version, delete, refuse_while_used
from hotel_booking.domains.properties.rows import uses as found
from hotel_booking.domains.properties.service import policies
from hotel_booking.domains.properties.service.translations import forget
from hotel_booking.domains.properties.types import Use
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.tables import rate_plan


async def derived_plans(tx: Transaction, *, plan_id: int) -> tuple[Use, ...]:
    """The plans that are derived from a plan."""
    row = await tx.fetchrow(
        "SELECT count(*) AS derived_plans, (array_agg(code ORDER BY code))[:20] AS derived_plans_names"
        "  FROM rate_plan WHERE parent_id = $1",
        plan_id,
    )
    return found(row) if row is not None else ()


async def remove_plan(tx: Transaction, *, plan: RatePlan) -> None:
    """Remove a rate plan that nothing needs, with its prices and texts. Raises `InUse`."""
    await tx.execute("DELETE FROM rate_night WHERE rate_plan_id = $1", plan.id)
    await forget(tx, kind="rate_plan", object_id=plan.id)
    await delete(tx, rate_plan, plan.id, what=plan.name)


async def remove_prices(tx: Transaction, *, room_type_id: int) -> None:
    """Remove all prices of a room type that is going."""
    await tx.execute("DELETE FROM rate_night WHERE room_type_id = $1", room_type_id)


async def ever_priced(tx: Transaction, *, property_id: int) -> bool:
    """Whether prices were ever loaded for a room type of the property."""
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT FROM room_type t JOIN rate_night n ON n.room_type_id = t.id"
            "                WHERE t.property_id = $1)",
            property_id,
        )
    )


async def priced_nights(tx: Transaction, *, column: str, row_id: int, today: date) -> int:
    """How many nights from today on have a price of a room type (`room_type_id`) or plan (`rate_plan_id`)."""
    if column not in ("room_type_id", "rate_plan_id"):
        raise ValueError(column)
    count: int = await tx.fetchval(
        f"SELECT count(DISTINCT night) FROM rate_night WHERE {column} = $1 AND night >= $2", row_id, today
    )
    return count


async def policy_uses(tx: Transaction, *, policy_id: int) -> tuple[Use, ...]:
    """The rate plans that are sold by a policy."""
    row = await tx.fetchrow(
        "SELECT count(*) AS rate_plans, (array_agg(code ORDER BY code))[:20] AS rate_plans_names"
        "  FROM rate_plan WHERE policy_id = $1",
        policy_id,
    )
    return found(row) if row is not None else ()


async def remove_policy(tx: Transaction, *, property_id: int, code: str, version: int | None = None) -> None:
    """Remove a policy that no rate plan is sold by; bookings keep their own. Raises `InUse`."""
    row = await find_item(tx, properties.cancellation_policy, property_id, code, lock=True)
    await check_version(tx, properties.cancellation_policy, row, version)
    refuse_while_used(
        row.name,
        await policy_uses(tx, policy_id=row.id),
        fix="assign these rate plans another policy first",
    )
    await policies.remove(tx, policy=row)
