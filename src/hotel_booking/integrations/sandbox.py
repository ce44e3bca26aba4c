"""A payment gateway without money, for the demo and for tests.

Tokens: `tok_success`, `tok_decline`, `tok_challenge` (asks for a second step; its answer carries the token
that completes it, and `tok_unconfirmed` fails it), `tok_timeout` (the gateway never answers and never heard
of it) and `tok_lost` (it reserves the money, and its answer is lost). A saved card declines where it was made
by `tok_success_once`. `TOKEN:NAME` says whose card it is.

It keeps books of its own, as a real one does: in the tables `sandbox_*` of the platform's database, or of
another one, where they outlive that; or in memory where it is given none.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database, Row
from hotel_booking.domains.payments.errors import (
    ForgedNotice,
    GatewayRefused,
    GatewayUnavailable,
    UnknownToken,
)
from hotel_booking.domains.payments.gateway import (
    Card,
    Charge,
    ListedPayment,
    Notice,
    Outcome,
    Page,
    Refunded,
    Status,
)

TOKENS = (
    *("tok_success", "tok_success_once", "tok_decline", "tok_challenge"),
    *("tok_unconfirmed", "tok_timeout", "tok_lost"),
)
_SECOND_STEP = "tok_challenge_done_"
_PREFIX = "sandbox_"
_DECLINED_AS = {"tok_unconfirmed": "payment_intent_authentication_failure"}  # as Stripe says it


class _Entry(msgspec.Struct):
    id: UUID
    status: Status
    amount: int
    currency: str
    token: str
    created_at: datetime
    captured: int = 0
    refunded: int = 0
    booking: str = ""
    guest: str = ""


class SandboxGateway:
    """Answers by the token alone; refused by the settings in production."""

    name = "sandbox"
    page: Page = "sandbox"
    holds_for = timedelta(days=7)
    saves_cards = True

    def __init__(self, books: Database | None = None, *, elsewhere: str | None = None) -> None:
        """`elsewhere`: the URL of the database with its books, where that is not `books`."""
        self._books = None if elsewhere else books
        self._elsewhere = elsewhere
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._payments: dict[UUID, _Entry] = {}
        self._refunds: set[UUID] = set()

    async def close(self) -> None:
        """Let go of books elsewhere."""
        await self._stack.aclose()

    async def authorise(self, charge: Charge, *, token: str | None) -> Outcome:
        """See the module's text for the tokens."""
        token, guest = (None, "") if token is None else token.partition(":")[::2]
        known = await self._entry(charge.payment_id)
        if known is not None and known.status != "requires_action":
            return self._outcome(known)  # asked before: the first answer stands
        match token:
            case "tok_success" | "tok_success_once" | "tok_lost":
                entry = await self._enter(charge, "authorised", token, guest)
                if token == "tok_lost":  # noqa: S105  # the name of a test card
                    raise GatewayUnavailable("the sandbox's answer was lost")
            case "tok_decline" | "tok_unconfirmed":
                entry = await self._enter(charge, "declined", token, guest)
            case "tok_timeout":
                return Outcome("unknown")
            case None | "tok_challenge":
                entry = await self._enter(charge, "requires_action", "tok_challenge")
            case _ if token == _SECOND_STEP + charge.payment_id.hex and known is not None:
                entry = await self._move(charge.payment_id, "authorised")
            case _:
                raise UnknownToken(
                    "the gateway does not know this token",
                    field="token",
                    fix=f"the sandbox knows {', '.join(TOKENS)}",
                )
        return self._outcome(entry)

    async def charge_saved(self, charge: Charge, *, card: Card) -> Outcome:
        """Captured at once, or declined for a card that was good only once."""
        entry = await self._entry(charge.payment_id)
        if entry is None:
            good = card.method != "tok_success_once"
            entry = await self._enter(charge, "captured" if good else "declined", card.method)
        return self._outcome(entry)

    async def find(self, *, payment_id: UUID, reference: str | None) -> Outcome:
        """What stands in the books."""
        del reference
        entry = await self._entry(payment_id)
        return Outcome("not_found") if entry is None else self._outcome(entry)

    async def capture(self, *, payment_id: UUID, reference: str, amount: int) -> None:
        """Taken in the books. Raises `GatewayRefused` where it is not reserved, or not so much is."""
        del reference
        entry = await self._entry(payment_id)
        if entry is not None and (entry.status, entry.captured) == ("captured", amount):
            return
        if entry is None or entry.status != "authorised" or not 0 <= amount <= entry.amount:
            raise GatewayRefused("the sandbox has not reserved this much for the payment")
        await self._move(payment_id, "captured", captured=amount)

    async def void(self, *, payment_id: UUID, reference: str | None) -> None:
        """Let go in the books."""
        del reference
        entry = await self._entry(payment_id)
        if entry is not None and entry.status == "captured":
            raise GatewayRefused("the sandbox has already captured the money")
        if entry is not None and entry.status not in ("voided", "declined"):
            await self._move(payment_id, "voided")

    async def refund(self, *, refund_id: UUID, reference: str, amount: int) -> Refunded:
        """Given back in the books."""
        payment_id = UUID(reference.removeprefix(_PREFIX))
        if not await self._give_back(refund_id, payment_id, amount):
            raise GatewayRefused("the sandbox has not taken this much from the guest")
        return Refunded("done", reference=f"{_PREFIX}refund_{refund_id.hex}")

    async def listing(self, *, since: datetime, until: datetime) -> AsyncIterator[ListedPayment]:
        """The books, oldest first."""
        books = await self._where()
        if books is None:
            entries = [e for e in self._payments.values() if since <= e.created_at < until]
        else:
            async with books.transaction() as tx:
                rows = await tx.fetch(
                    "SELECT * FROM sandbox_payment WHERE created_at >= $1 AND created_at < $2"
                    " ORDER BY created_at",
                    since,
                    until,
                )
            entries = [_read(row) for row in rows]
        for entry in entries:
            yield ListedPayment(
                reference=_PREFIX + entry.id.hex,
                payment_id=entry.id,
                status=entry.status,
                amount=entry.amount,
                currency=entry.currency,
                captured=entry.captured,
                refunded=entry.refunded,
                created_at=entry.created_at,
                booking=entry.booking,
                guest=entry.guest,
            )

    def read_notice(self, body: bytes, *, signature: str, now: datetime) -> Notice:
        """It never sends any."""
        del body, signature, now
        raise ForgedNotice("the sandbox sends no notices", fix="nothing needs to be done")

    @staticmethod
    def _outcome(entry: _Entry) -> Outcome:
        match entry.status:
            case "declined":
                code = _DECLINED_AS.get(entry.token, "card_declined")
                return Outcome("declined", reference=_PREFIX + entry.id.hex, decline_code=code)
            case "requires_action":
                return Outcome("requires_action", action_token=_SECOND_STEP + entry.id.hex)
        return Outcome(
            entry.status,
            reference=_PREFIX + entry.id.hex,
            amount=entry.captured if entry.status == "captured" else entry.amount,
            currency=entry.currency,
            card=Card(
                customer="sandbox", method=entry.token, brand="sandbox", last4="4242", expires="2099-12"
            ),
        )

    async def _where(self) -> Database | None:
        if self._elsewhere is None:
            return self._books
        async with self._opening:
            if self._books is None:
                self._books = await self._stack.enter_async_context(Database.open(self._elsewhere, size=4))
            return self._books

    async def _entry(self, payment_id: UUID) -> _Entry | None:
        books = await self._where()
        if books is None:
            return self._payments.get(payment_id)
        async with books.reading() as tx:
            row = await tx.fetchrow("SELECT * FROM sandbox_payment WHERE id = $1", payment_id)
        return None if row is None else _read(row)

    async def _enter(self, charge: Charge, status: Status, token: str, guest: str = "") -> _Entry:
        captured = charge.amount if status == "captured" else 0
        books = await self._where()
        if books is None:
            entry = _Entry(
                *(charge.payment_id, status, charge.amount, charge.currency, token, utc_now(), captured),
                booking=charge.reference,
                guest=guest,
            )
            self._payments[entry.id] = entry
            return entry
        async with books.reading() as tx:
            row = await tx.fetchrow(
                "INSERT INTO sandbox_payment (id, status, amount, currency, captured, token, booking, guest)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
                " ON CONFLICT (id) DO UPDATE SET status = excluded.status, token = excluded.token"
                "   WHERE sandbox_payment.status = 'requires_action' RETURNING *",
                charge.payment_id,
                status,
                charge.amount,
                charge.currency,
                captured,
                token,
                charge.reference,
                guest,
            )
        found = row or await self._entry(charge.payment_id)
        if found is None:
            raise GatewayUnavailable("the sandbox lost its books")
        return found if isinstance(found, _Entry) else _read(found)

    async def _move(self, payment_id: UUID, status: Status, captured: int = 0) -> _Entry:
        books = await self._where()
        if books is None:
            entry = self._payments[payment_id]
            entry.status, entry.captured = status, captured
            return entry
        async with books.reading() as tx:
            row = await tx.fetchrow(
                "UPDATE sandbox_payment SET status = $2, captured = $3 WHERE id = $1 RETURNING *",
                payment_id,
                status,
                captured,
            )
        if row is None:
            raise GatewayRefused("the sandbox does not know this payment")
        return _read(row)

    async def _give_back(self, refund_id: UUID, payment_id: UUID, amount: int) -> bool:
        books = await self._where()
        if books is None:
            entry = self._payments.get(payment_id)
            if refund_id in self._refunds:
                return True
            if entry is None or entry.refunded + amount > entry.captured:
                return False
            self._refunds.add(refund_id)
            entry.refunded += amount
            return True
        async with books.transaction() as tx:
            entry_row = await tx.fetchrow(
                "SELECT * FROM sandbox_payment WHERE id = $1 FOR UPDATE", payment_id
            )
            if await tx.fetchval("SELECT true FROM sandbox_refund WHERE id = $1", refund_id):
                return True
            if entry_row is None or entry_row["refunded"] + amount > entry_row["captured"]:
                return False
            await tx.execute("INSERT INTO sandbox_refund VALUES ($1, $2, $3)", refund_id, payment_id, amount)
            await tx.execute(
                "UPDATE sandbox_payment SET refunded = refunded + $2 WHERE id = $1", payment_id, amount
            )
            return True


def _read(row: Row) -> _Entry:
    return _Entry(**{name: row[name] for name in _Entry.__struct_fields__})
