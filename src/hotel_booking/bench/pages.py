"""Part 3, what guests wait for besides the search: offers, calendar, results page and hotel page. The pages
are also asked for again: a few that many look at, which the site keeps as they were sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from random import Random

from hotel_booking.bench import draws
from hotel_booking.bench.catalogue import Catalogue
from hotel_booking.bench.context import Context
from hotel_booking.bench.figures import Figure
from hotel_booking.bench.generator import Request
from hotel_booking.bench.search import measured, served, target

_PAGES: tuple[tuple[str, Callable[[Random, Catalogue], Request], float], ...] = (
    ("offers", draws.offers, 0.3),
    ("calendar of 60 nights", draws.calendar, 0.3),
    ("results page", draws.results_page, 0.15),
    ("hotel page", draws.hotel_page, 0.1),
    ("results page, again", draws.again(draws.results_page), 0.15),
    ("hotel page, again", draws.again(draws.hotel_page), 0.1),
)


def measure(context: Context) -> Iterator[Figure]:
    """All of them on each catalogue, in turns."""
    with ExitStack() as stack:
        targets = []
        for properties in context.sizes:
            server, catalogue = stack.enter_context(served(context, properties))
            targets += [
                target(context, server, f"{name}, of {properties:,}", _bound(draw, catalogue), least)
                for name, draw, least in _PAGES
            ]
        yield from measured(context, "pages", targets, targets[0].server)


def _bound(draw: Callable[[Random, Catalogue], Request], catalogue: Catalogue) -> Callable[[Random], Request]:
    return lambda rng: draw(rng, catalogue)
