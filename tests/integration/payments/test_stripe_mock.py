"""Every request that the Stripe adapter can send is one that Stripe's own mock takes, which knows Stripe's
OpenAPI: the double of these tests is written by us, and would believe our mistakes."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

import hotel_booking
from hotel_booking.core.clock import utc_now
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.payments.gateway import Charge
from hotel_booking.integrations.stripe import StripeGateway
from tests.clients.waiting import listens, wait_until
from tests.doubles.stripe import StripeDouble

ROOT = Path(__file__).parents[3]
CARD, OTHER, DECLINED = "pm_card_visa", "pm_card_mastercard", "pm_card_visa_chargeDeclined"
BACK = "https://hotel.example/back"


@pytest.fixture(scope="module")
def stripe_mock() -> Iterator[str]:
    """The URL of a stripe-mock of this test's own; skipped, visibly, where there is no Go to build it."""
    built = subprocess.run([ROOT / "scripts" / "stripe-mock"], capture_output=True, text=True, check=False)
    if built.returncode == 3:
        pytest.skip(f"stripe-mock cannot be built: {built.stderr.strip()}")
    assert built.returncode == 0, built.stderr
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    mock = subprocess.Popen(
        [built.stdout.strip(), "-http-addr", f"127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: listens(port), seconds=60, child=mock)
        yield url
    finally:
        mock.kill()
        mock.wait()


def charge(amount: int = 5_000, currency: str = "EUR", **more: object) -> Charge:
    # The fields of a charge.
    return Charge(uuid4(), "ABCD-EFGH", amount, currency, **more)  # type: ignore[arg-type]


async def everything(gateway: StripeGateway, double: StripeDouble) -> None:
    """All that the adapter does, with every parameter that it can send."""
    taken = charge(save_card=True)
    opened = await gateway.authorise(taken, token=None)
    assert opened.reference is not None
    done = await gateway.authorise(charge(save_card=True), token=CARD)
    assert done.card is not None
    # Taken up: by its name, by its key again, by another card after a decline.
    again = Charge(taken.payment_id, taken.reference, 5_000, "EUR", True, opened=opened.reference)
    await gateway.authorise(again, token=DECLINED)
    await gateway.authorise(again, token=CARD)
    await gateway.authorise(taken, token=OTHER)
    await gateway.capture(payment_id=taken.payment_id, reference=opened.reference, amount=3_000)
    await gateway.refund(refund_id=uuid4(), reference=opened.reference, amount=1_000)
    for currency, amount in (("ISK", 9_000), ("JPY", 9_000), ("KWD", 9_990), ("MGA", 9_000), ("UGX", 9_000)):
        await gateway.authorise(charge(amount, currency), token=CARD)
    # A guarantee, with and without a kept card.
    for save in (False, True):
        guarantee = charge(0, save_card=save)
        setup = await gateway.authorise(guarantee, token=None)
        await gateway.find(payment_id=guarantee.payment_id, reference=setup.reference)
        await gateway.find(payment_id=guarantee.payment_id, reference=None)
        await gateway.authorise(guarantee, token=CARD)
        await gateway.authorise(guarantee, token=OTHER)  # it is settled: what is true is read
        unused = charge(0)
        await gateway.void(
            payment_id=unused.payment_id, reference=(await gateway.authorise(unused, token=None)).reference
        )
    # The hosted page: paid, closed, for a guarantee.
    for save in (False, True):
        paged = charge(save_card=save, return_url=BACK)
        page = await gateway.authorise(paged, token=None)
        assert page.reference is not None
        await gateway.find(payment_id=paged.payment_id, reference=page.reference)
        held = double.complete(page.reference)
        await gateway.void(payment_id=paged.payment_id, reference=held["id"])
    closed = charge(return_url=BACK)
    page = await gateway.authorise(closed, token=None)
    await gateway.void(payment_id=closed.payment_id, reference=page.reference)
    await gateway.authorise(charge(0, return_url=BACK), token=None)
    # A kept card; what nobody knows; what is let go.
    await gateway.charge_saved(charge(), card=done.card)
    await gateway.find(payment_id=uuid4(), reference=None)
    let_go = charge()
    reserved = await gateway.authorise(let_go, token=CARD)
    await gateway.void(payment_id=let_go.payment_id, reference=reserved.reference)
    await gateway.void(payment_id=let_go.payment_id, reference=None)
    now = utc_now() + timedelta(minutes=1)
    async for _ in gateway.listing(since=now - timedelta(hours=1), until=now):
        pass
    with suppress(DomainError):
        await gateway.authorise(charge(), token="pm_unheard_of")


def written_calls() -> set[str]:
    """Every call of Stripe's library that stands in the adapter, as the double names them."""
    found = set()
    for path in (Path(hotel_booking.__file__).parent / "integrations").glob("stripe*.py"):
        for name in re.findall(r"\b(?:api|service)\.([a-z_.]+)_async\b", path.read_text()):
            thing, _, verb = name.replace("checkout.", "").rpartition(".")
            # `service` is either kind of intent.
            found |= {
                f"{kind}.{verb}" for kind in ([thing] if thing else ["payment_intents", "setup_intents"])
            }
    return found - {"setup_intents.update"}  # only `cards_only` could send it, and no stand-in has it


@pytest.fixture
async def sent() -> AsyncIterator[StripeDouble]:
    with StripeDouble() as double:
        gateway = StripeGateway("sk_test_double", api_base=double.url)
        await everything(gateway, double)
        await gateway.close()
        # The oldest form of confirming, for stand-ins that know no better.
        oldest = StripeGateway("sk_test_double", api_base=double.url, cards_only=True)
        await oldest.authorise(charge(), token=CARD)
        await oldest.authorise(charge(return_url=BACK), token=None)
        await oldest.close()
        yield double


async def test_stripes_own_mock_takes_every_request(stripe_mock: str, sent: StripeDouble) -> None:
    assert written_calls() - {step for step, *_ in sent.raw} == set(), "a call that the scenario never makes"
    refused: list[str] = []
    async with httpx.AsyncClient(
        base_url=stripe_mock, headers={"authorization": "Bearer sk_test_123"}, timeout=30
    ) as client:
        for step, method, path, query, body in {
            (step, method, re.sub(r"/(pi|seti|cs|re)_\w+", r"/\1_123", path), query, body)
            for step, method, path, query, body in sent.raw
        }:
            answer = await client.request(
                method,
                path + (f"?{query}" if query else ""),
                content=body,
                headers={"content-type": "application/x-www-form-urlencoded"} if method == "POST" else {},
            )
            if answer.status_code != 200:
                refused.append(f"{step} {query}{body}: {answer.status_code} {answer.text[:300]}")
        # It would have said so.
        wrong = await client.post("/v1/payment_intents", data={"amount": "1", "currency": "eur", "card": "x"})
    assert refused == []
    assert wrong.status_code == 400
