"""How many rooms a file needs, and how fewer are shared out. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from hotel_booking.replay.demand import Kind
from hotel_booking.replay.events import Plan, Step, free_from


def need(plan: Plan) -> dict[Kind, int]:
    """The rooms of each kind that are taken at once, at most, when nothing is refused: exactly what the
    rows need, by the rules of release that the platform has."""
    if not plan.rows:
        return {}
    first, last = plan.nights
    start, nights = first.toordinal(), (last - first).days + 1
    taken = {row.kind: [0] * nights for row in plan.rows}
    peak = dict.fromkeys(taken, 0)
    for event in plan.events:
        row = plan.rows[event.row]
        if event.step is Step.CHECK_IN:
            continue
        if event.step is Step.CREATE:
            begin, change = row.arrival, 1
        else:
            begin, change = free_from(row), -1
        counts = taken[row.kind]
        for night in range(begin.toordinal() - start, row.departure.toordinal() - start):
            counts[night] += change
            if change > 0:
                peak[row.kind] = max(peak[row.kind], counts[night])
    return peak


def share_out(rooms: int, needed: Mapping[Kind, int]) -> dict[Kind, int]:
    """`rooms` in all over the kinds, in proportion to what each needs: whole shares first, the rooms left
    over to the largest remainders (equal ones in the order of the kinds). Adds up to `rooms`."""
    total = sum(needed.values())
    if not total:
        return dict(needed)
    shares = {kind: rooms * count // total for kind, count in needed.items()}
    remainders = sorted(needed, key=lambda kind: (-(rooms * needed[kind] % total), kind))
    for kind in remainders[: rooms - sum(shares.values())]:
        shares[kind] += 1
    return shares
