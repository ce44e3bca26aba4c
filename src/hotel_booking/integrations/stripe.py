"""Stripe, by its official library: cards are typed into Stripe's own form, and never reach this server.

What a crash between a call and its answer leaves, and why repeating is safe:

* A payment is made in two steps: an intent without a card (which holds no money), then its confirmation.
  The first is asked for under the key `pay_{payment}`, the second under `confirm_{payment}_{card}`: Stripe
  answers a repeated key with its first answer, for at least 24 hours, even where that was a fault of its own
  (then `find` tells what is true). After a day `authorise` is not to be repeated, but found.
* `find` without a reference looks for our payment's id in the metadata. Stripe's search lags (a minute, in
  bad times an hour), its lists do not: so it searches, and where that finds nothing it reads the list of the
  last two hours. `not_found` is about the moment of asking: a request that is still on its way may arrive
  later, so it is to be believed only when the call itself has long timed out. A hosted page without a
  reference is not found before the guest pays there; nobody but we could have sent a guest to it.
* What happens once by its nature (capture, cancel) looks first at what is there. A refund, which does not,
  looks for our refund's id among those of the payment, then asks under the key `refund_{refund}`.
* A charge of a saved card may be repeated days later: it searches for its payment first, which covers
  everything older than the hour that the search may lag; the key covers the last 24.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import stripe

from hotel_booking.domains.payments.errors import GatewayRefused, UnknownToken
from hotel_booking.domains.payments.gateway import (
    Card,
    Charge,
    ListedPayment,
    Notice,
    Outcome,
    Page,
    Refunded,
)
from hotel_booking.integrations import stripe_answers as answers
from hotel_booking.integrations.stripe_books import WHOLE, StripeBooks, asking, keyed

_SECONDS = 20.0
_RETRIES = 1


class StripeGateway:
    """Payments by Stripe. `webhook_secrets` are all good at once, so that they can be changed without a gap.

    `api_base` is where the library calls (Stripe, or a stand-in for tests). `cards_only` asks for cards by
    name instead of letting Stripe choose among the means of payment, and confirms in the oldest form: for
    stand-ins that know no better.
    """

    name = "stripe"
    page: Page = "stripe"
    # Networks hold a guest's own payment for seven days; a day less, so that nothing lapses under our hands.
    holds_for = timedelta(days=6)
    saves_cards = True

    def __init__(
        self,
        secret_key: str,
        *,
        webhook_secrets: tuple[str, ...] = (),
        api_base: str = stripe.DEFAULT_API_BASE,
        cards_only: bool = False,
        seconds: float = _SECONDS,
        retries: int = _RETRIES,
    ) -> None:
        self._books = StripeBooks(secret_key, api_base=api_base, seconds=seconds, retries=retries)
        self._api = self._books.api
        self._webhook_secrets = webhook_secrets
        self._cards_only = cards_only

    async def close(self) -> None:
        """Let the connections go."""
        await self._books.close()

    async def authorise(self, charge: Charge, *, token: str | None) -> Outcome:
        """See `Gateway`. The token is a payment method (`pm_...`) that Stripe's form made. Amount 0 is a
        SetupIntent: the card is checked, and kept where `save_card`."""
        with asking("authorise"):
            if token is None and charge.return_url is not None:
                return await self._hosted(charge, charge.return_url)
            intent = await self._opened(charge)
            if intent is None:
                intent = await (self._intent(charge) if charge.amount else self._setup(charge))
            if token is None:
                return _outcome(intent)
            return await self._confirm(charge.payment_id, intent["id"], token)

    async def charge_saved(self, charge: Charge, *, card: Card) -> Outcome:
        """See `Gateway`. `authentication_required` is a decline like others: the guest is not there."""
        params: Any = {
            "amount": answers.to_stripe(charge.amount, charge.currency),
            "currency": charge.currency.lower(),
            "metadata": _metadata(charge),
            "payment_method_types": ["card"],
            "customer": card.customer,
            "payment_method": card.method,
            "off_session": True,
            "confirm": True,
        }
        with asking("charge_saved"):
            known = await self._books.search(charge.payment_id)
            if known is not None:
                return _outcome(known)
            try:
                made = await self._api.payment_intents.create_async(params, _pay(charge))
            except stripe.CardError as error:
                return _declined(error, None)
            return _outcome(await self._books.fresh(made))

    async def find(self, *, payment_id: UUID, reference: str | None) -> Outcome:
        """See `Gateway`, and the module for what `not_found` is worth."""
        with asking("find"):
            try:
                if reference is None:
                    intent = await self._books.by_payment(payment_id)
                elif reference.startswith("cs_"):
                    return _outcome_of_page(await self._books.page(reference))
                else:
                    intent = await self._books.by_reference(reference)
            except stripe.InvalidRequestError as error:
                if error.http_status != 404:
                    raise
                intent = None
        return Outcome("not_found") if intent is None else _outcome(intent)

    async def capture(self, *, payment_id: UUID, reference: str, amount: int) -> None:
        """See `Gateway`. A guarantee of 0 has nothing to take."""
        with asking("capture"):
            if not amount and reference.startswith("seti_"):
                return
            intent = await self._books.payment(reference)
            if intent["status"] == "requires_capture":
                intent = await self._capture(payment_id, intent, amount)
            if intent["status"] != "succeeded":
                raise GatewayRefused("nothing is reserved any longer", fix="ask the guest to pay again")
            if answers.from_stripe(answers.taken(intent), answers.currency_of(intent)) != amount:
                raise GatewayRefused(
                    "a different amount was already captured", fix="refund, or ask for the difference"
                )

    async def void(self, *, payment_id: UUID, reference: str | None) -> None:
        """See `Gateway`. Raises `GatewayRefused` where the money was already captured."""
        with asking("void"):
            if reference is not None and reference.startswith("cs_"):
                intent = (await self._books.close_page(reference))["intent"]
            elif reference is not None:
                intent = await self._books.by_reference(reference)
            else:
                intent = await self._books.by_payment(payment_id)
            if intent is None or intent["status"] == "canceled":
                return
            if intent["object"] == "setup_intent":
                if intent["status"] != "succeeded":  # a card once checked has nothing to let go
                    await self._api.setup_intents.cancel_async(intent["id"])
                return
            if intent["status"] == "succeeded":
                raise GatewayRefused("the money was already captured", fix="refund it")
            if (intent.get("metadata") or {}).get("page") == "hosted" and not await self._unpaged(intent):
                return
            key = f"void_{payment_id.hex}_{intent['status']}"
            await self._books.once(self._api.payment_intents.cancel_async, intent["id"], {}, key=key)

    async def refund(self, *, refund_id: UUID, reference: str, amount: int) -> Refunded:
        """See `Gateway`."""
        with asking("refund"):
            intent = await self._books.payment(reference)
            wanted = answers.to_stripe(amount, answers.currency_of(intent))
            if intent["status"] != "succeeded":
                raise GatewayRefused("there is nothing to refund: it was never captured")
            async for known in self._books.refunds(intent["id"]):
                if answers.our_id(known, "refund_id") == refund_id:
                    if known["amount"] != wanted:
                        raise GatewayRefused("this refund was already made with a different amount")
                    return answers.refunded_of(known)
            made = await self._api.refunds.create_async(
                {
                    "payment_intent": intent["id"],
                    "amount": wanted,
                    "metadata": {"refund_id": str(refund_id)},
                },
                keyed(f"refund_{refund_id.hex}"),
            )
        return answers.refunded_of(made.to_dict())

    async def listing(self, *, since: datetime, until: datetime) -> AsyncIterator[ListedPayment]:
        """See `Gateway`. Guarantees of 0 move no money and are not among them."""
        created = {"gte": math.floor(since.timestamp()), "lt": math.ceil(until.timestamp())}
        with asking("listing"):
            async for intent in self._books.payments(created, expand=["data.latest_charge"]):
                yield answers.seen_of(intent, refunded=await self._books.given_back(intent))

    def read_notice(self, body: bytes, *, signature: str, now: datetime) -> Notice:
        """See `Gateway`. `signature` is the header Stripe-Signature."""
        return answers.read_event(body, signature=signature, secrets=self._webhook_secrets, now=now)

    async def _opened(self, charge: Charge) -> dict[str, Any] | None:
        # The key of the first time is forgotten after a day; a second intent could be paid besides the first.
        if charge.opened is None or charge.opened.startswith("cs_"):
            return None
        return await self._books.by_reference(charge.opened)

    async def _intent(self, charge: Charge) -> dict[str, Any]:
        params: Any = {
            "amount": answers.to_stripe(charge.amount, charge.currency),
            "currency": charge.currency.lower(),
            "capture_method": "manual",
            "metadata": _metadata(charge),
            **self._means(),
            **(await self._keeping(charge, "setup_future_usage")),
        }
        return await self._books.fresh(await self._api.payment_intents.create_async(params, _pay(charge)))

    async def _setup(self, charge: Charge) -> dict[str, Any]:
        keeping = await self._keeping(charge, "usage")
        params: Any = {"metadata": _metadata(charge), "usage": "on_session", **self._means(), **keeping}
        return await self._books.fresh(await self._api.setup_intents.create_async(params, _pay(charge)))

    def _means(self) -> dict[str, Any]:
        if self._cards_only:
            return {"payment_method_types": ["card"]}
        # Nothing that leads away from the page: its second step is the bank's own window.
        return {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}

    async def _keeping(self, charge: Charge, usage: str) -> dict[str, Any]:
        if not charge.save_card:
            return {}
        customer = await self._api.customers.create_async(
            {"metadata": {"booking": charge.reference}}, keyed(f"customer_{charge.reference}")
        )
        return {"customer": customer.id, usage: "off_session"}

    async def _confirm(self, payment_id: UUID, reference: str, token: str) -> Outcome:
        setup = reference.startswith("seti_")
        service: Any = self._api.setup_intents if setup else self._api.payment_intents
        # Another card for the same payment is another key; the token itself stays out of it.
        key = f"confirm_{payment_id.hex}_{hashlib.sha256(token.encode()).hexdigest()[:16]}"
        wanted = {"payment_method": token, "use_stripe_sdk": True, "expand": WHOLE}
        try:
            if self._cards_only:
                await service.update_async(reference, {"payment_method": token})
                return _outcome((await service.confirm_async(reference, {"expand": WHOLE})).to_dict())
            return _outcome(
                await self._books.fresh(await service.confirm_async(reference, wanted, keyed(key)))
            )
        except stripe.CardError as error:
            return _declined(error, reference)
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing" and error.param == "payment_method":
                raise UnknownToken(
                    "Stripe does not know this card", field="token", fix="enter the card again"
                ) from None
            if error.code not in ("payment_intent_unexpected_state", "setup_intent_unexpected_state"):
                raise
            # It was confirmed before, by this card or another: what is true is read.
            return _outcome((await service.retrieve_async(reference, {"expand": WHOLE})).to_dict())

    async def _hosted(self, charge: Charge, return_url: str) -> Outcome:
        if charge.opened is not None and charge.opened.startswith("cs_"):
            return _outcome_of_page(await self._books.page(charge.opened))
        metadata = {**_metadata(charge), "page": "hosted"}
        currency = charge.currency.lower()
        params: dict[str, Any] = {
            "client_reference_id": str(charge.payment_id),
            "metadata": metadata,
            "success_url": return_url,
            "cancel_url": return_url,
        }
        keeping = await self._keeping(charge, "setup_future_usage")
        if "customer" in keeping:
            params["customer"] = keeping.pop("customer")
        if self._cards_only:
            params["payment_method_types"] = ["card"]
        if charge.amount:
            price = {
                "currency": currency,
                "unit_amount": answers.to_stripe(charge.amount, charge.currency),
                "product_data": {"name": charge.reference},
            }
            params |= {
                "mode": "payment",
                "line_items": [{"price_data": price, "quantity": 1}],
                "payment_intent_data": {"capture_method": "manual", "metadata": metadata, **keeping},
            }
        else:
            params |= {"mode": "setup", "currency": currency, "setup_intent_data": {"metadata": metadata}}
        sent: Any = params
        page = await self._api.checkout.sessions.create_async(sent, keyed(f"page_{charge.payment_id.hex}"))
        return _outcome_of_page(await self._books.fresh(page))

    async def _unpaged(self, intent: dict[str, Any]) -> bool:
        # An intent whose hosted page is open, or lapsed, is closed with the page; only a reservation that
        # was made there is cancelled by itself. True where it is one.
        listed = await self._api.checkout.sessions.list_async({"payment_intent": intent["id"], "limit": 1})
        for page in listed.data:
            closed = (await self._books.close_page(page.id))["intent"]
            intent = closed if closed is not None else intent
        if intent["status"] == "succeeded":
            raise GatewayRefused("the money was already captured", fix="refund it")
        return bool(intent["status"] == "requires_capture")

    async def _capture(self, payment_id: UUID, intent: dict[str, Any], amount: int) -> dict[str, Any]:
        wanted = answers.to_stripe(amount, answers.currency_of(intent))
        call, key = self._api.payment_intents.capture_async, f"capture_{payment_id.hex}_{wanted}"
        try:
            return await self._books.once(call, intent["id"], {"amount_to_capture": wanted}, key=key)
        except stripe.InvalidRequestError as error:
            if error.code != "payment_intent_unexpected_state":
                raise
            return await self._books.payment(intent["id"])  # it went on while we asked


def _outcome(intent: dict[str, Any]) -> Outcome:
    return (answers.outcome_of_setup if intent["object"] == "setup_intent" else answers.outcome_of)(intent)


def _outcome_of_page(page: dict[str, Any]) -> Outcome:
    if page["status"] == "open":  # a declined card can still be followed by another
        return Outcome("requires_action", reference=page["id"], action_url=page.get("url"))
    if page["status"] == "expired" or page["intent"] is None:
        return Outcome("voided", reference=page["id"])
    return _outcome(page["intent"])


def _declined(error: stripe.CardError, reference: str | None) -> Outcome:
    body: Any = error.json_body or {}
    reported = body.get("error") or {}
    intent = reported.get("payment_intent") or reported.get("setup_intent")
    return Outcome(
        "declined",
        reference=reference or answers.identity_of(intent),
        decline_code=answers.decline_code(reported),
        action_token=intent.get("client_secret") if isinstance(intent, dict) else None,
    )


def _metadata(charge: Charge) -> dict[str, str]:
    return {"payment_id": str(charge.payment_id), "booking": charge.reference}


def _pay(charge: Charge) -> stripe.RequestOptions:
    return keyed(f"pay_{charge.payment_id.hex}")
