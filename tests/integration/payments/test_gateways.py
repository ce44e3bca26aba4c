"""One contract for every gateway: what the saga relies on, tried against each of them.

Stripe is tried twice by its own library over a socket: against a strict double of our own, and against
localstripe, which others wrote. What a gateway cannot be tried with is skipped with the reason.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.domains.payments.errors import (
    ForgedNotice,
    GatewayRefused,
    GatewayUnavailable,
    NoGateway,
    UnknownToken,
)
from hotel_booking.domains.payments.gateway import Charge, Gateway, ListedPayment, Outcome
from tests.doubles.gateway_benches import (
    GATEWAYS,
    Bench,
    bench_of,
    charge,
    localstripe,
)
from tests.doubles.stripe import StripeDouble


@pytest.fixture(scope="module")
def local() -> Iterator[str]:
    with localstripe() as url:
        yield url


@pytest.fixture
def double() -> Iterator[StripeDouble]:
    with StripeDouble() as running:
        yield running


@pytest.fixture(params=GATEWAYS)
async def bench(request: pytest.FixtureRequest, double: StripeDouble, local: str) -> AsyncIterator[Bench]:
    async with bench_of(request.param, double, local) as ready:
        yield ready


async def authorised(bench: Bench, asked: Charge) -> str:
    """Reserve the money; the gateway's reference."""
    outcome = await bench.gateway.authorise(asked, token=bench.good)
    assert outcome.status in ("authorised", "captured"), outcome  # captured: asked again, and it is true
    assert outcome.reference is not None
    return outcome.reference


async def captured(bench: Bench, asked: Charge, amount: int | None = None) -> str:
    """Reserve the money and take it, or a part of it."""
    reference = await authorised(bench, asked)
    taken = asked.amount if amount is None else amount
    await bench.gateway.capture(payment_id=asked.payment_id, reference=reference, amount=taken)
    return reference


async def found(bench: Bench, asked: Charge, reference: str | None = None) -> Outcome:
    """What the gateway knows of a payment."""
    return await bench.gateway.find(payment_id=asked.payment_id, reference=reference)


async def listed(bench: Bench) -> dict[UUID | None, ListedPayment]:
    """The gateway's own list of the last hour."""
    now = utc_now()
    around = timedelta(hours=1)
    return {s.payment_id: s async for s in bench.gateway.listing(since=now - around, until=now + around)}


async def test_it_is_a_gateway(bench: Bench) -> None:
    assert isinstance(bench.gateway, Gateway)
    assert bench.gateway.name
    assert bench.gateway.holds_for > timedelta()
    assert bench.gateway.page in ("sandbox", "stripe", "transfer", "none")


async def test_money_is_reserved(bench: Bench) -> None:
    bench.need("charge")
    asked = charge()
    reference = await authorised(bench, asked)
    known = await found(bench, asked, reference)
    assert (known.status, known.reference) == ("authorised", reference)
    assert (known.amount, known.currency) == (12_000, "EUR")


async def test_reserving_twice_reserves_once(bench: Bench) -> None:
    bench.need("charge", "repeat")
    asked = charge()
    assert await authorised(bench, asked) == await authorised(bench, asked)
    if "list" not in bench.cannot:
        assert [seen.amount for seen in (await listed(bench)).values()] == [12_000]


async def test_a_payment_is_found_without_its_reference(bench: Bench) -> None:
    bench.need("charge", "find")
    asked = charge()
    reference = await authorised(bench, asked)
    known = await found(bench, asked)
    assert (known.status, known.reference, known.amount) == ("authorised", reference, 12_000)


async def test_a_payment_that_never_was_is_not_found(bench: Bench) -> None:
    if bench.gateway.name != "pay_at_property":
        bench.need("find")
    assert (await found(bench, charge())).status == "not_found"


async def test_no_payment_by_a_reference_that_never_was(bench: Bench) -> None:
    bench.need("charge")
    assert (await found(bench, charge(), "pi_never")).status == "not_found"


async def test_nothing_due_is_a_guarantee(bench: Bench) -> None:
    bench.need("guarantee")
    asked = charge(0)
    outcome = await bench.gateway.authorise(asked, token=bench.good)
    again = await bench.gateway.authorise(asked, token=bench.good)
    assert outcome.status == again.status == "authorised"
    assert outcome.reference is not None
    assert outcome.reference == again.reference
    await bench.gateway.capture(payment_id=asked.payment_id, reference=outcome.reference, amount=0)

    given_up = charge(0)
    await bench.gateway.authorise(given_up, token=bench.good)
    await bench.gateway.void(payment_id=given_up.payment_id, reference=None)


async def test_where_no_money_is_taken_it_is_said(bench: Bench) -> None:
    if bench.gateway.name != "pay_at_property":
        pytest.skip(f"{bench.gateway.name} takes money")
    with pytest.raises(NoGateway):
        await bench.gateway.authorise(charge(), token=bench.good)


async def test_money_is_taken_once_however_often_it_is_asked(bench: Bench) -> None:
    bench.need("whole")
    asked = charge()
    reference = await captured(bench, asked)
    await bench.gateway.capture(payment_id=asked.payment_id, reference=reference, amount=12_000)
    known = await found(bench, asked, reference)
    assert (known.status, known.amount) == ("captured", 12_000)


async def test_a_part_is_taken_and_the_rest_let_go(bench: Bench) -> None:
    bench.need("partial")
    asked = charge()
    reference = await captured(bench, asked, 7_000)
    await bench.gateway.capture(payment_id=asked.payment_id, reference=reference, amount=7_000)
    known = await found(bench, asked, reference)
    assert (known.status, known.amount) == ("captured", 7_000)
    with pytest.raises(GatewayRefused):
        await bench.gateway.capture(payment_id=asked.payment_id, reference=reference, amount=12_000)
    seen = (await listed(bench))[asked.payment_id]
    assert (seen.captured, seen.refunded) == (7_000, 0)


async def test_more_than_is_reserved_is_not_taken(bench: Bench) -> None:
    bench.need("charge")
    asked = charge()
    reference = await authorised(bench, asked)
    with pytest.raises(GatewayRefused):
        await bench.gateway.capture(payment_id=asked.payment_id, reference=reference, amount=12_001)
    assert (await found(bench, asked, reference)).status == "authorised"


async def test_money_is_let_go_and_then_cannot_be_taken(bench: Bench) -> None:
    bench.need("charge")
    asked = charge()
    reference = await authorised(bench, asked)
    for _ in range(2):
        await bench.gateway.void(payment_id=asked.payment_id, reference=reference)
    assert (await found(bench, asked, reference)).status == "voided"
    with pytest.raises(GatewayRefused):
        await bench.gateway.capture(payment_id=asked.payment_id, reference=reference, amount=12_000)


async def test_money_is_let_go_by_our_own_id(bench: Bench) -> None:
    bench.need("charge", "find")
    asked = charge()
    reference = await authorised(bench, asked)
    await bench.gateway.void(payment_id=asked.payment_id, reference=None)
    assert (await found(bench, asked, reference)).status == "voided"


async def test_letting_go_of_what_never_was_does_nothing(bench: Bench) -> None:
    if bench.gateway.name != "pay_at_property":
        bench.need("find")
    await bench.gateway.void(payment_id=uuid4(), reference=None)


async def test_money_that_was_taken_cannot_be_let_go(bench: Bench) -> None:
    bench.need("void_captured")
    asked = charge()
    reference = await captured(bench, asked)
    with pytest.raises(GatewayRefused):
        await bench.gateway.void(payment_id=asked.payment_id, reference=reference)
    assert (await found(bench, asked, reference)).status == "captured"


async def test_money_is_given_back_once_by_refund(bench: Bench) -> None:
    bench.need("refund")
    asked = charge()
    reference = await captured(bench, asked)
    first = uuid4()
    for _ in range(3):
        done = await bench.gateway.refund(refund_id=first, reference=reference, amount=4_000)
        assert done.status == "done"
    rest = await bench.gateway.refund(refund_id=uuid4(), reference=reference, amount=8_000)
    assert rest.status == "done"
    if "list" not in bench.cannot:
        seen = (await listed(bench))[asked.payment_id]
        assert (seen.captured, seen.refunded) == (12_000, 12_000)


async def test_more_than_was_taken_is_not_given_back(bench: Bench) -> None:
    bench.need("refund", "over")
    asked = charge()
    reference = await captured(bench, asked)
    await bench.gateway.refund(refund_id=uuid4(), reference=reference, amount=4_000)
    for amount in (8_001, 12_000):
        with pytest.raises(GatewayRefused):
            await bench.gateway.refund(refund_id=uuid4(), reference=reference, amount=amount)
    assert (await listed(bench))[asked.payment_id].refunded == 4_000


async def test_what_was_not_taken_is_not_given_back(bench: Bench) -> None:
    bench.need("charge")
    reference = await authorised(bench, charge())
    with pytest.raises(GatewayRefused):
        await bench.gateway.refund(refund_id=uuid4(), reference=reference, amount=100)


async def test_a_token_that_nobody_knows(bench: Bench) -> None:
    bench.need("unknown_token")
    with pytest.raises(UnknownToken):
        await bench.gateway.authorise(charge(), token=bench.unknown)


async def test_a_card_that_is_declined(bench: Bench) -> None:
    bench.need("decline")
    asked = charge()
    outcome = await bench.gateway.authorise(asked, token=bench.decline)
    assert outcome.status == "declined"
    assert outcome.decline_code in ("card_declined", "insufficient_funds")
    known = await found(bench, asked, outcome.reference)
    assert (known.status, known.decline_code) == ("declined", outcome.decline_code)
    with pytest.raises(GatewayRefused):
        await bench.gateway.capture(
            payment_id=asked.payment_id, reference=outcome.reference or "", amount=12_000
        )


async def test_a_second_step(bench: Bench) -> None:
    bench.need("challenge")
    asked = charge()
    outcome = await bench.gateway.authorise(asked, token=bench.challenge)
    assert (outcome.status, bool(outcome.action_token)) == ("requires_action", True)
    assert (await found(bench, asked, outcome.reference)).status == "requires_action"
    await bench.second_step(asked, outcome)
    known = await found(bench, asked, outcome.reference)
    assert (known.status, known.amount) == ("authorised", 12_000)


async def test_a_payment_that_the_page_completes(bench: Bench) -> None:
    bench.need("open")
    asked = charge()
    outcome = await bench.gateway.authorise(asked, token=None)
    assert (outcome.status, bool(outcome.action_token)) == ("requires_action", True)
    await bench.pay_on_page(asked, outcome)
    assert (await found(bench, asked, outcome.reference)).status == "authorised"


async def test_a_payment_that_waits_for_its_guest_is_closed(bench: Bench) -> None:
    bench.need("open")
    asked = charge()
    outcome = await bench.gateway.authorise(asked, token=None)
    await bench.gateway.void(payment_id=asked.payment_id, reference=outcome.reference)
    assert (await found(bench, asked, outcome.reference)).status == "voided"


async def test_the_list_agrees_with_what_was_done(bench: Bench) -> None:
    bench.need("list")
    held, taken, part, gone = charge(1_000), charge(2_000), charge(3_000), charge(4_000)
    await authorised(bench, held)
    reference = await captured(bench, taken)
    await bench.gateway.refund(refund_id=uuid4(), reference=reference, amount=500)
    reference = await captured(bench, part, 2_500)
    await bench.gateway.refund(refund_id=uuid4(), reference=reference, amount=700)
    await bench.gateway.void(payment_id=gone.payment_id, reference=await authorised(bench, gone))
    seen = await listed(bench)
    assert {
        asked.payment_id: (s.status, s.amount, s.captured, s.refunded, s.currency)
        for asked in (held, taken, part, gone)
        for s in (seen[asked.payment_id],)
    } == {
        held.payment_id: ("authorised", 1_000, 0, 0, "EUR"),
        taken.payment_id: ("captured", 2_000, 2_000, 500, "EUR"),
        part.payment_id: ("captured", 3_000, 2_500, 700, "EUR"),
        gone.payment_id: ("voided", 4_000, 0, 0, "EUR"),
    }
    past = utc_now() - timedelta(days=2)
    assert [s async for s in bench.gateway.listing(since=past, until=past + timedelta(days=1))] == []


async def test_a_notice_is_read_only_when_it_is_good_and_fresh(bench: Bench) -> None:
    now = utc_now()
    with pytest.raises(ForgedNotice):
        bench.gateway.read_notice(b"{}", signature=f"t={int(now.timestamp())},v1=0", now=now)
    bench.need("notice")
    outcome = await bench.gateway.authorise(charge(), token=bench.good)
    body, signature, came = await bench.notice(outcome)

    notice = bench.gateway.read_notice(body, signature=signature, now=came)
    assert (notice.kind, notice.reference) == ("payment", outcome.reference)
    assert notice == bench.gateway.read_notice(body, signature=signature, now=came + timedelta(seconds=290))
    for forged, its_signature, when in (
        (body + b" ", signature, came),
        (body, signature.replace("v1=", "v1=0"), came),
        (body, "", came),
        (b"\xff\xfe", signature, came),
        (body, signature, came + timedelta(seconds=310)),
        (body, signature, came - timedelta(seconds=310)),
    ):
        with pytest.raises(ForgedNotice):
            bench.gateway.read_notice(forged, signature=its_signature, now=when)


async def test_a_saved_card_is_charged_while_its_guest_is_away(bench: Bench) -> None:
    bench.need("save")
    first = await bench.gateway.authorise(charge(save_card=True), token=bench.good)
    assert first.card is not None
    assert (len(first.card.last4), first.card.expires[:2]) == (4, "20")
    later = charge(5_000)
    for _ in range(2):
        outcome = await bench.gateway.charge_saved(later, card=first.card)
        assert (outcome.status, outcome.amount) == ("captured", 5_000)
    assert (await found(bench, later, outcome.reference)).status == "captured"
    assert (await listed(bench))[later.payment_id].captured == 5_000


async def test_a_card_is_kept_only_where_it_was_asked_for(bench: Bench) -> None:
    bench.need("save")
    if bench.gateway.name == "sandbox":
        pytest.skip("sandbox: keeps every card")
    assert (await bench.gateway.authorise(charge(), token=bench.good)).card is None


async def test_a_saved_card_that_declines(bench: Bench) -> None:
    bench.need("save_decline")
    first = await bench.gateway.authorise(charge(save_card=True), token=bench.save_decline)
    assert first.card is not None
    later = charge(5_000)
    for _ in range(2):
        outcome = await bench.gateway.charge_saved(later, card=first.card)
        assert outcome.status == "declined"
        assert outcome.decline_code in ("card_declined", "generic_decline")
    assert (await listed(bench))[later.payment_id].captured == 0


async def test_a_saved_card_that_wants_its_guest(bench: Bench) -> None:
    bench.need("save_auth")
    asked = charge(save_card=True)
    outcome = await bench.gateway.authorise(asked, token=bench.save_auth)
    await bench.second_step(asked, outcome)
    first = await found(bench, asked, outcome.reference)
    assert first.card is not None
    late = await bench.gateway.charge_saved(charge(5_000), card=first.card)
    assert (late.status, late.decline_code) == ("declined", "authentication_required")


@pytest.mark.parametrize(
    "step", ["payment_intents.create", "payment_intents.confirm", "payment_intents.capture", "refunds.create"]
)
async def test_an_answer_that_is_lost_moves_money_once(bench: Bench, step: str) -> None:
    bench.need("lost")
    asked, refund_id = charge(), uuid4()

    async def pay() -> None:
        reference = await captured(bench, asked)
        await bench.gateway.refund(refund_id=refund_id, reference=reference, amount=3_000)

    with bench.losing(step), pytest.raises(GatewayUnavailable):
        await pay()
    await pay()
    await pay()
    seen = await listed(bench)
    assert [(s.captured, s.refunded) for s in seen.values()] == [(12_000, 3_000)]


async def test_a_reservation_whose_answer_is_lost_is_found(bench: Bench) -> None:
    if not bench.lost:
        bench.need("charge", "find", "lost")
    asked = charge()
    with bench.losing("payment_intents.confirm"), pytest.raises(GatewayUnavailable):
        await bench.gateway.authorise(asked, token=bench.lost or bench.good)
    known = await found(bench, asked)
    assert (known.status, known.amount) == ("authorised", 12_000)
    assert known.reference is not None
    await bench.gateway.void(payment_id=asked.payment_id, reference=known.reference)
    assert (await found(bench, asked)).status == "voided"
