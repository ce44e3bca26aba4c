"""What Stripe's answers mean to us: amounts, statuses, refusals and notices. Nothing is called here.

Everything is read from plain dictionaries, so that a webhook and an answer of the API are read alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

import msgspec
import stripe

from hotel_booking.core.formats import english
from hotel_booking.core.money import step
from hotel_booking.domains.payments.errors import ForgedNotice, GatewayRefused
from hotel_booking.domains.payments.gateway import (
    Card,
    Dispute,
    ListedPayment,
    Notice,
    Outcome,
    Refunded,
    Status,
)

Answer: TypeAlias = Mapping[str, Any]

# Stripe, "Supported currencies": amounts are minor units by ISO 4217, but for the following.
# Without decimals there and here, and wanted with two all the same: 5 ISK are sent as 500.
# (The other way round MGA: two decimals for us, none for Stripe. HUF and TWD are special in payouts alone.)
_TIMES_100 = frozenset({"ISK", "UGX"})
_BY_100 = frozenset({"MGA"})
_OLDEST = 300  # seconds that a notice's signature stays good: Stripe's own tolerance

_STATUSES: dict[str, Status] = {
    "requires_payment_method": "requires_action",
    "requires_confirmation": "requires_action",
    "requires_action": "requires_action",
    "processing": "unknown",
    "requires_capture": "authorised",
    "succeeded": "captured",
    "canceled": "voided",
}


def to_stripe(amount: int, currency: str) -> int:
    """Our minor units as Stripe counts them. Prices are made in multiples of the currency's step (three
    decimals end in 0, as Stripe wants them), so nothing is rounded here. Raises `GatewayRefused` for an
    amount that is none."""
    if amount % step(currency):
        raise GatewayRefused(
            f"{currency} is charged in multiples of {english(step(currency), currency)}",
            fix="round the amount",
        )
    if currency in _TIMES_100:
        return amount * 100
    if currency in _BY_100:
        return amount // 100
    return amount


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's amount in our minor units."""
    if currency in _TIMES_100:
        return amount // 100
    return amount * 100 if currency in _BY_100 else amount


def currency_of(thing: Answer) -> str:
    """The currency as we write it."""
    return str(thing.get("currency") or "").upper()


def identity_of(value: Any) -> str | None:
    """The id of something that is named, or given whole where it was asked to be."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) and value else None


def our_id(thing: Answer, name: str = "payment_id") -> UUID | None:
    """Our own row's id, where we left it in the metadata."""
    try:
        return UUID(str((thing.get("metadata") or {}).get(name)))
    except (ValueError, AttributeError):
        return None


def card_of(intent: Answer) -> Card | None:
    """The card that Stripe keeps for later, where it was asked to and the answer holds it whole."""
    method, customer = intent.get("payment_method"), identity_of(intent.get("customer"))
    kept = intent.get("setup_future_usage") or intent.get("usage")  # a SetupIntent has `usage`
    if kept != "off_session" or customer is None or not isinstance(method, Mapping):
        return None
    card = method.get("card") or {}
    expires = f"{card['exp_year']:04}-{card['exp_month']:02}" if card.get("exp_year") else ""
    return Card(customer, method["id"], card.get("brand") or "", card.get("last4") or "", expires)


def outcome_of(intent: Answer) -> Outcome:
    """The state of a PaymentIntent. One whose card was declined is payable with another card, by the same
    secret."""
    status = _STATUSES.get(intent["status"], "unknown")
    currency = currency_of(intent)
    error = intent.get("last_payment_error") or {}
    if intent["status"] == "requires_payment_method" and error:
        status = "declined"
    open_ = status in ("requires_action", "declined")
    return Outcome(
        status,
        reference=intent["id"],
        decline_code=decline_code(error) if status == "declined" else None,
        action_token=intent.get("client_secret") if open_ else None,
        amount=_held(intent, currency) if status in ("authorised", "captured") else None,
        currency=currency or None,
        card=card_of(intent) if status in ("authorised", "captured") else None,
    )


def outcome_of_setup(intent: Answer) -> Outcome:
    """The state of a SetupIntent: a guarantee, without an amount."""
    status = intent["status"]
    error = intent.get("last_setup_error") or {}
    if status == "succeeded":
        return Outcome("authorised", reference=intent["id"], amount=0, card=card_of(intent))
    if status == "canceled":
        return Outcome("voided", reference=intent["id"])
    if status == "processing":
        return Outcome("unknown", reference=intent["id"])
    declined = status == "requires_payment_method" and bool(error)
    return Outcome(
        "declined" if declined else "requires_action",
        reference=intent["id"],
        decline_code=decline_code(error) if declined else None,
        action_token=intent.get("client_secret"),
    )


def decline_code(error: Answer) -> str:
    """Why a bank said no, in Stripe's word for it."""
    code = error.get("code")
    if code in ("authentication_required", "payment_intent_authentication_failure"):
        return str(code)
    return str(error.get("decline_code") or code or "card_declined")


def _held(intent: Answer, currency: str) -> int:
    if intent["status"] == "succeeded":
        return from_stripe(taken(intent), currency)
    capturable = intent.get("amount_capturable")
    return from_stripe(intent["amount"] if capturable is None else capturable, currency)


def taken(intent: Answer) -> int:
    """What was captured, as Stripe counts it."""
    if intent["status"] != "succeeded":
        return 0
    received = intent.get("amount_received")
    return int(intent["amount"] if received is None else received)


def released(intent: Answer) -> int:
    """What a partial capture let go: Stripe lists it among the refunds of the charge."""
    return int(intent["amount"]) - taken(intent) if intent["status"] == "succeeded" else 0


def seen_of(intent: Answer, *, refunded: int) -> ListedPayment:
    """A payment in Stripe's list. `refunded` as Stripe counts it, without what a partial capture let go."""
    currency = currency_of(intent)
    return ListedPayment(
        reference=intent["id"],
        payment_id=our_id(intent),
        status=outcome_of(intent).status,
        amount=from_stripe(intent["amount"], currency),
        currency=currency,
        captured=from_stripe(taken(intent), currency),
        refunded=from_stripe(refunded, currency),
        created_at=_instant(intent["created"]),
        booking=str((intent.get("metadata") or {}).get("booking") or ""),
        guest=_payer(intent),
    )


def _payer(intent: Answer) -> str:
    """Who paid, by what the card's form was told."""
    charge = intent.get("latest_charge")
    details = (charge.get("billing_details") or {}) if isinstance(charge, dict) else {}
    words = (details.get("name"), details.get("email") or intent.get("receipt_email"))
    return " ".join(str(word) for word in words if word)


def refunded_of(refund: Answer) -> Refunded:
    """What became of a refund."""
    reason = refund.get("failure_reason")
    status = refund.get("status")
    state: Literal["done", "pending", "failed"] = "pending"
    if status == "succeeded":
        state = "done"
    elif status in ("failed", "canceled"):
        state = "failed"
    return Refunded(state, reference=refund["id"], reason=_text(reason, "failure_reason") if reason else None)


def read_event(body: bytes, *, signature: str, secrets: tuple[str, ...], now: datetime) -> Notice:
    """A webhook's body. Raises `ForgedNotice` unless one of our secrets signed it in the last five minutes.

    The library compares the signature; it would judge the age by its own clock, so that is done here.
    """
    if not any(_signed(body, signature, secret) for secret in secrets):
        raise ForgedNotice("this notice is not signed by Stripe", fix="check the webhook's signing secret")
    sent = next(int(part[2:]) for part in signature.split(",") if part.startswith("t="))
    if abs(now.timestamp() - sent) > _OLDEST:
        raise ForgedNotice("this notice was signed too long ago", fix="check the clock of this server")
    try:
        return _notice(msgspec.json.decode(body))
    except _UNREADABLE as error:
        # It is signed: refused, it would come again for days, and telling nobody would lose it.
        return Notice(
            f"odd_{hashlib.sha256(body).hexdigest()[:40]}",
            "odd",
            now,
            problem=f"{_named(body)} is no event that can be read ({type(error).__name__}: {error})"[:300],
        )


_UNREADABLE = (
    msgspec.DecodeError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    OSError,
    RecursionError,
)
_LARGEST = 2**53


def _named(body: bytes) -> str:
    """What an unreadable event calls itself, where it does."""
    try:
        event = msgspec.json.decode(body)
        return " ".join(_text(event[name], name) for name in ("type", "id"))
    except _UNREADABLE:
        return "it"


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value or len(value) > 255 or not value.isprintable():
        raise ValueError(f"{name} is no text")
    return value


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -_LARGEST < value < _LARGEST:
        raise ValueError(f"{name} is no number")
    return value


def _signed(body: bytes, signature: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body, signature, secret))
    except (stripe.SignatureVerificationError, ValueError, TypeError):  # neither need be text, or ASCII
        return False


def _notice(event: Answer) -> Notice:
    kind, name = _text(event["type"], "type"), _text(event["id"], "id")
    made = _instant(_whole(event["created"], "created"))
    thing: Answer = event["data"]["object"]
    if kind.startswith(("payment_intent.", "setup_intent.", "checkout.session.")):
        return Notice(
            name, "payment", made, reference=_text(thing["id"], "object.id"), payment_id=our_id(thing)
        )
    if not kind.startswith(("charge.", "refund.")):
        return Notice(name, "other", made)
    reference = identity_of(thing.get("payment_intent"))
    if reference is not None:
        _text(reference, "payment_intent")
    if thing.get("object") == "dispute":
        return Notice(name, "dispute", made, reference=reference, dispute=_dispute(thing))
    if thing.get("object") == "refund":
        _text(thing["id"], "object.id")
        return Notice(
            name,
            "refund",
            made,
            reference=reference,
            refund_id=our_id(thing, "refund_id"),
            refunded=refunded_of(thing),
        )
    # A charge carries a copy of its intent's metadata.
    return Notice(
        name,
        "refund" if kind == "charge.refunded" else "payment",
        made,
        reference=reference,
        payment_id=our_id(thing),
    )


def _dispute(thing: Answer) -> Dispute:
    currency = currency_of(thing)
    amount = _whole(thing["amount"], "amount")
    if amount <= 0 or len(currency) != 3 or not currency.isascii():
        raise ValueError("amount or currency is none")
    due = (thing.get("evidence_details") or {}).get("due_by")
    return Dispute(
        reference=_text(thing["id"], "object.id"),
        amount=from_stripe(amount, currency),
        currency=currency,
        status=_text(thing["status"], "status"),
        reason=_text(thing["reason"], "reason"),
        respond_by=_instant(_whole(due, "due_by")).date() if due else None,
    )


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
