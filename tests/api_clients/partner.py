"""What a partner writes against the generated Python client: book, pay, be declined, cancel, set prices.

Run in the clients' own environment, against a running demo: `partner.py ADDRESS API-KEY`. Type-checked by
`mypy --strict`.
"""

from __future__ import annotations

import datetime
import sys
from uuid import UUID, uuid4

from hotel_client import AuthenticatedClient, Client
from hotel_client.api.booking import (
    cancel_booking,
    create_booking,
    create_payment,
    create_quote,
    get_booking,
    preview_cancellation,
)
from hotel_client.api.rates_and_availability import get_ari, put_ari
from hotel_client.api.search import list_offers, list_places, search_hotels
from hotel_client.models import (
    AriAnswer,
    AriNights,
    AriRequest,
    AriUpdate,
    AriUpdateWeekdaysType0Item,
    BookingAnswer,
    BookingRequest,
    CancelAnswer,
    CancellationAnswer,
    GuestDetails,
    HeldAnswer,
    OffersAnswer,
    PaymentAnswer,
    PaymentRequest,
    PlacesAnswer,
    Problem,
    QuoteAnswer,
    QuoteRequest,
    RoomRequest,
    SearchAnswer,
)

ARRIVAL = datetime.date.today() + datetime.timedelta(days=70)
DEPARTURE = ARRIVAL + datetime.timedelta(days=2)


def quote_of(client: Client, slug: str, plan: str) -> QuoteAnswer:
    """A quote for two adults in the hotel's cheapest room on this plan."""
    found = list_offers.sync(slug, client=client, arrival=ARRIVAL, departure=DEPARTURE, adults=2)
    assert isinstance(found, OffersAnswer), found
    offer = next(offer for offer in found.offers if offer.rate_plan == plan)
    quote = create_quote.sync(
        client=client,
        body=QuoteRequest(
            property_=slug,
            arrival=ARRIVAL,
            departure=DEPARTURE,
            rooms=[RoomRequest(room_type=offer.room_type, rate_plan=offer.rate_plan, adults=2)],
        ),
    )
    assert isinstance(quote, QuoteAnswer), quote
    assert quote.total.amount == offer.total.amount
    assert quote.expires_at.tzinfo is not None
    return quote


def hold(client: Client, quote: UUID) -> HeldAnswer:
    """A hold; sent twice under one key, as after a broken connection, it is the same one."""
    guest = GuestDetails(given_name="Ana", family_name="Silva", email="ana@example.com", country="PT")
    key = str(uuid4())
    held = create_booking.sync(
        client=client, body=BookingRequest(quote=quote, guest=guest), idempotency_key=key
    )
    again = create_booking.sync(
        client=client, body=BookingRequest(quote=quote, guest=guest), idempotency_key=key
    )
    assert isinstance(held, HeldAnswer), held
    assert isinstance(again, HeldAnswer), again
    assert again.access_token == held.access_token
    taken = create_booking.sync(client=client, body=BookingRequest(quote=quote, guest=guest))
    assert isinstance(taken, Problem), taken
    assert (taken.code, taken.additional_properties["booking"]) == ("quote_used", held.reference)
    return held


def book(client: Client, address: str, slug: str) -> None:
    """Declined once, then paid, looked at and cancelled."""
    held = hold(client, quote_of(client, slug, "NRF").id)
    guest = AuthenticatedClient(base_url=address, token=held.access_token)
    declined = create_payment.sync_detailed(
        held.reference, client=guest, body=PaymentRequest(token="tok_decline")
    )
    assert declined.status_code == 402
    assert isinstance(declined.parsed, Problem), declined
    assert declined.parsed.code == "payment_declined"
    paid = create_payment.sync(held.reference, client=guest, body=PaymentRequest(token="tok_success"))
    assert isinstance(paid, PaymentAnswer), paid
    assert paid.status == "confirmed"
    booking = get_booking.sync(held.reference, client=guest)
    assert isinstance(booking, BookingAnswer), booking
    assert booking.paid.amount == booking.total.amount > 0
    cost = preview_cancellation.sync(held.reference, client=guest)
    assert isinstance(cost, CancellationAnswer), cost
    cancelled = cancel_booking.sync(held.reference, client=guest)
    assert isinstance(cancelled, CancelAnswer), cancelled
    assert cancelled.fee.amount == cost.fee.amount
    again = cancel_booking.sync_detailed(held.reference, client=guest)
    assert again.status_code == 409
    assert isinstance(again.parsed, Problem), again
    pending = hold(client, quote_of(client, slug, "NRF").id)
    guest = AuthenticatedClient(base_url=address, token=pending.access_token)
    waiting = create_payment.sync_detailed(
        pending.reference, client=guest, body=PaymentRequest(token="tok_timeout")
    )
    assert waiting.status_code == 202
    assert isinstance(waiting.parsed, PaymentAnswer), waiting
    assert waiting.parsed.status == "pending"


def set_prices(partner: AuthenticatedClient, slug: str) -> None:
    """A weekend's price, read back; a line that cannot be right is named."""
    line = AriUpdate(
        room_type="DELUXE",
        rate_plan="FLEX",
        from_=ARRIVAL,
        to=ARRIVAL + datetime.timedelta(days=13),
        weekdays=[AriUpdateWeekdaysType0Item.FRI, AriUpdateWeekdaysType0Item.SAT],
        price=41_000,
    )
    written = put_ari.sync(slug, client=partner, body=AriRequest(updates=[line]))
    assert isinstance(written, AriAnswer), written
    assert written.rate_nights == 4
    loaded = get_ari.sync(slug, client=partner, from_=line.from_, to=line.to)
    assert isinstance(loaded, AriNights), loaded
    assert sum(night.price == 41_000 for night in loaded.rate_nights) == 4
    wrong = AriUpdate(room_type="NONE", from_=ARRIVAL, to=ARRIVAL, closed=True)
    refused = put_ari.sync_detailed(slug, client=partner, body=AriRequest(updates=[line, wrong]))
    assert refused.status_code == 422
    assert isinstance(refused.parsed, Problem), refused
    assert refused.parsed.field == "updates[1].room_type"


def main(address: str, key: str) -> None:
    """The whole way, from a place's name to prices."""
    client = Client(base_url=address)
    places = list_places.sync(client=client, q="lis")
    assert isinstance(places, PlacesAnswer), places
    found = search_hotels.sync(client=client, arrival=ARRIVAL, departure=DEPARTURE, place="Lisbon")
    assert isinstance(found, SearchAnswer), found
    slug = found.results[0].property_.slug
    book(client, address, slug)
    set_prices(AuthenticatedClient(base_url=address, token=key), slug)
    print("booked, paid, declined, cancelled and priced at", slug)


if __name__ == "__main__":
    main(*sys.argv[1:])
