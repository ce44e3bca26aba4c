"""Every gateway, set up so that the same tests can be run against it."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.domains.payments.gateway import Charge, Gateway, Outcome
from hotel_booking.integrations.bank_transfer import BankTransfer
from hotel_booking.integrations.pay_at_property import PayAtProperty
from hotel_booking.integrations.sandbox import SandboxGateway
from hotel_booking.integrations.stripe import StripeGateway
from tests.clients.waiting import listens, wait_until
from tests.doubles.stripe import StripeDouble

GATEWAYS = ("sandbox", "pay_at_property", "bank_transfer", "stripe", "localstripe")
_SECRETS = ("whsec_new", "whsec_double")


def charge(amount: int = 12_000, *, save_card: bool = False, payment_id: UUID | None = None) -> Charge:
    """A charge of a fresh payment."""
    return Charge(payment_id or uuid4(), f"REF{uuid4().hex[:8].upper()}", amount, "EUR", save_card=save_card)


class Bench:
    """A gateway, the tokens that it knows, and what cannot be tried with it and why.

    Cases: charge, whole, partial, refund, over, repeat, unknown_token, decline, challenge, open, find, list,
    notice, save, save_decline, save_auth, lost, guarantee, void_captured.
    """

    good = decline = challenge = unknown = save_decline = save_auth = ""
    lost = ""  # a token whose reservation is made, and its answer lost

    def __init__(self, gateway: Gateway, cannot: dict[str, str]) -> None:
        self.gateway = gateway
        self.cannot = cannot

    def need(self, *cases: str) -> None:
        """Skip the test, visibly, where this gateway has nothing to try."""
        for case in cases:
            if case in self.cannot:
                pytest.skip(f"{self.gateway.name}: {self.cannot[case]}")

    async def second_step(self, asked: Charge, outcome: Outcome) -> None:
        """The guest does what was asked."""
        raise NotImplementedError

    async def pay_on_page(self, asked: Charge, outcome: Outcome) -> None:
        """The guest completes a payment that was opened without a token."""
        await self.second_step(asked, outcome)

    async def notice(self, outcome: Outcome) -> tuple[bytes, str, datetime]:
        """A real notice about a payment: body, signature, and when it came."""
        raise NotImplementedError

    @contextmanager
    def losing(self, _step: str) -> Iterator[None]:
        """The next call of the step is done, and its answer is lost."""
        yield

    async def close(self) -> None:
        """Let everything go."""


class _Sandbox(Bench):
    good, decline, challenge, unknown = "tok_success", "tok_decline", "tok_challenge", "tok_nobody_knows"
    save_decline, lost = "tok_success_once", "tok_lost"

    def __init__(self) -> None:
        super().__init__(
            SandboxGateway(),
            {
                "notice": "sends no notices",
                "save_auth": "has no card that wants its guest",
                "lost": "loses only the answer to a reservation",
            },
        )

    async def second_step(self, asked: Charge, outcome: Outcome) -> None:
        done = await self.gateway.authorise(asked, token=outcome.action_token)
        assert done.status == "authorised"


class _Property(Bench):
    good = "anything"

    def __init__(self) -> None:
        never = "takes no money"
        cases = (
            "charge whole partial refund over decline challenge open find list save save_decline save_auth"
        )
        super().__init__(
            PayAtProperty(),
            {
                **dict.fromkeys(cases.split(), never),
                "save_auth": never,
                "notice": "sends no notices",
                "unknown_token": "takes any token",
                "lost": "asks nobody",
                "void_captured": never,
            },
        )


class _Transfer(Bench):
    def __init__(self) -> None:
        by_hand = "the guest's bank sends the money, and staff note it"
        cases = "charge whole partial refund over decline challenge open save save_decline void_captured"
        super().__init__(
            BankTransfer("Hotel Example, IBAN DE00"),
            {
                **dict.fromkeys(cases.split(), by_hand),
                "save_auth": by_hand,
                "list": "only the bank has a list",
                "notice": "sends no notices",
                "unknown_token": "takes any token",
                "lost": "asks nobody",
            },
        )


class StripeBench(Bench):
    """The real library against the double."""

    good, decline = "pm_card_visa", "pm_card_visa_chargeDeclinedInsufficientFunds"
    challenge, unknown = "pm_card_threeDSecure2Required", "pm_nobody_knows"
    save_decline, save_auth = "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"

    def __init__(self, double: StripeDouble, **options: Any) -> None:
        self.double = double
        values: dict[str, Any] = {"secret_key": double.key, "webhook_secrets": _SECRETS, "retries": 0}
        self.stripe = StripeGateway(**{**values, "api_base": double.url, **options})
        super().__init__(self.stripe, {})

    async def second_step(self, asked: Charge, outcome: Outcome) -> None:
        del asked
        assert outcome.action_token is not None
        self.double.complete(outcome.action_token)

    async def notice(self, outcome: Outcome) -> tuple[bytes, str, datetime]:
        del outcome
        body, signature = self.double.signed(self.double.events[-1])
        return body, signature, utc_now()

    @contextmanager
    def losing(self, _step: str) -> Iterator[None]:
        self.double.fail(_step, "drop", acted=True)
        yield
        self.double.heal()

    async def close(self) -> None:
        await self.stripe.close()


class _Localstripe(Bench):
    good, decline = "pm_card_visa", "pm_card_chargeCustomerFail"

    def __init__(self, url: str) -> None:
        self._url = url
        self.stripe = StripeGateway("sk_test_local", webhook_secrets=_SECRETS, api_base=url, cards_only=True)
        super().__init__(
            self.stripe,
            {
                "repeat": "ignores Idempotency-Key",
                "unknown_token": "says neither which parameter is wrong nor why",
                "find": "its list takes no dates, and it has no search",
                "list": "its list takes no dates",
                "partial": "does not say how much was captured",
                "over": "refunds more than was paid",
                "save": "takes no setup_future_usage",
                "save_decline": "takes no setup_future_usage",
                "save_auth": "takes no setup_future_usage",
                "lost": "cannot lose an answer",
                "guarantee": "its setup intents cannot be given a card before they are confirmed",
            },
        )

    async def _post(self, path: str, **data: Any) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self._url, auth=("sk_test_local", ""), verify=False) as client:
            answer = await client.post(path, data=data)
            answer.raise_for_status()
            return dict(answer.json()) if answer.content else {}

    async def prepare(self) -> None:
        """It knows a card that asks for a second step only by number (a test number of Stripe's)."""
        card = {"number": "4000002760003184", "exp_month": "12", "exp_year": "2034", "cvc": "123"}
        made = await self._post(
            "/v1/payment_methods", type="card", **{f"card[{name}]": value for name, value in card.items()}
        )
        self.challenge = made["id"]

    async def second_step(self, asked: Charge, outcome: Outcome) -> None:
        del asked
        await self._post(
            f"/v1/payment_intents/{outcome.reference}/_authenticate",
            client_secret=outcome.action_token,
            success="true",
        )

    async def pay_on_page(self, asked: Charge, outcome: Outcome) -> None:
        del asked
        await self._post(f"/v1/payment_intents/{outcome.reference}", payment_method=self.good)
        await self._post(f"/v1/payment_intents/{outcome.reference}/confirm")

    async def notice(self, outcome: Outcome) -> tuple[bytes, str, datetime]:
        # It delivers what it signs itself, a second after a capture.
        came: asyncio.Future[tuple[bytes, str]] = asyncio.get_running_loop().create_future()

        async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            body = await reader.readexactly(int(headers["Content-Length"]))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            writer.close()
            if not came.done() and (outcome.reference or "-").encode() in body:  # and none of an earlier test
                came.set_result((body, headers["Stripe-Signature"]))

        server = await asyncio.start_server(receive, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        await self._post("/_config/webhooks/test", url=f"http://127.0.0.1:{port}/", secret="whsec_double")
        assert outcome.reference is not None
        await self.gateway.capture(payment_id=uuid4(), reference=outcome.reference, amount=12_000)
        body, signature = await asyncio.wait_for(came, 10)
        server.close()
        return body, signature, utc_now()

    async def close(self) -> None:
        await self.stripe.close()


@contextmanager
def localstripe() -> Iterator[str]:
    """localstripe in a process of its own; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "localstripe", "--from-scratch", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: listens(port), child=process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def bench_of(name: str, double: StripeDouble, local: str) -> AsyncIterator[Bench]:
    """The gateway of that name, fresh."""
    bench: Bench
    match name:
        case "sandbox":
            bench = _Sandbox()
        case "pay_at_property":
            bench = _Property()
        case "bank_transfer":
            bench = _Transfer()
        case "stripe":
            bench = StripeBench(double)
        case _:
            bench = _Localstripe(local)
            await bench.prepare()
    try:
        yield bench
    finally:
        await bench.close()
