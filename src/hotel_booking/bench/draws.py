"""What guests ask: drawn at random from a seed, so that no cache helps."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta

from hotel_booking.bench.catalogue import AMENITIES, NIGHTS, Catalogue, City, slug
from hotel_booking.bench.generator import Request
from hotel_booking.bench.requests import Sender, get, post, then_post

_ASKED_AGAIN = 50  # different requests, among which those that ask again draw
_FURTHEST = NIGHTS - 70  # days to the arrival, so that a calendar of 60 nights has them all


def many(count: int, seed: int, draw: Callable[[random.Random], Request]) -> list[Request]:
    """So many requests."""
    rng = random.Random(seed)  # noqa: S311  # draws of a bench
    return [draw(rng) for _ in range(count)]


def stay(rng: random.Random, first: date, *, longest: int = 7) -> dict[str, object]:
    """A stay of one night up to `longest`."""
    arrival = first + timedelta(days=rng.randint(2, _FURTHEST))
    return {"arrival": arrival, "departure": arrival + timedelta(days=rng.randint(1, longest))}


def party(rng: random.Random) -> dict[str, object]:
    """Mostly two adults, some alone, some three, some with a child."""
    asked: dict[str, object] = {"adults": rng.choice((1, 2, 2, 2, 2, 3))}
    if asked["adults"] != 3 and rng.random() < 0.15:
        asked["children"] = rng.randint(1, 12)
    return asked


def search(rng: random.Random, catalogue: Catalogue, cities: Sequence[City]) -> Request:
    """A search as guests make it: a city or a point near it, any dates, now and then filters, any order."""
    city = rng.choice(cities)
    query: dict[str, object]
    if rng.random() < 0.5:
        query = {"place": city.id}
    else:
        near = (round(city.lat + rng.uniform(-0.02, 0.02), 5), round(city.lon + rng.uniform(-0.02, 0.02), 5))
        query = {"lat": near[0], "lon": near[1], "radius_km": rng.randint(20, 30)}
    query |= stay(rng, catalogue.first) | party(rng)
    query["sort"] = rng.choice(("price", "price", "price", "distance", "stars", "name"))
    chance = rng.random()
    if chance < 0.1:
        query["min_stars"] = rng.randint(2, 4)
    elif chance < 0.2:
        query["amenities"] = rng.choice(AMENITIES)
    elif chance < 0.25:
        query["refundable"] = "true"
    elif chance < 0.3:
        query |= {"currency": "EUR", "price_max": rng.randint(20, 120) * 1000}
    return get("search", "/api/v1/search", query)


def named(city: City, first: date) -> dict[str, object]:
    """A search of a city by its id, for a night."""
    return {"place": city.id, "arrival": first + timedelta(days=2), "departure": first + timedelta(days=3)}


def offers(rng: random.Random, catalogue: Catalogue) -> Request:
    """All offers of a hotel for a stay."""
    return get("offers", f"/api/v1/properties/{_hotel(rng, catalogue)}/offers", _asked(rng, catalogue))


def calendar(rng: random.Random, catalogue: Catalogue) -> Request:
    """Sixty nights of a hotel."""
    first = catalogue.first + timedelta(days=rng.randint(2, _FURTHEST))
    query: dict[str, object] = {"from": first, "to": first + timedelta(days=59), "adults": rng.randint(1, 2)}
    return get("calendar", f"/api/v1/properties/{_hotel(rng, catalogue)}/calendar", query)


def results_page(rng: random.Random, catalogue: Catalogue) -> Request:
    """The site's page of results of a city."""
    query = {"place": rng.choice(catalogue.towns).id, **_asked(rng, catalogue)}
    return get("results page", f"/{_language(rng)}/search", query)


def hotel_page(rng: random.Random, catalogue: Catalogue) -> Request:
    """The site's page of a hotel, with dates."""
    where = f"/{_language(rng)}/hotels/{_hotel(rng, catalogue)}"
    return get("hotel page", where, _asked(rng, catalogue))


def again(
    draw: Callable[[random.Random, Catalogue], Request],
) -> Callable[[random.Random, Catalogue], Request]:
    """Draws out of the same few requests, so that each is asked many times."""

    def one(rng: random.Random, catalogue: Catalogue) -> Request:
        return draw(random.Random(rng.randrange(_ASKED_AGAIN)), catalogue)  # noqa: S311  # draws of a bench

    return one


def _asked(rng: random.Random, catalogue: Catalogue) -> dict[str, object]:
    return stay(rng, catalogue.first) | party(rng)


def _language(rng: random.Random) -> str:
    return rng.choice(("en", "en", "de", "fr", "es", "ar"))


def _hotel(rng: random.Random, catalogue: Catalogue) -> str:
    return slug(rng.randint(1, catalogue.properties))


def quote(rng: random.Random, catalogue: Catalogue) -> Request:
    """A quote of the room type that is always there, by a guest with an address of their own."""
    return post("quote", "/api/v1/quotes", _wanted(rng, catalogue), sender=somebody(rng))


def reserve(rng: random.Random, catalogue: Catalogue, *, dates: dict[str, object] | None = None) -> Request:
    """A quote, and the hold of it; any stay, or the one of these dates."""
    sender = somebody(rng)
    first = post("reserve", "/api/v1/quotes", _wanted(rng, catalogue, dates), sender=sender)
    return then_post(first, "/api/v1/bookings", {"guest": guest(rng)}, named="quote", sender=sender)


def guest(rng: random.Random) -> dict[str, str]:
    """Somebody with a mailbox of their own."""
    return {
        "given_name": "Ana",
        "family_name": "Silva",
        "email": f"ana-{rng.getrandbits(48):012x}@example.com",
    }


def somebody(rng: random.Random) -> Sender:
    """A guest at an address of their own."""
    return Sender(address=".".join(str(rng.randint(11, 120)) for _ in range(4)))


def _wanted(
    rng: random.Random, catalogue: Catalogue, dates: dict[str, object] | None = None
) -> dict[str, object]:
    room = {"room_type": "T4", "rate_plan": "FLEX", "adults": rng.randint(1, 2), "children": []}
    dates = dates or stay(rng, catalogue.first, longest=5)
    return {"property": _hotel(rng, catalogue), **dates, "rooms": [room]}
