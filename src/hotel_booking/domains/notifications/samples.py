"""What a message tells, for the preview of its template. Invented, and obviously so."""

from __future__ import annotations

from typing import Any

_BOOKING: dict[str, Any] = {
    "name": "Sample Guest",
    "reference": "ABCD-EFGH",
    "property": "Sample Hotel",
    "timezone": "Europe/Lisbon",
    "arrival": "2027-03-10",
    "departure": "2027-03-13",
    "rooms": ["2 × Double room", "Single room"],  # noqa: RUF001 - the sign of times, no x
    "parties": [
        {"room": "Double room", "adults": 2, "ages": [], "meal": 3},
        {"room": "Double room", "adults": 1, "ages": [4, 9], "meal": 3},
        {"room": "Single room", "adults": 1, "ages": [], "meal": 14},
    ],
    "total": 38_700,
    "currency": "EUR",
    "link": "https://hotel.example/booking/ABCD-EFGH",
}
_CANCELLING: dict[str, Any] = {
    "free_until": "2027-03-08T18:00:00+00:00",
    "always_free": False,
    "giving_up": [
        {"when": "from", "since": "2027-03-08T18:00:00+00:00", "fee": 12_900},
        {"when": "no_show", "since": None, "fee": 38_700},
    ],
}
_STAY: dict[str, Any] = {
    **_BOOKING,
    "paid": 12_900,
    "reserved": 0,
    "later": [],
    "at_hotel": 25_800,
    "address": "1 Sample Street, 1000 Sampletown",
    "where": ["1 Sample Street", "1000 Sampletown"],
    "country": "PT",
    "check_in": "15:00",
    "check_out": "11:00",
}

SAMPLES: dict[str, dict[str, Any]] = {
    "booking_held": {**_BOOKING, "expires": "2027-02-01T10:15:00+00:00", "due_now": 12_900},
    "booking_confirmed": {**_STAY, **_CANCELLING},
    "booking_amended": {
        **_STAY,
        "cancelled": [{"number": 2, "room": "Double Room", "fee": 12_900}],
        "refund": 5_000,
        "back": [{"way": "card", "amount": 5_000}],
        "open": 25_800,
        "due": 0,
        "cancellable": True,
        **_CANCELLING,
    },
    "booking_cancelled": {
        **_BOOKING,
        "fee": 12_900,
        "refund": 25_800,
        "back": [{"way": "card", "amount": 25_800}],
    },
    "booking_no_show": {
        **_BOOKING,
        "fee": 12_900,
        "refund": 25_800,
        "back": [{"way": "card", "amount": 25_800}],
    },
    "before_arrival": _STAY,
    "transfer_expected": {
        **_BOOKING,
        "due_now": 12_900,
        "account": "Sample Hotel, IBAN XX00 0000 0000 0000",
        "until": "2027-02-04T10:15:00+00:00",
    },
    "payment_received": {
        **_BOOKING,
        "amount": 12_900,
        "way": "card",
        "open": 25_800,
        "at": "2027-02-01T10:15:00+00:00",
    },
    "payment_reversed": {**_BOOKING, "amount": 12_900, "open": 38_700, "at": "2027-02-01T10:15:00+00:00"},
    "refund_sent": {
        **_BOOKING,
        "amount": 12_900,
        "way": "card",
        "at": "2027-02-01T10:15:00+00:00",
        "by": "2027-02-11",
    },
    "payment_returned": {**_BOOKING, "amount": 12_900, "standing": False},
    "balance_due": {**_BOOKING, "amount": 25_800, "declined": True},
    "booking_list": {
        "bookings": [
            {name: _BOOKING[name] for name in ("reference", "property", "arrival", "departure", "link")}
        ]
    },
    "guest_message": {**_BOOKING, "text": "Arriving late: 23:00"},
    "staff_invitation": {
        "name": "Sample Colleague",
        "invited_by": "Sample Manager",
        "link": "https://hotel.example/admin/invitation/sample",
    },
    "password_reset": {"name": "Sample Colleague", "link": "https://hotel.example/admin/password/sample"},
    "guest_verify": {"link": "https://hotel.example/en/account/open/sample"},
    "guest_sign_in": {
        "name": "Sample Guest",
        "why": "sign_in",
        "link": "https://hotel.example/en/account/sign-in/sample",
    },
    "guest_notice": {
        "name": "Sample Guest",
        "what": "password_changed",
        "at": "2027-02-01T10:15:00+00:00",
    },
    "guest_erased": {"bookings": 3},
    "status_confirm": {"link": "https://hotel.example/status/subscription/1/confirm"},
    "status_news": {
        "title": "Sample incident",
        "body": "Pages may take longer than usual to load.",
        "link": "https://hotel.example/status/subscription/1",
    },
    "security_notice": {
        "name": "Sample Colleague",
        "what": "password_changed",
        "at": "2027-02-01T10:15:00+00:00",
    },
}
