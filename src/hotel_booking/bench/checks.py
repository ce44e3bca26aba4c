"""Whether an answer is right. A rate of wrong or empty answers is worth nothing."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qs, urlsplit

import msgspec

from hotel_booking.api.calendar import CalendarAnswer
from hotel_booking.api.offers import OffersAnswer
from hotel_booking.api.search import SearchAnswer
from hotel_booking.bench.generator import Request


class CountingCheck:
    """A check that also counts how many answers had something in them: hotels, offers, prices."""

    def __init__(self) -> None:
        self.answers = 0
        self.filled = 0

    def __call__(self, request: Request, status: int, body: bytes) -> str | None:
        """What is wrong, or None."""
        if status != 200:
            return f"status {status}: {body[:200].decode(errors='replace')}"
        path, asked = _asked(request)
        self.answers += 1
        try:
            return self._look(path, asked, body)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            return f"{path}: {error}"

    def note(self) -> str:
        """How many of the checked answers had something to sell."""
        return f"{self.filled} of {self.answers} checked answers sell something"

    def _look(self, path: str, asked: dict[str, str], body: bytes) -> str | None:
        if path.endswith("/calendar"):
            return self._calendar(asked, msgspec.json.decode(body, type=CalendarAnswer))
        if path.endswith("/offers"):
            return self._offers(asked, msgspec.json.decode(body, type=OffersAnswer))
        if path.endswith("/api/v1/search"):
            return self._search(asked, msgspec.json.decode(body, type=SearchAnswer))
        return self._page(body)

    def _search(self, asked: dict[str, str], answer: SearchAnswer) -> str | None:
        self.filled += bool(answer.results)
        nights = _nights(asked)
        for result in answer.results:
            if result.offer.nights != nights or result.offer.total.amount <= 0:
                return f"{result.property.slug}: no price of {nights} nights"
            if result.property.distance_km is not None and result.property.distance_km > 31:
                return f"{result.property.slug} lies elsewhere"
        if asked.get("sort") == "price":
            # Without a currency to compare in, each currency has a place of its own.
            euros = [r.offer.total.amount for r in answer.results if r.offer.total.currency == "EUR"]
            if euros != sorted(euros) and "currency" not in asked:
                return "not in order of price"
        if asked.get("sort") == "stars":
            stars = [result.property.stars for result in answer.results]
            if stars != sorted(stars, reverse=True):
                return "not in order of stars"
        return None

    def _offers(self, asked: dict[str, str], answer: OffersAnswer) -> str | None:
        self.filled += bool(answer.offers)
        nights = _nights(asked)
        for offer in answer.offers:
            if (
                offer.nights != nights
                or sum(line.amount.amount for line in offer.lines) != offer.total.amount
            ):
                return f"{answer.property}: {offer.room_type} {offer.rate_plan} does not add up"
        return None

    def _calendar(self, asked: dict[str, str], answer: CalendarAnswer) -> str | None:
        self.filled += any(night.price is not None for night in answer.nights)
        first, last = date.fromisoformat(asked["from"]), date.fromisoformat(asked["to"])
        if len(answer.nights) != (last - first).days + 1:
            return f"{answer.property}: {len(answer.nights)} nights"
        return None

    def _page(self, body: bytes) -> str | None:
        self.filled += b"/book" in body or b"hotels/hotel-bench-" in body
        return None if body.rstrip().endswith(b"</html>") else "the page has no end"


def _asked(request: Request) -> tuple[str, dict[str, str]]:
    url = urlsplit(request.first.split(b" ", 2)[1].decode())
    return url.path, {name: values[0] for name, values in parse_qs(url.query).items()}


def _nights(asked: dict[str, str]) -> int:
    return (date.fromisoformat(asked["departure"]) - date.fromisoformat(asked["arrival"])).days
