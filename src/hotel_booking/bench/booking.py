"""Part 4, booking: holds over the API beside pgbench running the very same SQL; a night that all want."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random
from urllib.parse import parse_qs, urlsplit

import msgspec
import psycopg
from msgspec.structs import replace

from hotel_booking.api.booking_answers import BookingAnswer
from hotel_booking.bench import draws, recording
from hotel_booking.bench.catalogue import TYPES, Catalogue
from hotel_booking.bench.context import Context
from hotel_booking.bench.figures import Figure, spread
from hotel_booking.bench.floor import constant
from hotel_booking.bench.generator import Job, Request
from hotel_booking.bench.machine import cpu_seconds
from hotel_booking.bench.measuring import RoundResult, Target, figure_of, measured_of
from hotel_booking.bench.requests import post
from hotel_booking.bench.search import LARGEST_DATABASE, database
from hotel_booking.bench.servers import Server
from hotel_booking.ops.embedded import SUPERUSER, EmbeddedError
from hotel_booking.ops.embedded.programs import find_programs

PART = "booking"
PGBENCH, HOLDS = "pgbench, the same SQL", "POST /bookings"
CONNECTIONS = 16
SHARE = 0.6
_CROWD, _CROWD_SHARE = 200, 0.7
_MOST_A_SECOND = 2_500  # holds that may be made in a second; there are quotes for so many
_STAYS = 400  # different ones among the quotes
_HOT = "one room type and night"
_TPS = re.compile(r"tps = ([\d.]+) \(without")


class _Quotes:
    """Quotes that nobody has used yet: some made over the API, and copies of them."""

    def __init__(self, url: str, made: Sequence[str], copies: int) -> None:
        with psycopg.connect(url) as connection:
            rows = connection.execute(
                "INSERT INTO quote SELECT (jsonb_populate_record(q, jsonb_build_object('id',"
                " gen_random_uuid()))).* FROM quote q, generate_series(1, %s) WHERE q.id = ANY (%s)"
                " RETURNING id::text",
                (-(-copies // len(made)), list(made)),
            ).fetchall()
        self._ids = [row[0] for row in rows]
        Random(1).shuffle(self._ids)  # noqa: S311  # an order

    def take(self, count: int) -> list[str]:
        """The next ones."""
        taken, self._ids = self._ids[:count], self._ids[count:]
        return taken


def measure(context: Context) -> Iterator[Figure]:
    """Holds in turns with pgbench, then quotes, then the night that all want."""
    url, catalogue = database(context, max(size for size in context.sizes if size <= LARGEST_DATABASE))
    script, example = _record(context, url, catalogue)
    with context.server("ours", url, HOTEL_POOL_SIZE=str(CONNECTIONS)) as server:
        yield from _holds(context, url, catalogue, server, script, example)
        quote = Target(
            name="POST /quotes",
            server=server,
            requests=draws.many(2_000, context.session.seed + 1, partial(draws.quote, catalogue=catalogue)),
            check=_created,
            limit=constant(server).name,
        )
        yield from context.session.measure(PART, [constant(server), quote])[1:]
        yield from _crowd(context, url, catalogue, server)


def _record(context: Context, url: str, catalogue: Catalogue) -> tuple[recording.Script, str]:
    """What the second hold of a fresh server runs, as a script, and its quote's id."""
    name = urlsplit(url).path[1:]
    log = context.cluster.data / "log"
    _set(url, f"ALTER DATABASE {name} SET log_statement = 'all'")
    try:
        with context.server("ours", url) as server:
            first, second = _quoted(context, server, catalogue, 2)
            _hold_one(context, server, first)
            time.sleep(0.5)
            since = recording.size(log)
            _hold_one(context, server, second)
            time.sleep(0.5)
            statements = recording.recorded(log, name, since)
    finally:
        _set(url, f"ALTER DATABASE {name} RESET log_statement")
    if not statements:
        raise EmbeddedError("PostgreSQL has logged no statement of a hold")
    return recording.script_of(statements), second


def _holds(
    context: Context, url: str, catalogue: Catalogue, server: Server, script: recording.Script, example: str
) -> Iterator[Figure]:
    session = context.session
    each = int(_MOST_A_SECOND * session.seconds)
    quotes = _Quotes(url, _quoted(context, server, catalogue, _STAYS), each * session.rounds * 3)
    recording.fill_values(url, script, example, quotes.take(2 * each * session.rounds))
    file = session.folder / "hold.sql"
    file.write_text(script.text)
    file.chmod(0o644)
    ours: list[RoundResult] = []
    theirs: list[tuple[float, float]] = []
    target = Target(name=HOLDS, server=server, requests=[], check=_created, limit=PGBENCH, least=SHARE)
    for number in range(session.rounds):
        session.say(f"{PART}: round {number + 1} of {session.rounds}")
        turns: list[Callable[[], None]] = [
            lambda: ours.append(_hold_all(context, target, quotes.take(each), CONNECTIONS)),
            lambda: theirs.append(_pgbench(context, url)),
        ]
        for turn in turns if number % 2 else reversed(turns):
            turn()
    yield Figure(
        part=PART,
        name=PGBENCH,
        rate=spread([rate for rate, _ in theirs]),
        database_us=spread([1e6 * cpu for _, cpu in theirs]),
        rounds=len(theirs),
        note=f"{len(script.text.splitlines()) - 1} statements of a hold, and one that reads its new values",
    )
    limits = [(rate, 1e6 * cpu) for rate, cpu in theirs]
    figure = figure_of(PART, target, ours, limits)
    yield replace(figure, note="; ".join(filter(None, (_oversold(url), figure.note))))
    python = spread([round_.cpu_us("server") / max(1.0, round_.cpu_us("database")) for round_ in ours])
    yield Figure(
        part=PART,
        name="Python's CPU of a hold beside PostgreSQL's",
        value=python,
        unit="times",
        goal="at most 1 times",
        met=python.median <= 1,
    )


def _crowd(context: Context, url: str, catalogue: Catalogue, server: Server) -> Iterator[Figure]:
    """The same night for sixteen clients and for two hundred."""
    session = context.session
    each = int(_MOST_A_SECOND * session.seconds)
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE room_night SET physical = 32000 WHERE room_type_id = %s", (TYPES + TYPES - 1,)
        )
    wanted = {
        "property": "hotel-bench-1",
        **draws.stay(Random(session.seed), catalogue.first, longest=1),  # noqa: S311  # any night
        "rooms": [{"room_type": "T4", "rate_plan": "FLEX", "adults": 2, "children": []}],
    }
    made = _answers(context, server, [post("quote", "/api/v1/quotes", wanted)])
    quotes = _Quotes(url, made, min(30_000, each * 2 * session.rounds))
    few = Target(name=f"{_HOT}, 16 clients", server=server, requests=[], check=_created)
    crowd = replace(few, name=f"{_HOT}, {_CROWD} clients", limit=few.name, least=_CROWD_SHARE)
    found: dict[str, list[RoundResult]] = {few.name: [], crowd.name: []}
    share = min(each, 30_000 // (2 * session.rounds))
    for number in range(session.rounds):
        for target, clients in ((few, CONNECTIONS), (crowd, _CROWD))[:: 1 if number % 2 else -1]:
            session.say(f"{PART}: {target.name}, round {number + 1} of {session.rounds}")
            found[target.name].append(_hold_all(context, target, quotes.take(share), clients))
    limits = [(round_.rate, round_.cpu_us()) for round_ in found[few.name]]
    yield figure_of(PART, few, found[few.name], [])
    yield figure_of(PART, crowd, found[crowd.name], limits)


def _quoted(context: Context, server: Server, catalogue: Catalogue, count: int) -> list[str]:
    """Ids of fresh quotes, of different stays."""
    return _answers(
        context, server, draws.many(count, context.session.seed, partial(draws.quote, catalogue=catalogue))
    )


def _answers(context: Context, server: Server, requests: list[Request]) -> list[str]:
    job = Job(
        port=server.port,
        requests=requests,
        connections=min(8, len(requests)),
        seconds=300,
        once=True,
        keep=len(requests),
        every=1,
    )
    answers = context.session.send(job).answers
    if len(answers) < len(requests) or any(answer.status != 201 for answer in answers):
        raise EmbeddedError(f"a quote was refused: {answers[-1].body[:200]!r}" if answers else "no quotes")
    return [str(msgspec.json.decode(answer.body)["id"]) for answer in answers]


def _hold_one(context: Context, server: Server, quote: str) -> None:
    job = Job(port=server.port, requests=_bookings([quote], 7), connections=1, seconds=60, once=True)
    outcome = context.session.send(job)
    if outcome.statuses.get("hold") != {201: 1}:
        raise EmbeddedError(f"a hold was refused: {outcome.answers}")


def _hold_all(context: Context, target: Target, quotes: Sequence[str], clients: int) -> RoundResult:
    """Hold for as long as a round lasts, or until the quotes are used up."""
    now = replace(target, requests=_bookings(quotes, context.session.seed), connections=clients)
    return measured_of(now, context.session.send(context.session.job(now, once=True)))


def _bookings(quotes: Sequence[str], seed: int) -> list[Request]:
    rng = Random(seed)  # noqa: S311  # names of guests
    return [
        post(
            "hold",
            "/api/v1/bookings",
            {"quote": quote, "guest": draws.guest(rng)},
            sender=draws.somebody(rng),
        )
        for quote in quotes
    ]


def _created(_request: Request, status: int, body: bytes) -> str | None:
    if status != 201:
        return f"status {status}: {body[:200].decode(errors='replace')}"
    found = msgspec.json.decode(body)
    if "reservations" in found and msgspec.convert(found, BookingAnswer, strict=False).status != "held":
        return f"{found['reference']} is {found['status']}"
    return None


def _pgbench(context: Context, url: str) -> tuple[float, float]:
    """One round: transactions a second, and seconds of the database's CPU for one. Raises `EmbeddedError`."""
    program = find_programs() / "pgbench"
    if not program.exists():
        raise EmbeddedError(f"there is no pgbench in {program.parent}: booking has no limit to compare with")
    parts = urlsplit(url)
    session = context.session
    before = cpu_seconds([session.postmaster])
    command = [
        str(program),
        "-n",
        "-M",
        "prepared",
        "-c",
        str(CONNECTIONS),
        "-T",
        str(max(1, round(session.seconds))),
    ]
    command += [
        "-f",
        str(session.folder / "hold.sql"),
        "-U",
        SUPERUSER,
        "-h",
        parse_qs(parts.query)["host"][0],
    ]
    done = subprocess.run(  # noqa: S603  # PostgreSQL's own program
        [*command, parts.path[1:]], capture_output=True, text=True, check=False
    )
    found = _TPS.search(done.stdout)
    if done.returncode or found is None:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise EmbeddedError(
            f"pgbench failed: {next((line for line in said if 'aborted in' in line), said[-1])}"
        )
    rate = float(found[1])
    return rate, (cpu_seconds([session.postmaster]) - before) / max(1.0, rate * round(session.seconds))


def _oversold(url: str) -> str:
    """That the holds were real: what the database counts of them, and that no night has too many."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM booking WHERE status = 'held'),"
            " (SELECT count(*) FROM room_night WHERE taken > capacity + overbooking_limit)"
        ).fetchone()
    held, oversold = row or (0, 0)
    return f"{held:,} holds stand, {oversold} nights are oversold"


def _set(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
