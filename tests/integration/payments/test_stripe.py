"""What only Stripe does: its pages, its memory for keys, its slow search, its disputes, and its faults."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
import stripe

from hotel_booking.core.clock import utc_now
from hotel_booking.domains.payments.errors import ForgedNotice, GatewayRefused, GatewayUnavailable
from hotel_booking.domains.payments.gateway import Card, Charge, ListedPayment, Notice, Outcome, Refunded
from hotel_booking.integrations.stripe import StripeGateway
from hotel_booking.integrations.stripe_answers import from_stripe, to_stripe
from tests.doubles.gateway_benches import StripeBench, charge
from tests.doubles.stripe import StripeDouble, Sum
from tests.doubles.stripe_account import CALLS

RETURN = "https://hotel.example/en/booking/back"


@pytest.fixture
def double() -> Iterator[StripeDouble]:
    with StripeDouble() as running:
        yield running


@pytest.fixture
async def gateway(double: StripeDouble) -> AsyncIterator[StripeGateway]:
    bench = StripeBench(double, seconds=1.0)
    yield bench.stripe
    await bench.close()


async def paid(gateway: StripeGateway, asked: Charge, *, card: str = "pm_card_visa") -> str:
    """Reserve and take the whole amount; Stripe's reference."""
    outcome = await gateway.authorise(asked, token=card)
    assert outcome.reference is not None
    await gateway.capture(payment_id=asked.payment_id, reference=outcome.reference, amount=asked.amount)
    return outcome.reference


async def listed(gateway: StripeGateway) -> list[ListedPayment]:
    """The list of the last hours and the next ones."""
    around = timedelta(hours=3)
    return [s async for s in gateway.listing(since=utc_now() - around, until=utc_now() + around)]


def last_notice(gateway: StripeGateway, double: StripeDouble, kind: str) -> Notice:
    """The last event of a kind, as it is read."""
    event = next(e for e in reversed(double.events) if e["type"] == kind)
    body, signature = double.signed(event)
    return gateway.read_notice(body, signature=signature, now=utc_now())


# --- the hosted page


async def test_a_guest_pays_on_the_hosted_page(gateway: StripeGateway, double: StripeDouble) -> None:
    asked = msgspec.structs.replace(charge(save_card=True), return_url=RETURN)
    outcome = await gateway.authorise(asked, token=None)
    again = await gateway.authorise(asked, token=None)
    assert (outcome.status, outcome.action_url) == ("requires_action", again.action_url)
    assert outcome.reference is not None
    assert outcome.action_url is not None
    waiting = await gateway.find(payment_id=asked.payment_id, reference=outcome.reference)
    assert (waiting.status, waiting.action_url) == ("requires_action", outcome.action_url)

    async with httpx.AsyncClient() as browser:
        assert "<form" in (await browser.get(outcome.action_url)).text
        left = await browser.post(outcome.action_url, data={"card": "3ds"})
    assert (left.status_code, left.headers["Location"]) == (303, RETURN)

    done = await gateway.find(payment_id=asked.payment_id, reference=outcome.reference)
    assert (done.status, done.amount, done.currency) == ("authorised", 12_000, "EUR")
    assert done.card is not None
    await gateway.capture(payment_id=asked.payment_id, reference=outcome.reference, amount=12_000)
    refunded = await gateway.refund(refund_id=uuid4(), reference=outcome.reference, amount=2_000)
    assert refunded.status == "done"
    assert double.sums() == {str(asked.payment_id): Sum(12_000, 0, 12_000, 2_000)}
    assert (await gateway.authorise(asked, token=None)).status == "captured"


async def test_a_hosted_page_is_closed_and_cannot_be_paid(
    gateway: StripeGateway, double: StripeDouble
) -> None:
    asked = msgspec.structs.replace(charge(), return_url=RETURN)
    outcome = await gateway.authorise(asked, token=None)
    assert outcome.reference is not None
    double.complete(outcome.reference, card="declined")  # tried once, so that Stripe has an intent
    by_intent = double.intents(asked.payment_id)[0]["id"]
    for reference in (by_intent, outcome.reference, outcome.reference):
        await gateway.void(payment_id=asked.payment_id, reference=reference)
    found = await gateway.find(payment_id=asked.payment_id, reference=outcome.reference)
    assert found.status == "voided"
    with pytest.raises(Exception, match="expired"):
        double.complete(outcome.reference)


async def test_what_was_reserved_on_a_hosted_page_is_let_go(
    gateway: StripeGateway, double: StripeDouble
) -> None:
    asked = msgspec.structs.replace(charge(), return_url=RETURN)
    outcome = await gateway.authorise(asked, token=None)
    assert outcome.reference is not None
    double.complete(outcome.reference)
    await gateway.void(payment_id=asked.payment_id, reference=outcome.reference)
    assert double.sums()[str(asked.payment_id)].held == 0
    assert double.intents(asked.payment_id)[0]["status"] == "canceled"


async def test_a_guarantee_on_the_hosted_page(gateway: StripeGateway, double: StripeDouble) -> None:
    asked = msgspec.structs.replace(charge(0, save_card=True), return_url=RETURN)
    outcome = await gateway.authorise(asked, token=None)
    assert outcome.reference is not None
    double.complete(outcome.reference)
    done = await gateway.find(payment_id=asked.payment_id, reference=outcome.reference)
    assert (done.status, done.amount) == ("authorised", 0)


# --- the page with Stripe's form


async def test_a_declined_guest_tries_another_card_on_the_same_page(
    gateway: StripeGateway, double: StripeDouble
) -> None:
    asked = charge()
    opened = await gateway.authorise(asked, token=None)
    assert opened.action_token is not None
    double.complete(opened.action_token, card="no_money")
    declined = await gateway.find(payment_id=asked.payment_id, reference=opened.reference)
    assert (declined.status, declined.decline_code) == ("declined", "insufficient_funds")
    assert declined.action_token == opened.action_token
    double.complete(opened.action_token, card="3ds", passes=False)
    failed = await gateway.find(payment_id=asked.payment_id, reference=opened.reference)
    assert (failed.status, failed.decline_code) == ("declined", "payment_intent_authentication_failure")
    double.complete(opened.action_token)
    assert (await gateway.authorise(asked, token=None)).status == "authorised"
    assert len(double.intents()) == 1


async def test_another_card_by_token_stays_the_same_payment(
    gateway: StripeGateway, double: StripeDouble
) -> None:
    asked = charge()
    assert (await gateway.authorise(asked, token="pm_card_visa_chargeDeclined")).status == "declined"
    assert (await gateway.authorise(asked, token="pm_card_visa")).status == "authorised"
    # A third card, when it is paid already, changes nothing.
    assert (await gateway.authorise(asked, token="pm_card_mastercard")).status == "authorised"
    assert [i["amount_capturable"] for i in double.intents()] == [12_000]


# --- what is remembered, and what is not


async def test_a_refund_is_given_once_even_after_stripe_forgot_the_key(
    gateway: StripeGateway, double: StripeDouble
) -> None:
    asked, refund_id = charge(), uuid4()
    reference = await paid(gateway, asked)
    await gateway.refund(refund_id=refund_id, reference=reference, amount=5_000)
    double.later(2 * 24 * 3600)
    await gateway.refund(refund_id=refund_id, reference=reference, amount=5_000)
    assert double.sums()[str(asked.payment_id)].refunded == 5_000
    with pytest.raises(GatewayRefused):
        await gateway.refund(refund_id=refund_id, reference=reference, amount=4_000)


async def test_a_saved_card_is_charged_once_even_after_stripe_forgot_the_key(
    gateway: StripeGateway, double: StripeDouble
) -> None:
    first = await gateway.authorise(charge(save_card=True), token="pm_card_visa")
    assert first.card is not None
    later = charge(5_000)
    await gateway.charge_saved(later, card=first.card)
    for hours in (0, 2, 48):
        double.later(hours * 3600)
        assert (await gateway.charge_saved(later, card=first.card)).status == "captured"
    assert double.sums()[str(later.payment_id)].captured == 5_000


async def test_a_payment_is_found_by_search_where_the_list_ends(
    gateway: StripeGateway, double: StripeDouble
) -> None:
    asked = charge()
    outcome = await gateway.authorise(asked, token="pm_card_visa")
    assert (await gateway.find(payment_id=asked.payment_id, reference=None)) == outcome
    assert double.count("payment_intents.list") == 1  # the search did not know it yet
    double.later(3600)
    assert (await gateway.find(payment_id=asked.payment_id, reference=None)) == outcome
    assert double.count("payment_intents.list") == 1


async def test_the_list_is_read_to_its_end(gateway: StripeGateway, double: StripeDouble) -> None:
    for _ in range(250):
        double.account.intent({"amount": 100, "currency": "eur", "metadata": {"payment_id": "odd"}})
    asked = charge()
    reference = await paid(gateway, asked)
    seen = await listed(gateway)
    assert (len(seen), len({s.reference for s in seen})) == (251, 251)
    assert [s.reference for s in seen if s.payment_id == asked.payment_id] == [reference]
    assert {s.payment_id for s in seen} == {None, asked.payment_id}


async def test_a_fault_that_stripe_remembers_does_not_block_a_capture(
    gateway: StripeGateway, double: StripeDouble
) -> None:
    asked = charge()
    outcome = await gateway.authorise(asked, token="pm_card_visa")
    assert outcome.reference is not None
    for acted in (False, True):
        double.fail("payment_intents.capture", "500", acted=acted)
    with pytest.raises(GatewayUnavailable):
        await gateway.capture(payment_id=asked.payment_id, reference=outcome.reference, amount=12_000)
    with pytest.raises(GatewayUnavailable):  # Stripe repeats itself; asked without our key, it breaks again
        await gateway.capture(payment_id=asked.payment_id, reference=outcome.reference, amount=12_000)
    await gateway.capture(payment_id=asked.payment_id, reference=outcome.reference, amount=12_000)
    assert double.sums()[str(asked.payment_id)].captured == 12_000


@pytest.mark.parametrize("acted", [False, True], ids=["before", "after"])
async def test_a_fault_that_stripe_remembers_does_not_block_letting_go(
    gateway: StripeGateway, double: StripeDouble, acted: bool
) -> None:
    asked = charge()
    outcome = await gateway.authorise(asked, token="pm_card_visa")
    double.fail("payment_intents.cancel", "500", acted=acted)
    with pytest.raises(GatewayUnavailable):
        await gateway.void(payment_id=asked.payment_id, reference=outcome.reference)
    await gateway.void(payment_id=asked.payment_id, reference=outcome.reference)
    assert double.sums()[str(asked.payment_id)].held == 0


@pytest.mark.parametrize("acted", [False, True], ids=["before", "after"])
async def test_a_fault_in_a_refund_gives_back_once(
    gateway: StripeGateway, double: StripeDouble, acted: bool
) -> None:
    asked, refund_id = charge(), uuid4()
    reference = await paid(gateway, asked)
    double.fail("refunds.create", "500", acted=acted)
    with pytest.raises(GatewayUnavailable):
        await gateway.refund(refund_id=refund_id, reference=reference, amount=3_000)
    if not acted:  # Stripe repeats its fault to the same key; it is asked until that is forgotten
        with pytest.raises(GatewayUnavailable):
            await gateway.refund(refund_id=refund_id, reference=reference, amount=3_000)
        double.later(25 * 3600)
    for _ in range(2):
        done = await gateway.refund(refund_id=refund_id, reference=reference, amount=3_000)
        assert done.status == "done"
    assert double.sums()[str(asked.payment_id)].refunded == 3_000


@pytest.mark.parametrize("acted", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["payment_intents.create", "payment_intents.confirm"])
async def test_a_fault_while_reserving_is_cleared_up_by_finding_it(
    gateway: StripeGateway, double: StripeDouble, step: str, acted: bool
) -> None:
    asked = charge()
    double.fail(step, "500", acted=acted)
    for _ in range(2):
        with pytest.raises(GatewayUnavailable):
            await gateway.authorise(asked, token="pm_card_visa")
    known = await gateway.find(payment_id=asked.payment_id, reference=None)
    assert (
        known.status
        == {
            ("payment_intents.create", False): "not_found",
            ("payment_intents.create", True): "requires_action",
            ("payment_intents.confirm", False): "requires_action",
            ("payment_intents.confirm", True): "authorised",
        }[step, acted]
    )
    await gateway.void(payment_id=asked.payment_id, reference=known.reference)
    assert sum(s.held + s.captured for s in double.sums().values()) == 0


async def test_the_same_key_for_something_else_is_refused(
    gateway: StripeGateway, double: StripeDouble
) -> None:
    asked = charge()
    await gateway.authorise(asked, token=None)
    with pytest.raises(GatewayRefused):
        await gateway.authorise(msgspec.structs.replace(asked, amount=13_000), token=None)
    assert [i["amount"] for i in double.intents()] == [12_000]


async def test_every_key_comes_from_our_own_row(gateway: StripeGateway, double: StripeDouble) -> None:
    asked, refund_id = charge(save_card=True), uuid4()
    reference = await paid(gateway, asked)
    await gateway.refund(refund_id=refund_id, reference=reference, amount=100)
    other = charge()
    gone = await gateway.authorise(other, token=None)
    await gateway.void(payment_id=other.payment_id, reference=gone.reference)
    keys = [(step, h.get("idempotency-key", "")) for step, h, _ in double.sent if CALLS[step][0] == "POST"]
    ours = (asked.payment_id.hex, asked.reference, refund_id.hex, other.payment_id.hex)
    assert [key for _, key in keys if not any(part in key for part in ours)] == []


# --- what goes wrong


@pytest.mark.parametrize(
    ("step", "how", "acted"),
    [
        pytest.param(
            step,
            how,
            acted,
            id=f"{step}-{how}-{'after' if acted else 'before'}",
            # Before and after Stripe has acted by turns; each night both.
            marks=[pytest.mark.nightly] if (place + turn) % 2 == acted else [],
        )
        for place, step in enumerate(
            (
                "customers.create",
                "payment_intents.create",
                "payment_intents.confirm",
                "payment_intents.retrieve",
                "payment_intents.capture",
                "refunds.list",
                "refunds.create",
            )
        )
        for turn, how in enumerate(("drop", "hang", "429", "409"))
        for acted in (False, True)
    ],
)
async def test_whatever_breaks_money_moves_once(
    gateway: StripeGateway, double: StripeDouble, step: str, how: str, acted: bool
) -> None:
    asked, refund_id = charge(save_card=True), uuid4()

    async def pay() -> None:
        outcome = await gateway.authorise(asked, token="pm_card_visa")
        assert outcome.reference is not None
        await gateway.capture(payment_id=asked.payment_id, reference=outcome.reference, amount=12_000)
        await gateway.refund(refund_id=refund_id, reference=outcome.reference, amount=3_000)

    double.fail(step, how, acted=acted, seconds=1.5)  # type: ignore[arg-type]  # each case is one of them
    with pytest.raises(GatewayUnavailable):
        await pay()
    for _ in range(2):
        await pay()
    assert double.sums()[str(asked.payment_id)].captured == 12_000
    assert double.sums()[str(asked.payment_id)].refunded == 3_000


async def test_the_library_tries_again_by_itself_under_the_same_key(double: StripeDouble) -> None:
    bench = StripeBench(double, retries=2)
    asked = charge()
    double.fail("payment_intents.create", "drop", acted=True)
    double.fail("payment_intents.confirm", "429")
    double.fail("payment_intents.confirm", "409")
    with pytest.raises(GatewayUnavailable):  # 429 is not tried again by the library
        await bench.stripe.authorise(asked, token="pm_card_visa")
    assert (await bench.stripe.authorise(asked, token="pm_card_visa")).status == "authorised"
    assert len(double.intents()) == 1
    await bench.close()


async def test_a_gateway_at_which_nobody_listens_is_unavailable() -> None:
    gateway = StripeGateway("sk_test_x", api_base="http://127.0.0.1:9", retries=0)
    with pytest.raises(GatewayUnavailable):
        await gateway.authorise(charge(), token=None)
    await gateway.close()


async def test_a_wrong_key_is_told_without_telling_the_key(
    double: StripeDouble, caplog: pytest.LogCaptureFixture
) -> None:
    bench = StripeBench(double, secret_key="sk_test_wrong_and_secret")
    with caplog.at_level(logging.DEBUG), pytest.raises(GatewayUnavailable):
        await bench.stripe.authorise(charge(), token="pm_card_visa")
    assert "stripe.key_refused" in caplog.text
    assert [r.levelname for r in caplog.records if r.name.startswith("hotel_booking")] == ["ERROR"]
    assert "sk_test" not in caplog.text
    await bench.close()


async def test_logs_hold_no_card_no_key_and_no_secret(
    gateway: StripeGateway, double: StripeDouble, caplog: pytest.LogCaptureFixture
) -> None:
    asked = charge(save_card=True)
    with caplog.at_level(logging.DEBUG):
        outcome = await gateway.authorise(asked, token="pm_card_visa_chargeDeclined")
        with pytest.raises(GatewayRefused):
            await gateway.capture(
                payment_id=asked.payment_id, reference=outcome.reference or "", amount=12_000
            )
        double.fail("*")
        with pytest.raises(GatewayUnavailable):
            await gateway.find(payment_id=asked.payment_id, reference=None)
    for secret in ("sk_test", "_secret_", "pm_card", "0002", "whsec", asked.reference):
        assert secret not in caplog.text


async def test_a_reservation_that_lapsed(gateway: StripeGateway, double: StripeDouble) -> None:
    asked = charge()
    outcome = await gateway.authorise(asked, token="pm_card_visa")
    assert outcome.reference is not None
    double.lapse(outcome.reference)
    with pytest.raises(GatewayRefused):
        await gateway.capture(payment_id=asked.payment_id, reference=outcome.reference, amount=12_000)
    assert last_notice(gateway, double, "payment_intent.canceled").payment_id == asked.payment_id
    assert (await gateway.find(payment_id=asked.payment_id, reference=None)).status == "voided"


async def test_two_captures_at_once_take_once(gateway: StripeGateway, double: StripeDouble) -> None:
    asked = charge()
    outcome = await gateway.authorise(asked, token="pm_card_visa")
    reference = outcome.reference or ""
    double.latency = 0.05
    done = await asyncio.gather(
        gateway.capture(payment_id=asked.payment_id, reference=reference, amount=12_000),
        gateway.capture(payment_id=asked.payment_id, reference=reference, amount=9_000),
        gateway.capture(payment_id=asked.payment_id, reference=reference, amount=12_000),
        return_exceptions=True,
    )
    assert [type(d) for d in done] == [type(None), GatewayRefused, type(None)]
    assert double.sums()[str(asked.payment_id)].captured == 12_000


async def test_a_capture_by_hand_while_ours_is_on_its_way(
    gateway: StripeGateway, double: StripeDouble
) -> None:
    asked = charge()
    reference = (await gateway.authorise(asked, token="pm_card_visa")).reference or ""
    double.slow["payment_intents.capture"] = 0.3
    ours = asyncio.create_task(
        gateway.capture(payment_id=asked.payment_id, reference=reference, amount=12_000)
    )
    await asyncio.sleep(0.15)
    double.account.capture(reference, {})
    await ours  # it is taken, as we asked
    assert double.count("payment_intents.capture") == 1
    assert double.sums()[str(asked.payment_id)].captured == 12_000


async def test_a_capture_and_a_void_at_once_do_one_of_them(
    gateway: StripeGateway, double: StripeDouble
) -> None:
    double.latency = 0.02
    for _ in range(5):
        asked = charge()
        reference = (await gateway.authorise(asked, token="pm_card_visa")).reference or ""
        taken, gone = await asyncio.gather(
            gateway.capture(payment_id=asked.payment_id, reference=reference, amount=12_000),
            gateway.void(payment_id=asked.payment_id, reference=reference),
            return_exceptions=True,
        )
        assert (taken is None) != (gone is None)
        assert double.sums()[str(asked.payment_id)].captured == (12_000 if taken is None else 0)


# --- refunds that take their time


@pytest.mark.parametrize(
    ("card", "first", "then"),
    [
        ("pm_card_pendingRefund", Refunded("pending"), Refunded("done")),
        ("pm_card_refundFail", Refunded("done"), Refunded("failed", reason="lost_or_stolen_card")),
    ],
)
async def test_a_refund_that_takes_its_time(
    gateway: StripeGateway, double: StripeDouble, card: str, first: Refunded, then: Refunded
) -> None:
    asked, refund_id = charge(), uuid4()
    reference = await paid(gateway, asked, card=card)
    answer = await gateway.refund(refund_id=refund_id, reference=reference, amount=4_000)
    assert answer.status == first.status
    if then.status == "done":
        double.settle_refund(answer.reference or "")
    notice = last_notice(gateway, double, "charge.refund.updated")
    assert (notice.kind, notice.refund_id, notice.reference) == ("refund", refund_id, reference)
    assert notice.refunded == msgspec.structs.replace(then, reference=answer.reference)
    again = await gateway.refund(refund_id=refund_id, reference=reference, amount=4_000)
    assert again.status == then.status
    seen = (await listed(gateway))[0]
    assert seen.refunded == (4_000 if then.status == "done" else 0)


async def test_a_refund_by_hand_in_stripes_dashboard_is_counted(
    gateway: StripeGateway, double: StripeDouble
) -> None:
    asked = charge()
    outcome = await gateway.authorise(asked, token="pm_card_visa")
    reference = outcome.reference or ""
    await gateway.capture(payment_id=asked.payment_id, reference=reference, amount=7_000)
    double.refund_by_hand(reference, 1_000)
    double.refund_by_hand(reference, 5_000)  # as much as was let go
    seen = (await listed(gateway))[0]
    assert (seen.captured, seen.refunded) == (7_000, 6_000)
    notice = last_notice(gateway, double, "charge.refunded")
    assert (notice.kind, notice.payment_id) == ("refund", asked.payment_id)


# --- notices


async def test_a_dispute_is_told(gateway: StripeGateway, double: StripeDouble) -> None:
    asked = charge()
    reference = await paid(gateway, asked)
    dispute = double.open_dispute(reference, reason="product_not_received")
    notice = last_notice(gateway, double, "charge.dispute.created")
    assert (notice.kind, notice.reference) == ("dispute", reference)
    assert notice.dispute is not None
    assert (notice.dispute.amount, notice.dispute.currency) == (12_000, "EUR")
    assert (notice.dispute.status, notice.dispute.reason) == ("needs_response", "product_not_received")
    assert notice.dispute.respond_by == (utc_now() + timedelta(days=7)).date()
    with pytest.raises(GatewayRefused):
        await gateway.refund(refund_id=uuid4(), reference=reference, amount=100)
    double.close_dispute(dispute["id"], won=True)
    # A dispute has one.
    assert last_notice(gateway, double, "charge.dispute.closed").dispute.status == "won"  # type: ignore[union-attr]


async def test_notices_are_read_by_every_secret_that_is_good(double: StripeDouble) -> None:
    bench = StripeBench(double, webhook_secrets=("whsec_old", "whsec_new"))
    asked = charge()
    await bench.stripe.authorise(asked, token=None)
    event, now = double.events[-1], utc_now()
    for secret in ("whsec_old", "whsec_new"):
        body, signature = double.signed(event, secret=secret)
        notice = bench.stripe.read_notice(body, signature=signature, now=now)
        assert (notice.id, notice.payment_id) == (event["id"], asked.payment_id)
    for secret in ("whsec_gone", "whsec_double"):
        body, signature = double.signed(event, secret=secret)
        with pytest.raises(ForgedNotice):
            bench.stripe.read_notice(body, signature=signature, now=now)
    both = f"{signature},{double.signed(event, secret='whsec_new')[1].split(',')[1]}"
    assert bench.stripe.read_notice(body, signature=both, now=now).id == event["id"]
    await bench.close()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"type":"payment_intent.succeeded"}', b'{"id":1,"type":"charge.x","data":{}}'],
)
async def test_a_signed_notice_that_is_no_event(gateway: StripeGateway, body: bytes) -> None:
    """It is signed, so it is kept and named; and it says nothing that is believed."""
    now = utc_now()
    header = stripe.WebhookSignature.generate_signature_header(
        body.decode(), "whsec_new", timestamp=int(now.timestamp())
    )
    notice = gateway.read_notice(body, signature=header, now=now)
    assert notice.kind == "odd"
    assert notice.problem
    assert (notice.payment_id, notice.refunded, notice.dispute) == (None, None, None)


async def test_an_event_that_is_none_of_ours(gateway: StripeGateway, double: StripeDouble) -> None:
    event = {
        "id": "evt_1",
        "object": "event",
        "type": "payout.paid",
        "created": double.account.now(),
        "data": {"object": {"id": "po_1", "object": "payout"}},
    }
    body, signature = double.signed(event)
    assert gateway.read_notice(body, signature=signature, now=utc_now()).kind == "other"


async def test_without_a_webhook_secret_nothing_is_believed(double: StripeDouble) -> None:
    bench = StripeBench(double, webhook_secrets=())
    await bench.stripe.authorise(charge(), token=None)
    body, signature = double.signed(double.events[-1], secret="")
    with pytest.raises(ForgedNotice):
        bench.stripe.read_notice(body, signature=signature, now=utc_now())
    await bench.close()


# --- amounts


@pytest.mark.parametrize(
    ("amount", "currency", "sent"),
    [
        (12_000, "EUR", 12_000),
        (12_000, "JPY", 12_000),
        (5, "ISK", 500),
        (700, "UGX", 70_000),
        (500, "MGA", 5),
    ],
)
def test_amounts_are_counted_as_stripe_counts(amount: int, currency: str, sent: int) -> None:
    assert to_stripe(amount, currency) == sent
    assert from_stripe(sent, currency) == amount


async def test_a_currency_that_stripe_counts_otherwise(gateway: StripeGateway, double: StripeDouble) -> None:
    asked = Charge(uuid4(), "REFISK", 9_000, "ISK")
    reference = await paid(gateway, asked)
    await gateway.refund(refund_id=uuid4(), reference=reference, amount=1_000)
    assert double.sums()[str(asked.payment_id)] == Sum(900_000, 0, 900_000, 100_000)
    seen = (await listed(gateway))[0]
    assert (seen.amount, seen.captured, seen.refunded, seen.currency) == (9_000, 9_000, 1_000, "ISK")
    with pytest.raises(GatewayRefused):
        to_stripe(150, "MGA")


async def test_an_amount_that_stripe_does_not_take(gateway: StripeGateway, double: StripeDouble) -> None:
    with pytest.raises(GatewayRefused) as refused:
        await gateway.authorise(charge(10), token="pm_card_visa")
    assert refused.value.extra == {"gateway_code": "amount_too_small"}
    assert double.intents() == []


# --- the double itself


async def test_the_double_refuses_what_it_does_not_know(double: StripeDouble) -> None:
    auth = {"Authorization": f"Bearer {double.key}", "Stripe-Version": "2026-10-28.endive"}
    async with httpx.AsyncClient(base_url=double.url, headers=auth) as client:
        base = {"amount": "1000", "currency": "eur"}
        for data, code in (
            ({**base, "colour": "blue"}, "parameter_unknown"),
            ({**base, "metadata[a][b]": "x", "automatic_payment_methods[on]": "true"}, "parameter_unknown"),
            ({**base, "amount": "ten"}, "parameter_invalid_integer"),
        ):
            answer = await client.post("/v1/payment_intents", data=data)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
        assert (await client.get("/v1/payouts")).status_code == 404
        assert (await client.post("/v1/payment_intents", json=base)).status_code == 400
        assert (await client.get("/v1/refunds", headers={"Authorization": "Bearer x"})).status_code == 401
    assert double.intents() == []


async def test_the_double_delivers_twice_late_and_not_at_all(
    gateway: StripeGateway, double: StripeDouble
) -> None:
    came: list[str] = []

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        signature = headers["stripe-signature"]
        gateway.read_notice(body, signature=signature, now=utc_now())
        came.append(msgspec.json.decode(body)["type"])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    double.listen(
        f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/",
        copies=2,
        delay=lambda event: 0.4 if event["type"] == "payment_intent.created" else 0.0,
        drop=lambda event: event["type"] == "charge.captured",
    )
    await paid(gateway, charge())
    for _ in range(50):
        await asyncio.sleep(0.1)
        if len(came) == 6:
            break
    server.close()
    assert sorted(came) == sorted(
        2
        * [
            "payment_intent.created",
            "payment_intent.amount_capturable_updated",
            "payment_intent.succeeded",
        ]
    )
    assert came[-1] == "payment_intent.created"


async def test_two_hundred_guests_pay_at_once(double: StripeDouble) -> None:
    bench = StripeBench(double)
    double.latency = 0.2
    asked = [charge() for _ in range(200)]
    outcomes: list[Outcome] = await asyncio.gather(
        *(bench.stripe.authorise(each, token="pm_card_visa") for each in asked)
    )
    assert {o.status for o in outcomes} == {"authorised"}
    assert {UUID(k) for k in double.sums()} == {each.payment_id for each in asked}
    await bench.close()


async def test_a_card_of_another_customer_is_refused(gateway: StripeGateway) -> None:
    first = await gateway.authorise(charge(save_card=True), token="pm_card_visa")
    other = await gateway.authorise(charge(save_card=True), token="pm_card_visa")
    assert first.card is not None
    assert other.card is not None
    mixed = Card(first.card.customer, other.card.method)
    with pytest.raises(GatewayRefused):
        await gateway.charge_saved(charge(), card=mixed)
