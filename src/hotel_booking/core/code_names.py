"""What codes are called: the one table of names in English, for the panel and for what errors say.

    called("checked_in", "booking")     in house
    headed("checked_in", "booking")     In house

A code is for programs, a name for people: nobody is shown `bank_transfer`. The site says the same things in
the guest's language, by its own catalogues. Names are written as they stand inside a sentence.
"""

from __future__ import annotations

import re

from hotel_booking.core.bank_names import CARD_BRANDS, DECLINES, DISPUTE_REASONS, DISPUTES, REFUND_PROBLEMS
from hotel_booking.core.column_names import COLUMNS

_LONGEST = 80
_A_CODE = re.compile(r"[A-Za-z0-9_.:-]+")

NAMES: dict[str, dict[str, str]] = {
    "booking": {
        "held": "held",
        "confirmed": "confirmed",
        "checked_in": "in house",
        "checked_out": "checked out",
        "no_show": "no-show",
        "cancelled": "cancelled",
        "expired": "expired",
    },
    # Where a booking came from; a program's key stands with its number.
    "source": {
        "web": "on the site",
        "desk": "at the front desk",
        "walk_in": "walk-in",
        "phone": "by phone",
        "replay": "from a file of bookings",
        "api": "by the API",
        "key": "by API key",
    },
    "gateway": {
        "stripe": "card (Stripe)",
        "sandbox": "test gateway",
        "bank_transfer": "bank transfer",
        "pay_at_property": "paid at the hotel",
        "desk_cash": "cash at the desk",
        "desk_card": "card terminal at the desk",
        "desk_transfer": "bank transfer, recorded by staff",
    },
    "payment": {
        "started": "started",
        "requires_action": "waiting for the guest",
        "unknown": "not answered by the gateway",
        "not_found": "unknown to the gateway",
        "authorised": "reserved",
        "reserved": "reserved",
        "voiding": "being released",
        "captured": "paid",
        "declined": "declined",
        "voided": "released",
        "failed": "failed",
    },
    "payment purpose": {"booking": "payment", "balance": "balance", "fee": "fee"},
    "refund": {"due": "pending", "done": "refunded", "failed": "failed"},
    "decline": DECLINES,
    "refund problem": REFUND_PROBLEMS,
    "dispute": DISPUTES,
    "dispute reason": DISPUTE_REASONS,
    "card brand": CARD_BRANDS,
    "ledger": {
        "stay": "stay",
        "fee": "fee",
        "goodwill": "goodwill",
        "reversal": "reversed",
        "payment": "payment",
        "payment_reversed": "reversed payment",
        "refund": "refund",
        "refund_reversed": "returned refund",
    },
    "desk act": {"taken": "taken", "reversed": "reversed", "given_back": "given back"},
    "money matter": {
        "problem": "payment problem",
        "refund_failed": "refund failed",
        "dispute": "dispute",
        "stuck": "unsettled for over an hour",
        "refund_stuck": "refund pending for over an hour",
        "transfer": "awaiting transfer",
        "transfer_back": "transfer to refund",
        "desk_back": "money to give back at the desk",
    },
    "difference": {
        "unknown_to_us": "unknown to us",
        "unknown_to_gateway": "unknown to the gateway",
        "amount": "different amount",
        "captured": "captured differently",
        "reserved": "reserved differently",
        "refunded": "refunded differently",
        "surplus": "duplicate",
    },
    "mail": {
        "waiting": "waiting",
        "sending": "being sent",
        "sent": "sent",
        "failed": "failed",
        "uncertain": "uncertain",
    },
    "mail try": {
        "sent": "sent",
        "again": "will be tried again",
        "failed": "failed",
        "uncertain": "uncertain",
    },
    "message": {
        "balance_due": "balance due",
        "before_arrival": "before arrival",
        "booking_amended": "booking changed",
        "booking_cancelled": "booking cancelled",
        "booking_confirmed": "booking confirmed",
        "booking_held": "booking held",
        "booking_list": "list of bookings",
        "booking_no_show": "no-show",
        "guest_erased": "guest’s data erased",
        "status_confirm": "status subscription to confirm",
        "status_news": "status news",
        "guest_message": "message from the guest",
        "guest_notice": "notice to the guest",
        "guest_sign_in": "sign-in link",
        "guest_verify": "email confirmation link",
        "password_reset": "new password",
        "payment_received": "payment received",
        "payment_returned": "payment returned",
        "payment_reversed": "payment reversed",
        "refund_sent": "refund sent",
        "security_notice": "security notice",
        "staff_invitation": "staff invitation",
        "transfer_expected": "awaiting transfer",
    },
    "role": {
        "owner": "owner",
        "manager": "manager",
        "revenue": "revenue",
        "front_desk": "front desk",
        "housekeeping": "housekeeping",
        "finance": "finance",
        "read_only": "read-only",
    },
    # Who changed something, by the audit log.
    "actor": {
        "staff": "staff",
        "key": "API key",
        "guest": "guest",
        "anonymous": "not signed in",
        "job": "job",
        "command": "command",
        "ops": "operations",
        "database": "database",
    },
    "act": {
        "insert": "made",
        "update": "changed",
        "delete": "removed",
        "restore": "restored",
        "export": "downloaded",
    },
    # What was changed, by the audit log, and what errors speak of.
    "object": {
        "access": "access to production",
        "api_key": "API key",
        "availability": "availability",
        "booking": "booking",
        "cancellation_policy": "cancellation policy",
        "database": "database",
        "dispute": "dispute",
        "exchange_rate": "exchange rate",
        "file": "file for spreadsheets",
        "group_page": "group page",
        "guest_message": "guest’s message",
        "incident": "incident",
        "incident_action": "incident’s action",
        "incident_update": "incident’s update",
        "guest": "guest",
        "guest_account": "guest's account",
        "guest_passkey": "guest's passkey",
        "guest_session": "guest's session",
        "list": "list by the API",
        "maintenance_window": "maintenance window",
        "passkey": "passkey",
        "payment": "payment",
        "photo": "photo",
        "policy": "cancellation policy",
        "property": "property",
        "property_photo": "photo",
        "rate_night": "night's price",
        "rate_plan": "rate plan",
        "rates": "rates",
        "recovery_code": "recovery code",
        "refund": "refund",
        "reservation": "booked room",
        "room": "room",
        "room_night": "night's availability",
        "room_type": "room type",
        "room_use": "room use",
        "saved_card": "card on file",
        "session": "session",
        "site_closure": "closing for maintenance",
        "staff": "staff",
        "staff_grant": "staff role",
        "staff_link": "staff link",
        "stay_override": "front desk override",
        "tax": "tax",
        "till_closing": "closing of a till",
        "text": "translation",
        "translation": "translation",
    },
    "override": {
        "room_needed": "without a room",
        "room_occupied": "into an occupied room",
        "balance_open": "with an open balance",
        "closed": "on nights that are closed",
        "closed_to_departure": "with a departure on a day without departures",
        "min_stay_arrival": "for less than the minimum stay",
        "min_stay_through": "for less than the minimum stay",
        "max_stay": "for more than the maximum stay",
        "fee_kept": "without what the conditions keep",
    },
    "bed": {
        "single": "single bed",
        "twin": "twin bed",
        "double": "double bed",
        "queen": "queen bed",
        "king": "king bed",
        "sofa_bed": "sofa bed",
        "bunk": "bunk bed",
        "futon": "futon",
        "tatami": "tatami mat",
        "cot": "cot",
    },
    "queue": {
        "bookings": "bookings",
        "exchange": "exchange rates",
        "guests": "guests",
        "http": "requests",
        "identity": "accounts",
        "incidents": "incidents",
        "status": "status webhooks",
        "invariants": "invariants",
        "mail": "mail",
        "payments": "payments",
        "properties": "properties",
        "reconciliation": "gateway reconciliation",
        "search": "search",
    },
    "task": {
        "bookings:before_arrival": "write to guests before they arrive",
        "bookings:check_invariants": "recompute what must always be true",
        "bookings:collect": "find what is due",
        "bookings:collect_one": "charge what is due",
        "bookings:finish_payment": "complete a payment",
        "bookings:keep_words": "update the search index",
        "bookings:lapse": "expire a hold",
        "bookings:mail_list": "email a guest’s bookings",
        "bookings:match_restored": "match payments after a restore",
        "bookings:purge_quotes": "remove old quotes",
        "bookings:sweep": "find expired holds",
        "bookings:sweep_payments": "find unfinished payments",
        "bookings:tell_held": "remind guests of holds",
        "bookings:tell_refund": "send a refund notice",
        "exchange:fetch_rates": "fetch exchange rates",
        "guests:mail_link": "email a guest a link",
        "guests:purge": "forget the addresses of erased guests",
        "http:purge_keys": "remove old replies",
        "incidents:deliver": "tell PagerDuty and Slack",
        "incidents:forget_probes": "remove old probes",
        "incidents:maintain": "propose and announce maintenance",
        "incidents:tell_subscribers": "tell status subscribers",
        "incidents:deliver_webhooks": "tell status webhooks",
        "incidents:watch": "watch the clocks of incidents",
        "identity:purge": "remove ended sessions",
        "identity:seal": "seal the audit log",
        "notifications:deliver": "send a message",
        "notifications:mail_reset": "email a password link",
        "notifications:forget_old": "forget old messages",
        "notifications:sweep": "find waiting messages",
        "payments:purge_notices": "remove old notices",
        "payments:reconcile": "reconcile with the gateways",
        "payments:reconcile_one": "reconcile with a gateway",
        "payments:refund": "refund a payment",
        "payments:sweep_refunds": "find unfinished refunds",
        "properties:remove_files": "remove photo files",
        "properties:sweep_files": "find unused photo files",
        "search:forget_changes": "forget changes that the search index has read",
    },
    # What is odd about a line of a file of bookings.
    "odd date": {
        "check_out_before_arrival": "checked out before arrival",
        "check_out_early": "checked out early",
        "check_out_late": "checked out late",
        "cancelled_before_booking": "cancelled before booking",
        "cancelled_after_arrival": "cancelled after arrival",
        "no_show_before_booking": "no-show before booking",
        "no_show_after_arrival": "no-show after arrival",
        "no_show_before_arrival": "no-show before arrival",
    },
    "column": COLUMNS,
}

# Columns of the audit log whose values are codes themselves; "" stands for every object.
_VALUES: dict[tuple[str, str], str] = {
    ("", "gateway"): "gateway",
    ("", "decline_code"): "decline",
    ("booking", "source"): "source",
    ("booking", "status"): "booking",
    ("reservation", "status"): "booking",
    ("payment", "status"): "payment",
    ("payment", "purpose"): "payment purpose",
    ("refund", "status"): "refund",
    ("refund", "problem"): "refund problem",
    ("dispute", "status"): "dispute",
    ("dispute", "reason"): "dispute reason",
    ("staff_grant", "role"): "role",
    ("stay_override", "refusal"): "override",
    ("text", "kind"): "object",
    ("text", "field"): "column",
}


def called(code: str, kind: str) -> str:
    """The name of a code, as it stands inside a sentence. One that the table does not know is shown as it is,
    its words apart; what is no code but somebody's own text stays as it was written."""
    names = NAMES[kind]
    if (name := names.get(code)) is not None:
        return name
    head, _, rest = code.partition(":")
    if rest and head in names:
        return f"{names[head]} {rest}"
    return " ".join(code.replace("_", " ").split())[:_LONGEST] if _A_CODE.fullmatch(code) else code


def is_a(status: str) -> str:
    """What a booking of this status is, behind "the booking is": confirmed, but a no-show."""
    return f"a {called(status, 'booking')}" if status == "no_show" else called(status, "booking")


def headed(code: str, kind: str) -> str:
    """The name of a code at the head of a line: with a capital."""
    name = called(code, kind)
    return name[:1].upper() + name[1:]


def counted(number: int, code: str, kind: str) -> str:
    """So many of what a code names: 2 sofa beds. Somebody's own word has no plural that is known, so it comes
    after a times sign."""
    name = called(code, kind)
    if code not in NAMES[kind]:
        return f"{number} × {name}"  # noqa: RUF001  # as in the guests' languages
    return f"{number} {name}{'' if number == 1 else 's'}"


def zone_called(name: str) -> str:
    """A time zone of the IANA database as people read it: America/Port of Spain."""
    return name.replace("_", " ")


def value_called(value: str, column: str, of: str) -> str:
    """A value that the audit log keeps of an object, by its name where the column holds codes."""
    if column == "timezone":
        return zone_called(value)
    kind = _VALUES.get((of, column)) or _VALUES.get(("", column))
    return called(value, kind) if kind is not None else value
