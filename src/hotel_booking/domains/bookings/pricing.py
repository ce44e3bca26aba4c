"""Prices of what was sold, recomputed from the rules stored with it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

import msgspec

from hotel_booking.domains.bookings.types import QuotedRoom, Reservation, SaleTerms
from hotel_booking.domains.rates.pricing import night_totals, price
from hotel_booking.domains.rates.types import NightPrice, Occupancy, Price


def recompute(
    terms: SaleTerms, night_prices: Sequence[NightPrice], adults: int, children: tuple[int, ...]
) -> Price:
    """The price of a sale from its own stored rules: the same to the cent, whatever changed since."""
    return price(terms.rules, night_prices, Occupancy(adults, children))


def price_of(room: QuotedRoom | Reservation, terms: SaleTerms) -> Price:
    """The price of a quoted or booked room, line by line."""
    return recompute(terms, room.night_prices, room.adults, room.children)


def nights_of(room: Reservation) -> list[int]:
    """What each night of a booked room costs, taxes in, minor units; they add up to the room's total."""
    return night_totals(price_of(room, room.terms))


def terms_key(terms: SaleTerms) -> tuple[UUID, dict[str, object]]:
    """The terms' id (the first 128 bits of the SHA-256 of their canonical JSON) and their JSON body."""
    body = msgspec.json.encode(terms, order="deterministic")
    return UUID(bytes=sha256(body).digest()[:16]), msgspec.to_builtins(terms)
