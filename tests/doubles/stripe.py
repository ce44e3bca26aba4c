"""A strict double of Stripe over HTTP: the real library speaks to it through a socket.

    with StripeDouble() as stripe:
        gateway = StripeGateway(stripe.key, api_base=stripe.url, webhook_secrets=(stripe.secret,))
        ...
        stripe.complete("pi_...", card="3ds")           # as the guest's page
        stripe.fail("payment_intents.capture", acted=True)  # it captures, and the line breaks
        stripe.sums()                                    # what it holds, took and gave back

It runs in a thread with a loop of its own, so tests, and processes that tests start, use it by its URL.
What it keeps and how that moves stands in `stripe_account`.
"""

from __future__ import annotations

import asyncio
import html
import json
import random
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, Self
from urllib.parse import parse_qs

import httpx
import stripe

from tests.doubles.stripe_account import (
    CALLS,
    Account,
    Refusal,
    Thing,
    call_of,
    new_id,
    read_form,
)

# Short names for the cards of Stripe's documentation.
GUESTS = {
    "good": "pm_card_visa",
    "3ds": "pm_card_threeDSecure2Required",
    "declined": "pm_card_visa_chargeDeclined",
    "no_money": "pm_card_visa_chargeDeclinedInsufficientFunds",
}
How = Literal["drop", "hang", "500", "429", "409", "401", "400", "garbage"]
_Answer = tuple[int, dict[str, str], bytes]
_KEEP_KEYS = 24 * 3600
_CODES = {
    "500": (500, "api_error", None),
    "429": (429, "invalid_request_error", "rate_limit"),
    "409": (409, "invalid_request_error", "lock_timeout"),
    "401": (401, "invalid_request_error", None),
    "400": (400, "invalid_request_error", "processing_error"),
}


@dataclass
class Fault:
    """What goes wrong with the next calls of a step. `acted`: only after Stripe did what was asked."""

    step: str
    how: How
    acted: bool
    times: int
    seconds: float


@dataclass
class Sum:
    """What became of a payment, in Stripe's books."""

    amount: int = 0
    held: int = 0
    captured: int = 0
    refunded: int = 0


@dataclass
class Delivery:
    """How events reach the platform. `drop` loses some, `delay` makes some late (and so reorders them),
    `copies` sends more than one, `held` keeps all until `deliver` is called."""

    url: str
    held: bool = False
    copies: int = 1
    retries: int = 3
    delay: Callable[[Thing], float] = lambda _event: 0.0
    drop: Callable[[Thing], bool] = lambda _event: False
    answers: list[tuple[str, int]] = field(default_factory=list)


class StripeDouble:
    """The double, its controls, and the acts of guests and banks."""

    def __init__(self, *, key: str = "sk_test_double", secret: str = "whsec_double", seed: int = 1) -> None:
        self.key = key
        self.secret = secret
        self.account = Account(tell=self._tell)
        self.events: list[Thing] = []
        self.calls: list[str] = []  # every step that reached it, in order
        self.sent: list[tuple[str, dict[str, str], Thing]] = []  # step, headers, parameters
        self.raw: list[tuple[str, str, str, str, str]] = []  # step, method, path, query, body
        self.latency = 0.0
        self.slow: dict[str, float] = {}  # seconds by step
        self.delivery: Delivery | None = None
        self.random = random.Random(seed)
        self._faults: list[Fault] = []
        self._keys: dict[str, tuple[str, int, Thing, int] | None] = {}
        self._lock = threading.RLock()
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._open: set[asyncio.StreamWriter] = set()

    # --- life

    def __enter__(self) -> Self:
        started = threading.Event()

        async def start() -> None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            started.set()

        def run() -> None:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(start())
            self._loop.run_forever()

        self._thread = threading.Thread(target=run, daemon=True, name="stripe-double")
        self._thread.start()
        started.wait(10)
        self.account.page_base = self.url
        return self

    def __exit__(self, *_: object) -> None:
        async def stop() -> None:
            assert self._server is not None
            self._server.close()
            for task in self._tasks:
                task.cancel()
            for writer in list(self._open):
                writer.transport.abort()
            await asyncio.sleep(0.01)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join(10)
        self._loop.close()

    @property
    def url(self) -> str:
        """Where it listens: the gateway's API base."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    # --- faults

    def fail(
        self, step: str, how: How = "drop", *, acted: bool = False, times: int = 1, seconds: float = 30.0
    ) -> None:
        """Let the next `times` calls of a step (a name of `CALLS`, or * for all) go wrong."""
        assert step == "*" or step in CALLS, step
        with self._lock:
            self._faults.append(Fault(step, how, acted, times, seconds))

    def heal(self) -> None:
        """No more faults, and no more latency."""
        with self._lock:
            self._faults.clear()
            self.slow.clear()
            self.latency = 0.0

    def later(self, seconds: float) -> None:
        """Time passes for Stripe: keys are forgotten after a day, the search catches up."""
        with self._lock:
            self.account.ahead += int(seconds)

    # --- guests and banks

    def complete(self, name: str, *, card: str | None = "good", passes: bool = True) -> Thing:
        """Pay as the guest on the page: an intent (or its client secret), or a hosted page. A card that asks
        for a second step gets it; `passes=False` fails there. An intent that already waits for that step
        needs no card. What the guest then sees is returned: the intent."""
        name = name.split("_secret_")[0]
        with self._lock:
            page = name if name.startswith("cs_") else None
            intent = self.account.fill_page(name) if page else self.account.things[name]
            try:
                if intent["status"] != "requires_action":
                    method = GUESTS.get(card or "good", card or "good")
                    self.account.confirm(intent["id"], {"payment_method": method}, by_guest=True)
                if intent["status"] == "requires_action":
                    self.account.authenticate(intent["id"], passed=passes)
            except Refusal as refusal:
                if refusal.status != 402:  # a decline is shown to the guest, who may try again
                    raise
            else:
                if page:
                    self.account.leave_page(page)
            return intent

    def challenge(self, name: str) -> Thing:
        """The guest's card asks for a second step, and the guest has not done it."""
        with self._lock:
            return self.account.confirm(
                name.split("_secret_")[0], {"payment_method": GUESTS["3ds"]}, by_guest=True
            )

    def lapse(self, intent: str) -> Thing:
        """The reservation was not captured in time."""
        with self._lock:
            return self.account.cancel(intent, reason="automatic")

    def open_dispute(self, intent: str, *, reason: str = "fraudulent", amount: int | None = None) -> Thing:
        """The guest's bank takes the money back."""
        with self._lock:
            return self.account.dispute(intent, reason=reason, amount=amount)

    def close_dispute(self, dispute: str, *, won: bool) -> Thing:
        """The bank has decided."""
        with self._lock:
            return self.account.close_dispute(dispute, won=won)

    def settle_refund(self, refund: str, status: Literal["succeeded", "failed"] = "succeeded") -> Thing:
        """A refund on its way arrives, or comes back."""
        with self._lock:
            return self.account.settle(refund, status)

    def refund_by_hand(self, intent: str, amount: int) -> Thing:
        """Somebody gives money back in Stripe's own dashboard."""
        with self._lock:
            return self.account.refund({"payment_intent": intent, "amount": amount})

    # --- what it keeps

    def intents(self, payment_id: object = None) -> list[Thing]:
        """Every PaymentIntent, or those of one of our payments."""
        with self._lock:
            return [
                dict(t)
                for t in self.account.of("payment_intent")
                if payment_id is None or t["metadata"].get("payment_id") == str(payment_id)
            ]

    def sums(self) -> dict[str, Sum]:
        """By our payment's id (Stripe's, where it carries none): what is held, was taken and given back."""
        sums: dict[str, Sum] = {}
        with self._lock:
            for intent in self.account.of("payment_intent"):
                total = sums.setdefault(intent["metadata"].get("payment_id", intent["id"]), Sum())
                total.amount += intent["amount"]
                total.held += intent["amount_capturable"]
                total.captured += intent["amount_received"]
                total.refunded += sum(
                    refund["amount"]
                    for refund in self.account.of("refund")
                    if refund["payment_intent"] == intent["id"]
                    and refund["id"] not in self.account.released
                    and refund["status"] not in ("failed", "canceled")
                )
        return sums

    def count(self, step: str) -> int:
        """How often a step was called, repetitions included."""
        return self.calls.count(step)

    # --- notices

    def listen(self, url: str, *, held: bool = False, **options: Any) -> Delivery:
        """Deliver events to `url` from now on, or keep them until `deliver`."""
        self.delivery = Delivery(url, held=held, **options)
        return self.delivery

    def signed(self, event: Thing, *, secret: str | None = None, at: int | None = None) -> tuple[bytes, str]:
        """An event's body, and the header Stripe-Signature for it."""
        body = json.dumps(event, indent=2)
        header = stripe.WebhookSignature.generate_signature_header(
            body, secret or self.secret, timestamp=self.account.now() if at is None else at
        )
        return body.encode(), header

    def deliver(self, event: Thing, *, url: str | None = None) -> int:
        """Send one event now; the status that it got (0 where nobody answered)."""
        assert url or self.delivery
        body, header = self.signed(event)
        try:
            answer = httpx.post(
                url or self.delivery.url,  # type: ignore[union-attr]  # set by whoever starts it
                content=body,
                headers={"Stripe-Signature": header, "Content-Type": "application/json"},
                timeout=30,
                verify=False,  # no TLS, whose authorities it would read
            )
        except httpx.HTTPError:
            return 0
        return answer.status_code

    def _tell(self, kind: str, thing: Thing) -> None:
        event = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": self.account.now(),
            "data": {"object": self.account.shown(json.loads(json.dumps(thing)), [])},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
        self.events.append(event)
        if self.delivery is not None and not self.delivery.held and not self.delivery.drop(event):
            self._loop.call_soon_threadsafe(self._send, event, self.delivery)

    def _send(self, event: Thing, delivery: Delivery) -> None:
        for _ in range(delivery.copies):
            task = self._loop.create_task(self._send_one(event, delivery))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send_one(self, event: Thing, delivery: Delivery) -> None:
        await asyncio.sleep(delivery.delay(event))
        for attempt in range(1 + delivery.retries):
            status = await asyncio.to_thread(self.deliver, event, url=delivery.url)
            delivery.answers.append((event["type"], status))
            if 200 <= status < 300:
                return
            await asyncio.sleep(0.2 * 2**attempt)

    # --- the socket

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while request := await _request(reader):
                method, path, query, headers, body = request
                answer: _Answer | None
                if path.startswith("/pay/"):
                    answer = self._pay_page(method, path.removeprefix("/pay/"), body)
                else:
                    answer = await self._answer(method, path, query, headers, body)
                if answer is None:
                    break
                status, more, content = answer
                lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
                lines += [f"{k}: {v}" for k, v in more.items()]
                lines += [f"Content-Length: {len(content)}", "", ""]
                writer.write("\r\n".join(lines).encode() + content)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()  # a broken line, not a polite end

    async def _answer(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: str
    ) -> _Answer | None:
        try:
            step, name = call_of(method, path)
            fault = self._fault(step)
            await asyncio.sleep(self.slow.get(step, self.latency))
            if fault is None or fault.acted:
                with self._lock:
                    replayed, status, thing = self._do(method, path, step, name, query, headers, body)
            if fault is not None:
                if fault.how == "500" and (key := headers.get("idempotency-key")):
                    # Stripe keeps even its own faults, and repeats them to the same key.
                    error = {"error": {"type": "api_error", "message": "it went wrong"}}
                    self._keys[key] = (_said(method, path, body), 500, error, self.account.now())
                return await self._break(fault)
        except Refusal as refusal:
            replayed, status, thing = False, refusal.status, refusal.body
        more = {"Content-Type": "application/json", "Request-Id": new_id("req")}
        if replayed:
            more["Idempotent-Replayed"] = "true"
        if status >= 500:
            more["Stripe-Should-Retry"] = "false"
        return status, more, json.dumps(thing).encode()

    def _do(
        self,
        method: str,
        path: str,
        step: str,
        name: str,
        query: str,
        headers: Mapping[str, str],
        body: str,
    ) -> tuple[bool, int, Thing]:
        self._check(method, headers)
        _, _, spec, act = CALLS[step]
        text = body if method == "POST" else query
        self.calls.append(step)
        self.raw.append((step, method, path, query, body))
        key, said = headers.get("idempotency-key"), _said(method, path, text)
        known = self._keys.get(key) if key and method == "POST" else None
        if known is not None and known[3] > self.account.now() - _KEEP_KEYS:
            if known[0] != said:
                raise Refusal(
                    400,
                    "Keys for idempotent requests can only be used with the same parameters they were first"
                    f" used with. Try using a key other than '{key}'",
                    kind="idempotency_error",
                )
            return True, known[1], known[2]
        asked = read_form(text, spec)
        self.sent.append((step, dict(headers), asked))
        try:
            # What was answered is what was true then, however it goes on.
            thing = self.account.shown(act(self.account, name, asked), asked.get("expand", []))
            status, thing = 200, json.loads(json.dumps(thing))
        except Refusal as refusal:
            if not refusal.begun:
                raise
            status, thing = refusal.status, json.loads(json.dumps(refusal.body))
        if key and method == "POST":
            self._keys[key] = (said, status, thing, self.account.now())
        return False, status, thing

    def _check(self, method: str, headers: Mapping[str, str]) -> None:
        if headers.get("authorization") != f"Bearer {self.key}":
            raise Refusal(401, "Invalid API Key provided: sk_****", begun=False)
        if not re.fullmatch(r"\d{4}-\d\d-\d\d\.\w+", headers.get("stripe-version", "")):
            raise Refusal(400, "Invalid Stripe API version", begun=False)
        kind = headers.get("content-type", "")
        if method == "POST" and not kind.startswith("application/x-www-form-urlencoded"):
            raise Refusal(400, "Invalid content type", begun=False)

    def _fault(self, step: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.step in ("*", step) and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    async def _break(self, fault: Fault) -> _Answer | None:
        if fault.how == "hang":
            await asyncio.sleep(fault.seconds)
        if fault.how in ("hang", "drop"):
            return None
        if fault.how == "garbage":
            return 200, {"Content-Type": "application/json"}, b'{"object": "unheard_of", "status": 7}'
        status, kind, code = _CODES[fault.how]
        error = {"type": kind, "message": "it went wrong", **({"code": code} if code else {})}
        more = {"Content-Type": "application/json", "Request-Id": new_id("req")}
        if status >= 500:
            more["Stripe-Should-Retry"] = "false"
        return status, more, json.dumps({"error": error}).encode()

    def _pay_page(self, method: str, name: str, body: str) -> _Answer:
        """The hosted page, for a browser: a button for each card."""
        with self._lock:
            page = self.account.things.get(name)
            if page is None or page["status"] != "open":
                return 404, {"Content-Type": "text/plain"}, b"This page is closed."
            if method == "POST":
                self.complete(name, card=parse_qs(body)["card"][0])
                if page["status"] == "complete":
                    return 303, {"Location": page["success_url"]}, b""
            buttons = "".join(f'<button name="card" value="{card}">{card}</button>' for card in GUESTS)
            title = html.escape(f"{page['amount_total']} {page['metadata'].get('booking', '')}")
            text = (
                f"<!doctype html><title>Pay</title><h1>{title}</h1><form method=post>{buttons}</form>"
                f'<a href="{html.escape(page["cancel_url"] or "")}">Back</a>'
            )
        return 200, {"Content-Type": "text/html; charset=utf-8"}, text.encode()


def _said(method: str, path: str, text: str) -> str:
    return f"{method} {path} {'&'.join(sorted(text.split('&')))}"


async def _request(
    reader: asyncio.StreamReader,
) -> tuple[str, str, str, dict[str, str], str] | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    path, _, query = target.partition("?")
    return method, path, query, headers, body.decode()
