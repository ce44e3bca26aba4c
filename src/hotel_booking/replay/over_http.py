"""The same replay from outside: every event a request to a running server, with the time it is simulated at.

The server's database is not ours to look into, so the figures are counted from its answers: each booking's
last state and total as the server answers them, and the nights taken as its ARI shows them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import httpx
import msgspec

from hotel_booking.core.errors import DomainError
from hotel_booking.domains.inventory.errors import SoldOut
from hotel_booking.replay.demand import CURRENCY, Kind, Row
from hotel_booking.replay.events import (
    Event,
    Plan,
    Step,
    departed,
    free_from,
)
from hotel_booking.replay.hotel import TIMEZONE, new_slug, whole_months
from hotel_booking.replay.report import (
    Month,
    Outcome,
    Totals,
    month,
)
from hotel_booking.replay.simulation import (
    OVERRIDE_REASON,
    PLAN_CODE,
    Simulation,
    lanes_of_kinds,
    spread,
)

_TOKEN = "tok_success"  # noqa: S105  # the sandbox's card that is always good
_LOOK = 400  # nights that the server shows in one answer
_ATTEMPTS = 60


class ServerRefused(DomainError):
    """The server cannot be reached, or answered something that stops the replay."""

    code = "server_refused"


class RemoteBooking(msgspec.Struct):
    """A booking as the server last answered it."""

    reference: str
    status: str
    total: int


class Server:
    """The API of a running server, called with a key."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def call(
        self,
        method: str,
        path: str,
        at: datetime,
        body: object = None,
        *,
        params: Mapping[str, str] | None = None,
    ) -> Any:
        """One request at a simulated instant; the answer's JSON. Waits where the server asks for it.

        Raises `SoldOut`, or `ServerRefused` with the server's own words.
        """
        headers = {"Hotel-Simulated-Time": at.isoformat()}
        for _ in range(_ATTEMPTS):
            try:
                answer = await self._client.request(
                    method, f"/api/v1{path}", json=body, headers=headers, params=params
                )
            except httpx.HTTPError as error:
                why = str(error) or type(error).__name__
                raise ServerRefused(f"no answer from {self._client.base_url}: {why}") from None
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                return _read(answer, f"{method} {path}")
            await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
        raise ServerRefused("the server's limit of requests is too low for a replay")


def _read(answer: httpx.Response, request: str) -> Any:
    try:
        content = answer.json() if answer.content else None
    except ValueError:
        raise ServerRefused(f"{request}: the server answered {answer.status_code} and no JSON") from None
    if answer.is_success:
        return content
    problem = content if isinstance(content, dict) else {}
    if problem.get("code") == SoldOut.code:
        raise SoldOut("sold out")
    detail = problem.get("detail") or answer.reason_phrase
    raise ServerRefused(f"{request}: {answer.status_code} {detail}", fix=problem.get("fix"))


async def play(
    url: str,
    api_key: str,
    plan: Plan,
    capacity: Mapping[Kind, int],
    progress: Callable[[date, int], None],
    stop: asyncio.Event,
) -> Outcome:
    """Simulate the plan on the server at `url`. Raises `ServerRefused`."""
    try:
        client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {api_key}"}, timeout=60, trust_env=False
        )
    except (httpx.InvalidURL, ValueError):
        raise ServerRefused(f"{url} is not an address such as http://localhost:8000") from None
    async with client:
        return await play_on(Server(client), plan, capacity, progress, stop)


async def play_on(
    server: Server,
    plan: Plan,
    capacity: Mapping[Kind, int],
    progress: Callable[[date, int], None],
    stop: asyncio.Event,
) -> Outcome:
    """Simulate the plan on this server."""
    simulation = Simulation(0, Counter())
    bookings: dict[int, RemoteBooking] = {}
    slugs = await _build(server, capacity, plan) if plan.rows else {}
    lane_of_kind = lanes_of_kinds(plan)
    for day, events in plan.days():
        if stop.is_set():
            break
        refused = await asyncio.gather(
            *(
                _lane(server, plan.rows, slugs, lane, bookings)
                for lane in spread(events, plan.rows, lane_of_kind)
            )
        )
        simulation.refused[SoldOut.code] += sum(refused)
        simulation.events += len(events)
        simulation.stopped_after = day
        progress(day, simulation.events)
    else:
        simulation.stopped_after = None
    simulation.refused += Counter()  # no line for what never happened
    return Outcome(
        simulation,
        _totals(plan, bookings),
        _months(plan, bookings, capacity),
        await _oversold(server, plan, slugs),
    )


async def _build(server: Server, capacity: Mapping[Kind, int], plan: Plan) -> dict[str, str]:
    first, last = whole_months(plan.nights)
    at = datetime.combine(first, time(), UTC)
    slugs: dict[str, str] = {}
    for hotel in sorted({kind.hotel for kind in capacity}):
        made = await server.call(
            "POST",
            "/properties",
            at,
            {
                "slug": new_slug(),
                "name": f"Replay of {hotel}",
                "country": "PT",
                "timezone": TIMEZONE,
                "day_end_time": "00:00:00",
                "currency": CURRENCY,
                "lat": 0.0,
                "lon": 0.0,
            },
        )
        slug = slugs[hotel] = made["slug"]
        await server.call("POST", f"/properties/{slug}/rate-plans", at, {"code": PLAN_CODE, "name": "Replay"})
        updates = []
        for kind in sorted(kind for kind in capacity if kind.hotel == hotel):
            body = {"code": kind.room_type, "name": kind.room_type}
            await server.call("POST", f"/properties/{slug}/room-types", at, body)
            updates.append(
                {
                    "room_type": kind.room_type,
                    "rate_plan": PLAN_CODE,
                    "from": first.isoformat(),
                    "to": last.isoformat(),
                    "capacity": capacity[kind],
                    "price": 10_000,
                }
            )
        await server.call("PUT", f"/properties/{slug}/ari", at, {"updates": updates})
    return slugs


async def _lane(
    server: Server,
    rows: Sequence[Row],
    slugs: Mapping[str, str],
    events: Sequence[Event],
    bookings: dict[int, RemoteBooking],
) -> int:
    refused = 0
    for event in events:
        row = rows[event.row]
        if event.step is Step.CREATE:
            try:
                bookings[event.row] = await _book(server, row, event.at, slugs[row.kind.hotel])
            except SoldOut:
                refused += 1
        elif event.row in bookings:
            await _follow(server, bookings[event.row], row, event)
    return refused


def _guest(row: Row) -> dict[str, str]:
    """Whom the API books for: it wants an address to write to, and this one is nobody's."""
    return {
        "given_name": "Guest",
        "family_name": f"of line {row.line}",
        "email": f"line-{row.line}@example.com",
    }


async def _book(server: Server, row: Row, at: datetime, slug: str) -> RemoteBooking:
    room = {
        "room_type": row.kind.room_type,
        "rate_plan": PLAN_CODE,
        "adults": row.adults,
        "children": list(row.ages),
    }
    wanted = {
        "property": slug,
        "arrival": row.arrival.isoformat(),
        "departure": row.departure.isoformat(),
        "rooms": [room],
        "agreed_price": row.price,
    }
    quote = await server.call("POST", "/quotes", at, wanted)
    booking = {"quote": quote["id"], "guest": _guest(row)}
    held = await server.call("POST", "/bookings", at, booking)
    paid = await server.call("POST", f"/bookings/{held['reference']}/payments", at, {"token": _TOKEN})
    if paid["status"] != "confirmed":
        raise ServerRefused(f"the payment for {held['reference']} is {paid['status']}, not confirmed")
    return RemoteBooking(held["reference"], paid["booking"]["status"], paid["booking"]["total"]["amount"])


async def _follow(server: Server, booking: RemoteBooking, row: Row, event: Event) -> None:
    verb, body = _request(row, event)
    answer = await server.call("POST", f"/bookings/{booking.reference}/{verb}", event.at, body)
    booking.status = answer["status"]
    if verb != "cancel":
        booking.total = answer["total"]["amount"]


def _request(row: Row, event: Event) -> tuple[str, dict[str, object] | None]:
    match event.step:
        case Step.CHECK_IN:
            return "check-in", {}
        case Step.CHECK_OUT | Step.CHECK_OUT_SAME_DAY:
            return "check-out", {"departed": departed(row).isoformat(), "override_reason": OVERRIDE_REASON}
        case Step.NO_SHOW:
            return "no-show", {"on": row.status_date.isoformat()}
        case Step.CANCEL | Step.CANCEL_SAME_DAY:
            return "cancel", None
        case Step.CREATE:
            raise AssertionError("a creation follows nothing")


def _slept(row: Row) -> int:
    return (free_from(row) - row.arrival).days


def _totals(plan: Plan, bookings: Mapping[int, RemoteBooking]) -> Totals:
    states = Counter(booking.status for booking in bookings.values())
    stays = [
        (plan.rows[index], booking) for index, booking in bookings.items() if booking.status == "checked_out"
    ]
    return Totals(
        accepted=len(bookings),
        cancelled=states["cancelled"],
        no_shows=states["no_show"],
        stays=len(stays),
        open=states["confirmed"] + states["checked_in"],
        room_nights=sum(row.nights for row, _ in stays),
        nights_slept=sum(_slept(row) for row, _ in stays),
        revenue=sum(booking.total for _, booking in stays),
    )


def _months(plan: Plan, bookings: Mapping[int, RemoteBooking], capacity: Mapping[Kind, int]) -> list[Month]:
    if not plan.rows:
        return []
    sold: Counter[date] = Counter()
    slept: Counter[date] = Counter()
    revenue: Counter[date] = Counter()
    for index, booking in bookings.items():
        row = plan.rows[index]
        if booking.status != "checked_out":
            continue
        for number in range(row.nights):
            first = (row.arrival + timedelta(days=number)).replace(day=1)
            sold[first] += 1
            slept[first] += number < _slept(row)
            revenue[first] += booking.total // row.nights
    first, last = whole_months(plan.nights)
    days = Counter(
        (first + timedelta(days=number)).replace(day=1) for number in range((last - first).days + 1)
    )
    rooms = sum(capacity.values())
    return [
        month(
            start, available=rooms * days[start], sold=sold[start], slept=slept[start], revenue=revenue[start]
        )
        for start in sorted(days)
    ]


async def _oversold(server: Server, plan: Plan, slugs: Mapping[str, str]) -> int:
    """Rooms taken beyond the capacity, as the server shows its nights."""
    if not plan.rows:
        return 0
    first, last = whole_months(plan.nights)
    too_many = 0
    for slug in slugs.values():
        since = first
        while since <= last:
            until = min(since + timedelta(days=_LOOK - 1), last)
            shown = await server.call(
                "GET",
                f"/properties/{slug}/ari",
                datetime.combine(since, time(), UTC),
                params={"from": since.isoformat(), "to": until.isoformat()},
            )
            too_many += sum(max(n.get("taken", 0) - n.get("capacity", 0), 0) for n in shown["room_nights"])
            since = until + timedelta(days=1)
    return too_many
