"""Stripe's books as they are read: payments, pages and refunds by their ids, or by ours in the metadata.

Answers are plain dictionaries (see `stripe_answers`). The library's own errors come out; who calls translates
them by `asking`.
"""

from __future__ import annotations

import logging
import math
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

import httpx
import stripe

from hotel_booking.core.clock import utc_now
from hotel_booking.domains.payments.errors import GatewayRefused, GatewayUnavailable
from hotel_booking.integrations import stripe_answers as answers

log = logging.getLogger(__name__)
_LISTED = timedelta(hours=2)  # how far back the list is read; the search lags an hour at the worst
WHOLE = ["payment_method"]  # so that the saved card's last digits come along


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that Stripe's library brings, read once a process: see `core/trust.py`."""
    return ssl.create_default_context(cafile=stripe.ca_bundle_path)


class _Connections(stripe.HTTPXClient):
    """The library's own client, with room for a rush: httpx alone would let 100 guests pay at a time.

    Few are kept open: it looks through all of those at every call (200 guests at a gateway of 2 s: 6 s for
    two calls each with 10 kept, 16 s with 500).
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(timeout=httpx.Timeout(seconds, connect=min(5.0, seconds)))
        self._client_async = httpx.AsyncClient(
            verify=_trusted(),
            limits=httpx.Limits(max_connections=500, max_keepalive_connections=10),
        )


class StripeBooks:
    """The connection to Stripe, and what can be read there."""

    def __init__(self, secret_key: str, *, api_base: str, seconds: float, retries: int) -> None:
        # Below that level the library's log tells what it sends and gets.
        logging.getLogger("stripe").setLevel(logging.WARNING)
        stripe.enable_telemetry = False
        self._http: Any = _Connections(seconds)
        self.api = stripe.StripeClient(
            secret_key,
            http_client=self._http,
            base_addresses={"api": api_base.rstrip("/")},
            max_network_retries=retries,
        ).v1

    async def close(self) -> None:
        """Let the connections go."""
        await self._http.close_async()

    async def fresh(self, answer: Any) -> dict[str, Any]:
        """An answer as it is; read anew where Stripe only repeated what it had once said to the same key."""
        whole: dict[str, Any] = answer.to_dict()
        if not _replayed(answer.last_response.headers):
            return {**whole, "intent": None} if whole["object"] == "checkout.session" else whole
        if whole["object"] == "checkout.session":
            return await self.page(whole["id"])
        return await self.by_reference(whole["id"]) or whole

    async def once(self, call: Callable[..., Awaitable[Any]], *sent: Any, key: str) -> dict[str, Any]:
        """Do what happens once by its nature. Stripe keeps even a fault of its own under our key, and would
        repeat it for a day: then it is asked without."""
        try:
            done = await call(*sent, keyed(key))
        except stripe.APIError as error:
            if not _replayed(error.headers):
                raise
            done = await call(*sent)
        whole: dict[str, Any] = done.to_dict()
        return whole

    async def page(self, reference: str) -> dict[str, Any]:
        """A hosted page; what it is for stands under `intent`, once there is any."""
        expand = ["payment_intent.payment_method", "setup_intent.payment_method"]
        session = await self.api.checkout.sessions.retrieve_async(reference, {"expand": expand})
        whole = session.to_dict()
        return {**whole, "intent": whole.get("payment_intent") or whole.get("setup_intent")}

    async def close_page(self, reference: str) -> dict[str, Any]:
        """Close a hosted page, unless it was left already; as it then stands."""
        page = await self.page(reference)
        if page["status"] == "open":
            try:
                await self.api.checkout.sessions.expire_async(reference)
            except stripe.InvalidRequestError:  # the guest was quicker
                if (await self.page(reference))["status"] == "open":
                    raise
            page = await self.page(reference)
        return page

    async def by_reference(self, reference: str) -> dict[str, Any] | None:
        """The intent by its id, or that of its page (which has none before the guest comes)."""
        if reference.startswith("cs_"):
            found: dict[str, Any] | None = (await self.page(reference))["intent"]
            return found
        if reference.startswith("seti_"):
            return (await self.api.setup_intents.retrieve_async(reference, {"expand": WHOLE})).to_dict()
        return (await self.api.payment_intents.retrieve_async(reference, {"expand": WHOLE})).to_dict()

    async def payment(self, reference: str) -> dict[str, Any]:
        """The PaymentIntent. Raises `GatewayRefused` where there is none."""
        intent = await self.by_reference(reference)
        if intent is None or intent["object"] != "payment_intent":
            raise GatewayRefused("this guarantee holds no money")
        return intent

    async def by_payment(self, payment_id: UUID) -> dict[str, Any] | None:
        """The intent of our payment, without knowing Stripe's name for it."""
        found = await self.search(payment_id)
        if found is not None:
            return found
        since = {"gte": math.floor((utc_now() - _LISTED).timestamp())}
        async for intent in self.payments(since):
            if answers.our_id(intent) == payment_id:
                return await self.by_reference(intent["id"])
        page = await self.api.setup_intents.list_async({"created": {"gte": since["gte"]}, "limit": 100})
        async for setup in page.auto_paging_iter():
            if answers.our_id(setup.to_dict()) == payment_id:
                return await self.by_reference(setup.id)
        return None

    async def search(self, payment_id: UUID) -> dict[str, Any] | None:
        """The PaymentIntent of our payment, if Stripe's search knows of it yet."""
        try:
            hits = await self.api.payment_intents.search_async(
                {"query": f"metadata['payment_id']:'{payment_id}'", "limit": 1}
            )
        except stripe.InvalidRequestError:
            return None  # merchants in India have no search: the list is what there is
        # What the search knows of it may be old.
        return await self.by_reference(hits.data[0].id) if hits.data else None

    async def payments(
        self, created: dict[str, int], *, expand: list[str] | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Every PaymentIntent made in the time, newest first."""
        params: Any = {"created": created, "limit": 100, **({"expand": expand} if expand else {})}
        page = await self.api.payment_intents.list_async(params)
        async for intent in page.auto_paging_iter():
            yield intent.to_dict()

    async def refunds(self, reference: str) -> AsyncIterator[dict[str, Any]]:
        """Every refund of a PaymentIntent."""
        page = await self.api.refunds.list_async({"payment_intent": reference, "limit": 100})
        async for refund in page.auto_paging_iter():
            yield refund.to_dict()

    async def given_back(self, intent: dict[str, Any]) -> int:
        """What was refunded of a payment in the list, as Stripe counts money."""
        charge = intent.get("latest_charge") or {}
        refunded, let_go = int(charge.get("amount_refunded") or 0), answers.released(intent)
        if not (refunded and let_go):
            return refunded
        # Of a payment that was captured in part, Stripe counts what was let go among the refunds. It carries
        # none of our ids, and has exactly that amount; nothing was given back by it.
        refunds = [r async for r in self.refunds(intent["id"]) if r["status"] not in ("failed", "canceled")]
        for refund in refunds:
            if refund["amount"] == let_go and answers.our_id(refund, "refund_id") is None:
                refunds.remove(refund)
                break
        return sum(refund["amount"] for refund in refunds)


def keyed(key: str) -> stripe.RequestOptions:
    """The options that name our key for what is asked."""
    return {"idempotency_key": key}


def _replayed(headers: Any) -> bool:
    return bool(headers) and headers.get("Idempotent-Replayed") == "true"


@contextmanager
def asking(step: str) -> Iterator[None]:
    """Turn what went wrong into our own words. Nothing of what was sent, or said in reply, is repeated: both
    may hold secrets and names; Stripe's codes and request ids do not."""
    try:
        yield
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        log.error("stripe.key_refused step=%s status=%s", step, error.http_status)
        raise GatewayUnavailable("Stripe does not accept this platform's key", fix="check the key") from None
    except (stripe.CardError, stripe.InvalidRequestError, stripe.IdempotencyError) as error:
        code = error.code or type(error).__name__
        log.warning("stripe.refused step=%s code=%s request=%s", step, code, error.request_id)
        raise GatewayRefused(f"Stripe refused this: {code}", extra={"gateway_code": code}) from None
    except stripe.StripeError as error:
        kind = type(error).__name__
        log.warning("stripe.unavailable step=%s error=%s status=%s", step, kind, error.http_status)
        raise GatewayUnavailable("Stripe did not answer", fix="try again in a minute") from None
