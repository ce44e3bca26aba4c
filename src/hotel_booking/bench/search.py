"""Part 2, search, by size of catalogue and city; at half load; and with thousands of live holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from random import Random

from msgspec.structs import replace

from hotel_booking.bench import draws
from hotel_booking.bench.catalogue import NIGHTS, Catalogue, catalogue_of, fill
from hotel_booking.bench.checks import CountingCheck
from hotel_booking.bench.context import Context
from hotel_booking.bench.figures import Figure, grown
from hotel_booking.bench.floor import OURS, constant
from hotel_booking.bench.generator import Job, Request
from hotel_booking.bench.measuring import Target
from hotel_booking.bench.requests import get
from hotel_booking.bench.servers import INDEX, INDEX_FOLDER, Server
from hotel_booking.bench.snapshot import generate
from hotel_booking.core.clock import utc_now

DRAWN = 20_000
HOLDS = 5_000
LARGEST_DATABASE = 10_000
TOWN, METROPOLIS = 0.5, 0.3
_P99_MS = 10.0
_GROWTH = 1.1


def database(context: Context, properties: int) -> tuple[str, Catalogue]:
    """The database of a catalogue of this size, made once, and its catalogue. Beyond what a scratch database
    can hold there are no nights in it."""
    catalogue = catalogue_of(properties, utc_now().date())
    nights = NIGHTS if properties <= LARGEST_DATABASE else 0
    url = context.database(f"catalogue_{properties}", lambda url: fill(url, catalogue, nights=nights))
    return url, catalogue


@contextmanager
def served(context: Context, properties: int) -> Iterator[tuple[Server, Catalogue]]:
    """A server of a catalogue of this size: its index loaded from the database, or generated."""
    url, catalogue = database(context, properties)
    settings = {}
    if properties > LARGEST_DATABASE:
        folder = context.session.folder / f"generated-{properties}"
        settings[INDEX_FOLDER] = str(folder)
        if not folder.exists():
            context.session.say(f"generating an index of {properties:,} properties")
            generate(url, folder, utc_now(), context.session.seed)
    with context.server("ours", url, **settings) as server:
        name_each(context, server, catalogue)
        yield server, catalogue


def measure(context: Context) -> Iterator[Figure]:
    """All sizes in turns, so that they can be compared; then the smallest at half load and with holds."""
    with ExitStack() as stack:
        servers = [stack.enter_context(served(context, properties)) for properties in context.sizes]
        targets = [target for server, catalogue in servers for target in _targets(context, server, catalogue)]
        url, catalogue = database(context, context.sizes[0])
        plain = stack.enter_context(context.server("ours", url, **{INDEX: "false"}))
        by_sql = [
            replace(target, name=f"{target.name}, by SQL", least=None)
            for target in _targets(context, plain, catalogue)
        ]
        server = servers[0][0]
        figures = list(measured(context, "search", targets + by_sql, server))
        yield from figures
        yield from _growth(context, figures[: len(targets)])
        half = replace(
            targets[0],
            name=f"{targets[0].name}, at half of that rate",
            rate=max(1.0, (figures[0].rate.median if figures[0].rate else 2.0) / 2),
            limit=None,
            least=None,
            p99_below_ms=_P99_MS,
            connections=64,
            check=CountingCheck(),
        )
        yield from measured(context, "search", [half], server)
        holds = 50 if context.session.quick else HOLDS
        hold(context, server, catalogue, holds)
        held = replace(
            targets[0], name=f"{targets[0].name}, with {holds:,} live holds", check=CountingCheck()
        )
        yield from measured(context, "search", [held], server)


def name_each(context: Context, server: Server, catalogue: Catalogue) -> None:
    """Ask for each city by its id once: a process asks the database what an id means and remembers it, which
    a round of some seconds would otherwise measure in a catalogue of many cities, and a day would not."""
    names = [get("named", "/api/v1/search", draws.named(city, catalogue.first)) for city in catalogue.cities]
    context.session.send(Job(port=server.port, requests=names, connections=4, seconds=600, once=True))


def hold(context: Context, server: Server, catalogue: Catalogue, count: int) -> None:
    """Make so many holds, as guests make them."""
    context.session.say(f"making {count:,} holds")
    reserve = partial(draws.reserve, catalogue=catalogue)
    outcome = context.session.send(
        Job(
            port=server.port,
            requests=draws.many(count, context.session.seed, reserve),
            connections=16,
            seconds=600,
            once=True,
        )
    )
    if outcome.done.get("reserve", 0) < count or set(outcome.statuses.get("reserve", {})) != {201}:
        raise RuntimeError(f"of {count} holds: {outcome.statuses}")


def _targets(context: Context, server: Server, catalogue: Catalogue) -> Iterator[Target]:
    of = f"of {catalogue.properties:,}"
    towns = partial(draws.search, catalogue=catalogue, cities=catalogue.towns)
    yield target(context, server, f"city of {catalogue.towns[0].hotels} hotels, {of}", towns, TOWN)
    if catalogue.metropolis is not None:
        large = partial(draws.search, catalogue=catalogue, cities=(catalogue.metropolis,))
        name = f"city of {catalogue.metropolis.hotels:,} hotels, {of}"
        yield target(context, server, name, large, METROPOLIS)


def _growth(context: Context, figures: list[Figure]) -> Iterator[Figure]:
    """What a search of a city of the same size costs in the largest catalogue, as a share of the smallest."""
    rows = [figure for figure in figures if "city of 100 " in figure.name]
    costs = [cost for figure in rows if (cost := figure.cost()) is not None]
    if len(costs) < 2:
        return
    name = f"its cost, {context.sizes[-1]:,} beside {context.sizes[0]:,} properties"
    yield grown("search", name, costs[-1] / costs[0], most=_GROWTH)


def target(
    context: Context, server: Server, name: str, draw: Callable[[Random], Request], least: float | None
) -> Target:
    """Requests that are drawn by `draw`, as a share of the constant endpoint."""
    count = 500 if context.session.quick else DRAWN
    return Target(
        name=name,
        server=server,
        requests=draws.many(count, context.session.seed, draw),
        check=CountingCheck(),
        limit=OURS,
        least=least,
    )


def measured(context: Context, part: str, targets: list[Target], server: Server) -> Iterator[Figure]:
    """The rows of the targets, each with what its answers held; the limit's own row stays away."""
    for figure in context.session.measure(part, [constant(server), *targets])[1:]:
        asked = next(target for target in targets if target.name == figure.name)
        said = asked.check.note() if isinstance(asked.check, CountingCheck) else ""
        yield replace(figure, answers=asked.server.answers, note="; ".join(filter(None, (said, figure.note))))
