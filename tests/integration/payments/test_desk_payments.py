"""Money that guests pay at the desk: it is part of the booking's money from the moment it is recorded, never
more than is owed, goes back by hand, and a mistake is reversed with a reason."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.errors import Invalid
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.domains.bookings import erasure, open_payments, service
from hotel_booking.domains.bookings.due import still_open
from hotel_booking.domains.bookings.errors import BalanceOpen, PriceChanged, WrongState
from hotel_booking.domains.bookings.money_back import foresee, what_came_back
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.notifications.rendering import render
from hotel_booking.domains.payments import queries
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments.errors import (
    NotReversible,
    PaymentInProgress,
    PaymentNotFound,
    TooMuch,
    UnknownGateway,
)
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.domains.payments.reconcile import reconcile
from hotel_booking.domains.payments.refunds import give_refunds
from hotel_booking.domains.payments.types import BY_HAND, DeskWay
from tests.factories.crash_scenarios import AGREED
from tests.factories.guest_accounts import EMAIL, opened
from tests.factories.paying import MINUTE, finish_waiting, held, look, one, paid, sound
from tests.factories.paying import gateways as gateways  # fixtures
from tests.factories.paying import hotel as hotel
from tests.factories.paying import stripe as stripe
from tests.factories.small_hotel import FIRST
from tests.integration.mail.test_payment_mails import mails

ARRIVAL = datetime(FIRST.year, FIRST.month, FIRST.day, 12, tzinfo=UTC) + timedelta(days=20)


async def owing(db: Database, first: int = 20) -> Booking:
    """A confirmed booking on the hotel's word: 200.00 are owed."""
    booking = await held(db, "FLEX", first)
    async with db.transaction() as tx:
        await service.guarantee(tx, booking_id=booking.id, now=utc_now())
    return await look(db, booking.id)


async def record(
    db: Database,
    booking: Booking,
    amount: int | None = None,
    way: DeskWay = "cash",
    *,
    receipt: str | None = None,
    expected: int | None = None,
) -> UUID:
    async with db.transaction() as tx:
        payment = await service.record_desk_payment(
            tx,
            booking_id=booking.id,
            amount=amount,
            way=way,
            receipt=receipt,
            expected=expected,
            now=utc_now(),
        )
    return payment.id


async def reverse(db: Database, booking: Booking, payment_id: UUID, reason: str = "Typed twice") -> None:
    async with db.transaction() as tx:
        await service.reverse_desk_payment(
            tx, booking_id=booking.id, payment_id=payment_id, reason=reason, now=utc_now()
        )


async def money(db: Database) -> tuple[Any, ...]:
    """How many payments and lines of the ledger there are, and what the listing says was paid."""
    async with db.transaction() as tx:
        row = await tx.fetchrow(
            "SELECT (SELECT count(*) FROM payment WHERE amount > 0), (SELECT count(*) FROM ledger_entry),"
            "       (SELECT coalesce(sum(paid), 0) FROM booking_entry)"
        )
    return tuple(row or ())


async def test_parts_add_up_and_the_guests_leave_without_a_reason(hotel: Database) -> None:
    booking = await owing(hotel)
    async with hotel.transaction() as tx:
        await service.check_in(tx, booking_id=booking.id, now=ARRIVAL, rooms={1: "DBL-1"})
    leaving: dict[str, Any] = {"booking_id": booking.id, "now": ARRIVAL + timedelta(days=2)}
    await record(hotel, booking, 5_000, receipt="  R-1024 \n paid by  the company ")
    await record(hotel, booking, 1, "bank_transfer")
    with pytest.raises(BalanceOpen) as refused:
        async with hotel.transaction() as tx:
            await service.check_out(tx, **leaving)
    assert refused.value.extra["open"] == {"amount": 14_999, "currency": "EUR"}
    await record(hotel, booking, way="card_terminal")
    now = await look(hotel, booking.id)
    assert (now.paid, still_open(now)) == (20_000, 0)
    async with hotel.transaction() as tx:
        assert (await service.check_out(tx, **leaving)).status == "checked_out"
        seen = await queries.desk_payments(tx, booking.id)
        lines = await queries.ledger(tx, booking.id)
        assert await tx.fetchval("SELECT count(*) FROM stay_override") == 0
        assert await tx.fetchval("SELECT (paid, owed)::text FROM booking_entry") == "(20000,0)"
    assert [(item.way, item.amount, item.receipt) for item in seen] == [
        ("card_terminal", 14_999, None),
        ("bank_transfer", 1, None),
        ("cash", 5_000, "R-1024 paid by the company"),
    ]
    assert sum(line.amount for line in lines) == 0
    assert [
        (data["amount"], data["way"], data["open"]) for data in await mails(hotel, "payment_received")
    ] == [
        (5_000, "cash", 15_000),
        (1, "transfer", 14_999),
        (14_999, "terminal", 0),
    ]
    await sound(hotel)


@pytest.mark.parametrize("amount", [0, -1, 20_001, 2**70])
async def test_nothing_but_what_is_owed_is_taken(hotel: Database, amount: int) -> None:
    booking = await owing(hotel)
    before = await money(hotel)
    with pytest.raises(Invalid) as refused:
        await record(hotel, booking, amount)
    assert refused.value.field == "amount"
    if amount > 0:
        assert isinstance(refused.value, TooMuch)
        assert refused.value.extra == {"at_most": 20_000}
        assert "€200.00" in refused.value.detail
    assert await money(hotel) == before


async def test_a_long_receipt_and_another_balance_are_refused(hotel: Database) -> None:
    booking = await owing(hotel)
    before = await money(hotel)
    with pytest.raises(Invalid):
        await record(hotel, booking, 100, receipt="x" * 61)
    with pytest.raises(PriceChanged):
        await record(hotel, booking, 100, expected=19_999)
    assert await money(hotel) == before
    await record(hotel, booking, 100, receipt="x" * 60, expected=20_000)


async def test_a_booking_that_owes_nothing_takes_nothing(hotel: Database, gateways: Gateways) -> None:
    hold = await held(hotel, "FLEX")
    full = await paid(hotel, gateways, "PRE")
    reserved = await paid(hotel, gateways, "RES")
    free = await owing(hotel, 30)
    async with hotel.transaction() as tx:
        await service.cancel(tx, booking_id=free.id, now=utc_now())
    before = await money(hotel)
    for booking, words in (
        (hold, "confirm the booking first"),
        (full, "look at the booking"),
        (reserved, "release the reserved money"),
        (free, "look at the booking"),
    ):
        with pytest.raises(WrongState) as refused:
            await record(hotel, booking, 100)
        assert words in (refused.value.fix or "")
    assert await money(hotel) == before


async def test_a_fee_is_paid_at_the_desk_too(hotel: Database) -> None:
    booking = await owing(hotel)
    async with hotel.transaction() as tx:
        await service.no_show(tx, booking_id=booking.id, now=ARRIVAL)
    fee = still_open(await look(hotel, booking.id))
    assert fee == 10_000
    with pytest.raises(TooMuch):
        await record(hotel, booking, fee + 1)
    await record(hotel, booking)
    assert await one(hotel, "SELECT purpose FROM payment WHERE gateway = 'desk_cash'") == "fee"
    async with hotel.transaction() as tx:
        outcome = await service.fee_outcome(tx, await look(hotel, booking.id))
    assert outcome is not None
    assert outcome.state == "settled"
    await sound(hotel)


async def test_two_who_record_the_same_balance_at_once_take_it_once(hotel: Database) -> None:
    booking = await owing(hotel)
    results = await asyncio.gather(
        *(record(hotel, booking, 20_000, receipt=str(number)) for number in range(8)), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["UUID"] + ["WrongState"] * 7
    assert (await look(hotel, booking.id)).paid == 20_000
    assert await one(hotel, "SELECT sum(amount) FROM ledger_entry") == 20_000
    await sound(hotel)


async def test_what_the_guest_could_still_pay_online_is_closed(hotel: Database, gateways: Gateways) -> None:
    booking = await owing(hotel)
    waiting = await service.pay(
        hotel,
        gateways.card,
        booking_id=booking.id,
        token=None,
        return_url="https://hotel.example/back",
        balance=True,
        now=utc_now(),
    )
    assert waiting.status == "requires_action"
    await record(hotel, booking, 1)  # the page asks for more than is open now
    assert await one(hotel, "SELECT status FROM payment WHERE id = $1", waiting.payment_id) == "voiding"
    await finish_waiting(hotel, gateways, utc_now())
    assert await one(hotel, "SELECT status FROM payment WHERE id = $1", waiting.payment_id) == "voided"
    await record(hotel, booking)
    await sound(hotel)


async def test_nothing_is_recorded_while_the_guest_pays(hotel: Database) -> None:
    booking = await owing(hotel)
    async with hotel.transaction() as tx:
        await payments.start(
            tx,
            booking_id=booking.id,
            amount=20_000,
            currency="EUR",
            gateway="stripe",
            purpose="balance",
            now=utc_now(),
        )
    before = await money(hotel)
    with pytest.raises(PaymentInProgress):
        await record(hotel, booking)
    assert await money(hotel) == before


async def test_what_is_paid_at_the_desk_is_not_collected_from_the_card(
    hotel: Database, gateways: Gateways
) -> None:
    booking = await paid(hotel, gateways, "DEP", agreement=AGREED)
    await service.finish_undecided(hotel, gateways, now=utc_now() + 2 * MINUTE, older_than=MINUTE)
    day = await one(hotel, "SELECT collect_at FROM booking")
    assert day is not None
    payment_id = await record(hotel, booking)
    assert await one(hotel, "SELECT collect_at FROM booking") is None
    await service.collect(hotel, gateways, booking_id=booking.id, now=day)
    assert (await look(hotel, booking.id)).paid == 20_000
    await reverse(hotel, booking, payment_id)  # then it is due on its day again
    assert await one(hotel, "SELECT collect_at FROM booking") == day
    await sound(hotel)


async def test_a_mistake_is_reversed_once_and_owed_again(hotel: Database, gateways: Gateways) -> None:
    booking = await owing(hotel)
    payment_id = await record(hotel, booking, 15_000, receipt="Ana's")
    await record(hotel, booking, 5_000)
    for reason in ("", "   no ", "x" * 201):
        with pytest.raises(Invalid):
            await reverse(hotel, booking, payment_id, reason)
    await reverse(hotel, booking, payment_id, "Ana paid for another room")
    now = await look(hotel, booking.id)
    assert (now.paid, still_open(now)) == (5_000, 15_000)
    with pytest.raises(NotReversible):
        await reverse(hotel, booking, payment_id)
    # The receipt that they have no longer counts, which they are told once, and not why.
    [told] = await mails(hotel, "payment_reversed")
    assert (told["amount"], told["open"]) == (15_000, 15_000)
    assert "another room" not in str(told)
    async with hotel.transaction() as tx:
        lines = await queries.ledger(tx, booking.id)
        # It never came: the guest is not told that it goes back.
        assert (await what_came_back(tx, now)).parts == ()
        entries = await tx.fetch(
            "SELECT action, before, after FROM audit_entry WHERE object_kind = 'payment' AND object_id = $1"
            " ORDER BY id",
            str(payment_id),
        )
    assert [line.kind for line in lines] == ["stay", "payment", "payment", "payment_reversed"]
    assert [entry["action"] for entry in entries] == ["insert", "update"]
    assert (entries[0]["after"]["gateway"], entries[0]["after"]["receipt"]) == ("desk_cash", "…")
    assert entries[1]["after"] == {"status": "voided", "reversal": "…"}
    await record(hotel, booking, 15_000, "card_terminal")
    await sound(hotel)


async def test_only_what_was_taken_at_the_desk_is_reversed(hotel: Database, gateways: Gateways) -> None:
    online, booking, other = await paid(hotel, gateways, "PRE"), await owing(hotel), await owing(hotel)
    by_card = await one(hotel, "SELECT id FROM payment WHERE booking_id = $1", online.id)
    theirs = await record(hotel, other)
    for whose, payment_id in ((online, by_card), (booking, theirs), (booking, uuid4())):
        with pytest.raises(PaymentNotFound):
            await reverse(hotel, whose, payment_id)
    async with hotel.transaction() as tx:
        await service.give_back(
            tx, booking_id=other.id, amount=100, reason="Noise", still_owed=True, now=utc_now()
        )
    with pytest.raises(NotReversible):
        await reverse(hotel, other, theirs)
    async with hotel.transaction() as tx:
        refund_id = await tx.fetchval("SELECT id FROM refund")
        await payments.refund_done(tx, refund_id=refund_id, now=utc_now())
    await sound(hotel)


async def test_what_goes_back_is_handed_over_and_no_gateway_is_asked(
    hotel: Database, gateways: Gateways
) -> None:
    booking = await owing(hotel)
    await record(hotel, booking, 5_000, "card_terminal")
    await record(hotel, booking, 15_000)
    now = utc_now()
    async with hotel.transaction() as tx:
        before = await foresee(
            tx,
            await look(hotel, booking.id),
            await service.preview_cancel(tx, booking_id=booking.id, now=now),
            now=now,
        )
        await service.cancel(tx, booking_id=booking.id, now=now)
    ways = [(part.amount, part.way, part.state, part.by is None) for part in before.parts]
    assert ways == [(15_000, "cash", "due", True), (5_000, "terminal", "due", False)]
    # However often the refunds are sent, nobody is asked, and they stay due.
    assert await give_refunds(hotel, gateways, now=now + MINUTE) == 0
    for refund_id in [row["id"] for row in await rows(hotel, "SELECT id FROM refund")]:
        assert await give_refunds(hotel, gateways, now=now, refund_id=refund_id) == 0
    assert await one(hotel, "SELECT count(*) FROM refund WHERE status = 'due'") == 2
    async with hotel.transaction() as tx:
        matters = await open_payments.attention(tx, properties=None, since=now, stuck_before=now)
    assert sorted((item.what, item.amount) for item in matters) == [
        ("desk_back", 5_000),
        ("desk_back", 15_000),
    ]
    for _ in range(2):
        for row in await rows(hotel, "SELECT id FROM refund"):
            async with hotel.transaction() as tx:
                await payments.refund_done(tx, refund_id=row["id"], now=now, reference="given at the desk")
    assert await one(hotel, "SELECT sum(amount) FROM ledger") == 0
    await sound(hotel)


async def rows(db: Database, sql: str) -> Any:
    async with db.transaction() as tx:
        return await tx.fetch(sql)


async def test_the_comparison_with_a_gateway_never_misses_it(hotel: Database, gateways: Gateways) -> None:
    await record(hotel, await owing(hotel))
    now = utc_now()
    compared = await reconcile(
        hotel,
        gateways,
        since=now - timedelta(days=1),
        until=now + timedelta(days=1),
        now=now + timedelta(days=1),
    )
    assert compared
    assert [found.differences for found in compared] == [[]] * len(compared)


async def test_no_guest_can_choose_to_have_paid_at_the_desk(hotel: Database, gateways: Gateways) -> None:
    for name in BY_HAND[1:]:
        with pytest.raises(UnknownGateway):
            gateways.of(name)


async def test_words_about_payments_are_forgotten_with_the_guest(hotel: Database) -> None:
    account = (await opened(hotel)).account
    booking = await owing(hotel)
    reversed_id = await record(hotel, booking, receipt="Ana Example's card")
    await reverse(hotel, booking, reversed_id, "Ana Example paid before")
    await record(hotel, booking, receipt="Ana Example")
    async with hotel.transaction() as tx:
        await service.check_in(tx, booking_id=booking.id, now=ARRIVAL, rooms={1: "DBL-1"})
        await service.check_out(tx, booking_id=booking.id, now=ARRIVAL + timedelta(days=2))
        later = ARRIVAL + timedelta(days=9)
        await erasure.erase(tx, account_id=account.id, typed_email=EMAIL, now=later)
        left = await tx.fetch("SELECT receipt, reversal FROM payment WHERE amount > 0 ORDER BY created_at")
        kept = await tx.fetchval("SELECT string_agg(coalesce(after::text, ''), '') FROM audit_entry")
    assert [(row["receipt"], row["reversal"]) for row in left] == [(None, "erased"), (None, None)]
    assert "Ana Example" not in kept


@pytest.mark.parametrize("language", LANGUAGES)
def test_mails_say_by_what_way(language: str) -> None:
    data = {
        "name": "Ana",
        "property": "Sea View",
        "reference": "ABCD-EFGH",
        "arrival": "2030-03-20",
        "departure": "2030-03-22",
        "currency": "EUR",
        "timezone": "Europe/Lisbon",
        "link": "https://hotel.example",
        "amount": 12_900,
        "open": 0,
        "at": "2030-03-22T10:00:00+00:00",
        "by": "2030-03-29",
    }
    said = {
        (template, way): render(template, language, {**data, "way": way})
        for template in ("payment_received", "refund_sent", "payment_reversed")
        for way in ("card", "terminal", "transfer", "cash")
    }
    for template in ("payment_received", "refund_sent"):
        texts = [said[template, way].text for way in ("card", "transfer", "cash")]
        assert len(set(texts)) == 3
        assert said[template, "terminal"].text == said[template, "card"].text
    assert "129" in said["payment_reversed", "cash"].text
    # Its amount comes twice, and the day by which a bank would have it not at all.
    assert said["refund_sent", "cash"].text.count("29") == 2
    assert said["refund_sent", "cash"].subject != said["refund_sent", "card"].subject
