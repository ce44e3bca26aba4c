"""A booking from quote to check-out, and everything that can end it before, on a real database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Database
from hotel_booking.core.errors import Conflict, DomainError, Invalid
from hotel_booking.domains.bookings import queries, service
from hotel_booking.domains.bookings.errors import (
    AmendNotAllowed,
    HoldExpired,
    NothingToAmend,
    PriceChanged,
    QuoteExpired,
    QuoteUsed,
    StayNotSold,
    TooEarly,
    WrongState,
)
from hotel_booking.domains.bookings.pricing import price_of
from hotel_booking.domains.bookings.types import Booking, HeldBooking, Quote, RoomChange, RoomRequest
from hotel_booking.domains.inventory.errors import RoomInUse, SoldOut
from hotel_booking.domains.payments.errors import PaymentDeclined, PaymentInProgress, UnknownToken
from hotel_booking.domains.payments.gateway import Charge, Gateways, Outcome
from hotel_booking.domains.payments.refunds import give_refunds
from hotel_booking.integrations.sandbox import SandboxGateway
from tests.factories.invariants import differences
from tests.factories.small_hotel import (
    GUEST,
    NOW,
    SLUG,
    make_quote,
    small_hotel,
    status_of,
    stay,
    taken,
)

pytestmark = pytest.mark.postgresql

GATEWAY = SandboxGateway()


async def held(db: Database, quote: Quote, now: datetime = NOW) -> HeldBooking:
    async with db.transaction() as tx:
        return await service.hold(tx, quote_id=quote.id, guest=GUEST, now=now)


async def booked(
    db: Database, first: int = 10, nights: int = 3, plan: str = "FLEX", *types: str
) -> HeldBooking:
    """A confirmed booking."""
    booking = await held(db, await make_quote(db, stay(first, nights), *types, plan=plan))
    await service.pay(db, GATEWAY, booking_id=booking.booking.id, token="tok_success", now=NOW)
    return booking


async def look(db: Database, booking_id: UUID) -> Booking:
    async with db.transaction() as tx:
        return await queries.booking_by_id(tx, booking_id)


async def test_a_quote_can_be_recomputed_to_the_cent_after_every_rule_has_changed(db: Database) -> None:
    await small_hotel(db, price=12_345)
    quote = await make_quote(db, stay(10, 3), plan="NRF")
    booking = await held(db, quote)
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_night SET price = 99999")
        await tx.execute("UPDATE rate_plan SET adjust_value = 500000 WHERE code = 'NRF'")
        await tx.execute("UPDATE room_type SET base_occupancy = 1, extra_adult = 7777, max_occupancy = 9")
        await tx.execute(
            "INSERT INTO tax (property_id, code, name, kind, value, charge_type, included)"
            " SELECT id, 'VAT', 'VAT', 'percent', 230000, 12, false FROM property"
        )
    room = (await look(db, booking.booking.id)).reservations[0]
    assert price_of(room, room.terms).lines == quote.lines[0]
    assert room.total == quote.total == 3 * (12_345 - 1_235)
    assert (await make_quote(db, stay(20, 3), plan="NRF")).total > 10 * quote.total


async def test_a_hold_lapses_once_and_gives_its_nights_back(db: Database) -> None:
    rooms = await small_hotel(db)
    booking = await held(db, await make_quote(db, stay(10, 2)))
    expiry = booking.booking.hold_expires_at
    assert expiry == NOW + timedelta(minutes=15)
    results = []
    for now in (expiry - timedelta(seconds=1), expiry, expiry + timedelta(hours=1)):
        async with db.transaction() as tx:
            results.append(await service.lapse(tx, booking_id=booking.booking.id, now=now))
    assert results == [False, True, False]
    assert await taken(db, rooms["DBL"], stay(10, 2)) == [0, 0]
    assert await status_of(db, booking.booking.id) == "expired"


async def test_an_expired_hold_is_free_for_the_next_guest_although_no_worker_runs(db: Database) -> None:
    rooms = await small_hotel(db)
    first = await held(db, await make_quote(db, stay(10, 4)))
    later = NOW + timedelta(minutes=16)
    second = await held(db, await make_quote(db, stay(12, 4), now=later), now=later)
    assert await status_of(db, first.booking.id) == "expired"
    assert await status_of(db, second.booking.id) == "held"
    assert await taken(db, rooms["DBL"], stay(10, 6)) == [0, 0, 1, 1, 1, 1]
    assert await differences(db) == []


async def test_a_quote_is_good_once_and_for_its_time(db: Database) -> None:
    await small_hotel(db, rooms=5)
    quote = await make_quote(db, stay(10, 2))
    await held(db, quote)
    with pytest.raises(QuoteUsed):
        await held(db, quote)
    late = await make_quote(db, stay(10, 2))
    with pytest.raises(QuoteExpired):
        await held(db, late, now=NOW + timedelta(minutes=20))


async def test_more_named_guests_than_rooms_are_refused_and_nothing_is_held(db: Database) -> None:
    rooms = await small_hotel(db)
    quote = await make_quote(db, stay(10, 2))
    with pytest.raises(Invalid):
        async with db.transaction() as tx:
            await service.hold(tx, quote_id=quote.id, guest=GUEST, guest_names=["A", "B"], now=NOW)
    assert await taken(db, rooms["DBL"], stay(10, 2)) == [0, 0]


async def test_a_refused_quote_names_the_reason_and_a_stay_that_is_sold(db: Database) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE room_night SET min_stay_arrival = 2")
    with pytest.raises(StayNotSold) as refused:
        await make_quote(db, stay(9, 1))
    assert refused.value.code == "min_stay_arrival"
    assert "minimum stay 2 nights" in refused.value.detail.lower()
    suggestion = refused.value.extra["suggestion"]
    fixed = Stay(date.fromisoformat(suggestion["arrival"]), date.fromisoformat(suggestion["departure"]))
    assert (fixed.arrival, fixed.nights) == (stay(9, 1).arrival, 2)
    await held(db, await make_quote(db, fixed, suggestion["room_type"]))


@pytest.mark.parametrize(("token", "status"), [("tok_success", "confirmed"), ("tok_timeout", "pending")])
async def test_a_payment_confirms_or_is_pending_while_nobody_answers(
    db: Database, token: str, status: str
) -> None:
    await small_hotel(db)
    booking = await held(db, await make_quote(db, stay(10, 2), plan="NRF"))
    paid = await service.pay(db, GATEWAY, booking_id=booking.booking.id, token=token, now=NOW)
    assert paid.status == status
    assert paid.booking.paid == (18_000 if status == "confirmed" else 0)


async def test_a_declined_card_keeps_the_hold_and_another_card_confirms(db: Database) -> None:
    await small_hotel(db)
    booking = await held(db, await make_quote(db, stay(10, 2), plan="NRF"))
    for token, error in (("tok_decline", PaymentDeclined), ("tok_nonsense", UnknownToken)):
        with pytest.raises(error):
            await service.pay(db, GATEWAY, booking_id=booking.booking.id, token=token, now=NOW)
        assert await status_of(db, booking.booking.id) == "held"
    paid = await service.pay(db, GATEWAY, booking_id=booking.booking.id, token="tok_success", now=NOW)
    assert (paid.status, paid.booking.paid) == ("confirmed", 18_000)
    again = await service.pay(db, GATEWAY, booking_id=booking.booking.id, token="tok_success", now=NOW)
    assert (again.status, again.booking.paid) == ("confirmed", 18_000)
    assert await differences(db) == []


async def test_a_second_step_completes_the_same_payment(db: Database) -> None:
    await small_hotel(db)
    booking = await held(db, await make_quote(db, stay(10, 2), plan="NRF"))
    asked = await service.pay(db, GATEWAY, booking_id=booking.booking.id, token="tok_challenge", now=NOW)
    assert asked.status == "requires_action"
    assert asked.action_token
    done = await service.pay(db, GATEWAY, booking_id=booking.booking.id, token=asked.action_token, now=NOW)
    assert (done.status, done.booking.paid) == ("confirmed", 18_000)
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM payment") == 1


async def test_a_silent_gateway_blocks_a_second_charge_until_the_sweep_has_asked(db: Database) -> None:
    await small_hotel(db)
    booking = (await held(db, await make_quote(db, stay(10, 2), plan="NRF"))).booking
    await service.pay(db, GATEWAY, booking_id=booking.id, token="tok_timeout", now=NOW)
    with pytest.raises(PaymentInProgress):
        await service.pay(db, GATEWAY, booking_id=booking.id, token="tok_success", now=NOW)
    later = NOW + timedelta(minutes=2)
    assert (
        await service.finish_undecided(db, Gateways(GATEWAY), now=later, older_than=timedelta(minutes=1)) == 1
    )
    paid = await service.pay(db, GATEWAY, booking_id=booking.id, token="tok_success", now=later)
    assert paid.status == "confirmed"


class BrokenLine(SandboxGateway):
    """A gateway whose connection breaks off; it knows of the payment all the same."""

    async def authorise(self, charge: Charge, *, token: str | None) -> Outcome:
        del charge, token
        raise ConnectionResetError

    async def find(self, *, payment_id: UUID, reference: str | None) -> Outcome:
        del reference
        return Outcome("authorised", reference=f"found_{payment_id.hex}")

    async def capture(self, *, payment_id: UUID, reference: str, amount: int) -> None:
        """Taken."""


async def test_a_gateway_that_breaks_off_is_asked_again_and_never_charges_twice(db: Database) -> None:
    await small_hotel(db)
    booking = (await held(db, await make_quote(db, stay(10, 2), plan="NRF"))).booking
    gateway = BrokenLine()
    paid = await service.pay(db, gateway, booking_id=booking.id, token="tok_success", now=NOW)
    assert paid.status == "pending"
    later = NOW + timedelta(minutes=2)
    await service.finish_undecided(db, Gateways(gateway), now=later, older_than=timedelta(minutes=1))
    assert (await look(db, booking.id)).paid == 18_000
    assert await status_of(db, booking.id) == "confirmed"
    assert await differences(db) == []


async def test_an_expired_hold_is_never_charged(db: Database) -> None:
    await small_hotel(db)
    booking = (await held(db, await make_quote(db, stay(10, 2), plan="NRF"))).booking
    with pytest.raises(HoldExpired):
        await service.pay(
            db, GATEWAY, booking_id=booking.id, token="tok_success", now=NOW + timedelta(minutes=15)
        )
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM payment") == 0


async def test_a_payment_that_comes_after_the_lapse_retakes_the_room_or_lets_the_money_go(
    db: Database,
) -> None:
    rooms = await small_hotel(db)
    booking = (await held(db, await make_quote(db, stay(10, 2)))).booking
    later = NOW + timedelta(minutes=20)
    async with db.transaction() as tx:
        await service.lapse(tx, booking_id=booking.id, now=later)
    async with db.transaction() as tx:
        await service.confirm(tx, booking_id=booking.id, now=later)
    assert await taken(db, rooms["DBL"], stay(10, 2)) == [1, 1]
    other = (await held(db, await make_quote(db, stay(20, 2)))).booking
    rival = await make_quote(db, stay(20, 2), now=later)
    await held(db, rival, now=later)
    with pytest.raises(SoldOut):
        async with db.transaction() as tx:
            await service.confirm(tx, booking_id=other.id, now=later)
    assert await status_of(db, other.id) == "expired"
    assert await differences(db) == []


@pytest.mark.parametrize(
    ("plan", "when", "fee", "refund"),
    [
        ("FLEX", datetime(2030, 3, 10, 17, 59, 59, tzinfo=UTC), 0, 0),  # Lisbon is on UTC in March
        ("FLEX", datetime(2030, 3, 10, 18, 0, tzinfo=UTC), 10_000, 0),
        ("NRF", NOW, 27_000, 0),
    ],
)
async def test_cancelling_costs_what_the_policy_said_when_it_was_sold(
    db: Database, plan: str, when: datetime, fee: int, refund: int
) -> None:
    rooms = await small_hotel(db)
    booking = (await booked(db, plan=plan)).booking
    async with db.transaction() as tx:
        await tx.execute("UPDATE cancellation_policy SET steps = '[]'")
        preview = await service.preview_cancel(tx, booking_id=booking.id, now=when)
    assert await taken(db, rooms["DBL"], stay(10, 3)) == [1, 1, 1]
    async with db.transaction() as tx:
        done = await service.cancel(tx, booking_id=booking.id, now=when)
    assert done == preview
    assert (done.fee, done.refund) == (fee, refund)
    assert await taken(db, rooms["DBL"], stay(10, 3)) == [0, 0, 0]
    with pytest.raises(WrongState):
        async with db.transaction() as tx:
            await service.cancel(tx, booking_id=booking.id, now=when)
    assert await differences(db) == []


async def test_what_was_paid_beyond_the_fee_goes_back_once(db: Database) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_plan SET deposit_kind = 'full' WHERE code = 'FLEX'")
    booking = (await booked(db)).booking
    at = datetime(2030, 3, 10, 20, 0, tzinfo=UTC)
    async with db.transaction() as tx:
        done = await service.cancel(tx, booking_id=booking.id, now=at)
    assert (done.fee, done.refund, done.owed) == (10_000, 20_000, 0)
    assert (await look(db, booking.id)).paid == 10_000
    assert await differences(db) == []
    assert await give_refunds(db, Gateways(GATEWAY), now=at) == 1
    assert await give_refunds(db, Gateways(GATEWAY), now=at) == 0
    async with db.transaction() as tx:
        entries = await tx.fetch("SELECT kind, amount FROM ledger_entry ORDER BY id")
    assert [tuple(entry) for entry in entries] == [("payment", 30_000), ("refund", -20_000)]
    assert await differences(db) == []


async def test_the_ledger_can_only_grow(db: Database) -> None:
    await small_hotel(db)
    await booked(db, plan="NRF")
    for statement in (
        "UPDATE ledger_entry SET amount = 1",
        "DELETE FROM ledger_entry",
        "TRUNCATE sale_terms CASCADE",
    ):
        with pytest.raises(Exception, match="append-only"):
            async with db.transaction() as tx:
                await tx.execute(statement)


async def test_amending_keeps_sold_prices_and_takes_only_the_new_nights(db: Database) -> None:
    rooms = await small_hotel(db)
    booking = (await booked(db, 10, 3)).booking
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_night SET price = 15000")
        preview = await service.preview_amend(
            tx, booking_id=booking.id, now=NOW, departure=stay(10, 4).departure
        )
    assert (preview.booking_total, preview.difference) == (45_000, 15_000)
    assert await taken(db, rooms["DBL"], stay(10, 4)) == [1, 1, 1, 0]
    async with db.transaction() as tx:
        await service.amend(
            tx,
            booking_id=booking.id,
            now=NOW,
            departure=stay(10, 4).departure,
            expected_total=preview.booking_total,
        )
    assert await taken(db, rooms["DBL"], stay(10, 4)) == [1, 1, 1, 1]
    assert (await look(db, booking.id)).total == 45_000
    assert await differences(db) == []


async def test_a_refused_amendment_changes_nothing(db: Database) -> None:
    rooms = await small_hotel(db)
    booking = (await booked(db, 10, 3)).booking
    await booked(db, 13, 2)
    before = await look(db, booking.id)
    wrong: list[tuple[type[DomainError], dict[str, object]]] = [
        (Conflict, {"departure": stay(10, 4).departure}),
        (NothingToAmend, {"arrival": stay(10, 1).arrival}),
        (PriceChanged, {"departure": stay(10, 2).departure, "expected_total": 1}),
        (Conflict, {"rooms": [RoomChange(1, adults=9)]}),
        (Invalid, {"rooms": [RoomChange(2, adults=1)]}),
        (Invalid, {"rooms": [RoomChange(1, adults=1), RoomChange(1, adults=1, children=(5,))]}),
    ]
    for error, change in wrong:
        with pytest.raises(error):
            async with db.transaction() as tx:
                # The cases are of its own types.
                await service.amend(tx, booking_id=booking.id, now=NOW, **change)  # type: ignore[arg-type]
        assert await look(db, booking.id) == before
    assert await taken(db, rooms["DBL"], stay(10, 5)) == [1, 1, 1, 1, 1]


async def test_what_was_withdrawn_is_kept_by_who_has_it_and_sold_to_nobody(db: Database) -> None:
    """A plan that is no longer sold cannot be changed to, however cheap it was; its own bookings go on."""
    await small_hotel(db, rooms=3, room_types=("DBL", "SGL"))
    cheap, dear = (await booked(db, 10, 3, plan="NRF")).booking, (await booked(db, 10, 3)).booking
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_plan SET active = false WHERE code = 'NRF'")
        await tx.execute("UPDATE room_type SET active = false WHERE code = 'SGL'")
    for change, field in (
        (RoomChange(1, rate_plan="NRF"), "rooms[0].rate_plan"),
        (RoomChange(1, room_type="SGL"), "rooms[0].room_type"),
    ):
        with pytest.raises(Invalid) as refused:
            async with db.transaction() as tx:
                await service.amend(tx, booking_id=dear.id, now=NOW, rooms=[change])
        assert refused.value.field == field
        assert refused.value.fix in ("it sells FLEX", "it sells DBL")
    async with db.transaction() as tx:
        longer = await service.amend(
            tx, booking_id=cheap.id, now=NOW, by_guest=False, departure=stay(10, 4).departure
        )
    assert [room.rate_plan for room in longer.reservations] == ["NRF"]
    assert await differences(db) == []


async def test_a_guest_buys_no_further_nights_of_a_hotel_that_is_off_sale(db: Database) -> None:
    """What was sold stays, and can be shortened; the hotel itself may sell more."""
    await small_hotel(db, rooms=2, room_types=("DBL", "SGL"))
    booking = (await booked(db, 10, 3)).booking
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET active = false")
    before = await look(db, booking.id)
    longer, elsewhere = stay(10, 4), stay(20, 1)
    for days, rooms in (
        (longer, []),
        (elsewhere, []),
        (stay(10, 3), [RoomChange(1, room_type="SGL")]),
    ):
        with pytest.raises(StayNotSold) as refused:
            async with db.transaction() as tx:
                await service.amend(
                    tx,
                    booking_id=booking.id,
                    now=NOW,
                    arrival=days.arrival,
                    departure=days.departure,
                    rooms=rooms,
                )
        assert refused.value.code == "not_on_sale"
    assert await look(db, booking.id) == before
    async with db.transaction() as tx:
        await service.amend(tx, booking_id=booking.id, now=NOW, departure=stay(10, 2).departure)
        await service.amend(tx, booking_id=booking.id, now=NOW, by_guest=False, departure=longer.departure)
    assert await differences(db) == []


async def test_no_room_is_held_of_a_hotel_that_has_gone_off_sale(db: Database) -> None:
    """What was booked before stays booked, and says so when the form is sent again."""
    await small_hotel(db, rooms=2)
    quote, other = await make_quote(db, stay(10, 3)), await make_quote(db, stay(10, 3))
    reference = (await held(db, other)).booking.reference
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET active = false")
    with pytest.raises(QuoteExpired):
        await held(db, quote)
    with pytest.raises(QuoteUsed, match=reference):
        await held(db, other)
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM booking") == 1
        assert await tx.fetchval("SELECT max(taken) FROM room_night") == 1
        await tx.execute("UPDATE property SET active = true")
    assert (await held(db, quote)).booking.status == "held"


async def test_once_cancelling_costs_the_guest_needs_the_hotel_to_change(db: Database) -> None:
    await small_hotel(db, rooms=2)
    booking = (await booked(db, plan="NRF")).booking
    change = {"departure": stay(10, 2).departure}
    with pytest.raises(AmendNotAllowed):
        async with db.transaction() as tx:
            # The cases are of its own types.
            await service.amend(tx, booking_id=booking.id, now=NOW, **change)  # type: ignore[arg-type]
    async with db.transaction() as tx:
        # The cases are of its own types.
        done = await service.amend(tx, booking_id=booking.id, now=NOW, by_guest=False, **change)  # type: ignore[arg-type]
    assert (done.difference, done.refund) == (-9_000, 9_000)
    assert await differences(db) == []


async def test_moving_a_stay_to_crossing_dates_needs_no_second_room(db: Database) -> None:
    rooms = await small_hotel(db, room_types=("DBL", "SGL"))
    booking = (await booked(db, 10, 4)).booking
    async with db.transaction() as tx:
        await service.amend(
            tx,
            booking_id=booking.id,
            now=NOW,
            arrival=stay(12, 1).arrival,
            departure=stay(12, 4).departure,
        )
    assert await taken(db, rooms["DBL"], stay(10, 6)) == [0, 0, 1, 1, 1, 1]
    async with db.transaction() as tx:
        await service.amend(tx, booking_id=booking.id, now=NOW, rooms=[RoomChange(1, room_type="SGL")])
    assert await taken(db, rooms["DBL"], stay(10, 6)) == [0] * 6
    assert await taken(db, rooms["SGL"], stay(12, 4)) == [1] * 4
    assert await differences(db) == []


async def test_a_stay_runs_its_whole_life(db: Database) -> None:
    rooms = await small_hotel(db)
    booking = (await booked(db, 10, 4)).booking
    arrival = datetime(2030, 3, 11, 15, 0, tzinfo=UTC)
    with pytest.raises(TooEarly):
        async with db.transaction() as tx:
            await service.check_in(tx, booking_id=booking.id, now=arrival - timedelta(days=1))
    async with db.transaction() as tx:
        inside = await service.check_in(tx, booking_id=booking.id, now=arrival, rooms={1: "DBL-1"})
    assert (inside.status, inside.reservations[0].room) == ("checked_in", "DBL-1")
    async with db.transaction() as tx:
        out = await service.check_out(
            tx, booking_id=booking.id, now=arrival + timedelta(days=2), override="paid in cash"
        )
    assert (out.status, out.total) == ("checked_out", 40_000)
    assert await taken(db, rooms["DBL"], stay(10, 4)) == [1, 1, 0, 0]
    for step in (service.cancel, service.check_in, service.check_out, service.no_show):
        with pytest.raises(WrongState):
            async with db.transaction() as tx:
                await step(tx, booking_id=booking.id, now=arrival)
    assert await differences(db) == []


async def test_two_guests_never_get_one_physical_room(db: Database) -> None:
    await small_hotel(db, rooms=2)
    arrival = datetime(2030, 3, 11, 15, 0, tzinfo=UTC)
    first, second = [(await booked(db, 10, 3)).booking for _ in range(2)]
    async with db.transaction() as tx:
        await service.check_in(tx, booking_id=first.id, now=arrival, rooms={1: "DBL-1"})
    with pytest.raises(RoomInUse, match="room DBL-1 has a stay from 2030-03-11 to 2030-03-14"):
        async with db.transaction() as tx:
            await service.check_in(tx, booking_id=second.id, now=arrival, rooms={1: "DBL-1"})
    assert await status_of(db, second.id) == "confirmed"


async def test_a_no_show_gives_the_remaining_nights_back_and_notes_the_fee(db: Database) -> None:
    rooms = await small_hotel(db)
    booking = (await booked(db, 10, 4)).booking
    with pytest.raises(TooEarly):
        async with db.transaction() as tx:
            await service.no_show(tx, booking_id=booking.id, now=NOW)
    night_audit = datetime(2030, 3, 12, 4, 0, tzinfo=UTC)
    async with db.transaction() as tx:
        gone = await service.no_show(tx, booking_id=booking.id, now=night_audit)
    assert (gone.status, gone.reservations[0].fee) == ("no_show", 10_000)
    assert await taken(db, rooms["DBL"], stay(10, 4)) == [1, 0, 0, 0]
    assert await differences(db) == []


async def test_a_no_show_gets_back_what_was_paid_beyond_the_fee(db: Database) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_plan SET deposit_kind = 'full' WHERE code = 'FLEX'")
    booking = (await booked(db, 10, 4)).booking
    async with db.transaction() as tx:
        gone = await service.no_show(tx, booking_id=booking.id, now=datetime(2030, 3, 12, 4, 0, tzinfo=UTC))
    assert (gone.reservations[0].fee, gone.paid) == (10_000, 10_000)
    await give_refunds(db, Gateways(GATEWAY), now=NOW)
    assert await differences(db) == []


async def test_an_agreed_price_replaces_prices_and_restrictions_but_never_the_rooms(db: Database) -> None:
    rooms = await small_hotel(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_night SET closed = true")
        quote = await service.quote(
            tx,
            property_slug=SLUG,
            stay=stay(10, 2),
            rooms=[RoomRequest("DBL", "FLEX", 5, (1, 8, 17))],
            now=NOW,
            agreed_price=4_321,
        )
    assert quote.total == 8_642
    await held(db, quote)
    async with db.transaction() as tx:
        again = await service.quote(
            tx,
            property_slug=SLUG,
            stay=stay(11, 2),
            rooms=[RoomRequest("DBL", "FLEX")],
            now=NOW,
            agreed_price=1,
        )
    with pytest.raises(SoldOut):
        await held(db, again)
    assert await taken(db, rooms["DBL"], stay(10, 3)) == [1, 1, 0]


async def test_no_price_is_agreed_for_a_night_that_is_over(db: Database) -> None:
    """The running night is sold until the hotel's day ends, as at any price."""
    await small_hotel(db)
    midnight = datetime.combine(stay(10, 1).departure, datetime.min.time(), UTC)

    async def at(hour: int) -> Quote:
        async with db.transaction() as tx:
            return await service.quote(
                tx,
                property_slug=SLUG,
                stay=stay(10, 2),
                rooms=[RoomRequest("DBL", "FLEX")],
                now=midnight + timedelta(hours=hour),
                agreed_price=4_321,
            )

    assert (await at(2)).total == 8_642
    with pytest.raises(Invalid) as refused:
        await at(9)
    assert refused.value.field == "arrival"
