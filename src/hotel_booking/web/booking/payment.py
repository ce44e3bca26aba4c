"""Paying for a hold: what is due, how it can be paid, what became of it. A form sent twice charges once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.core.config import Settings
from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.due import highest_later_charge, still_open
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.payments import queries
from hotel_booking.domains.payments.errors import (
    GatewayUnavailable,
    PaymentInProgress,
    UnknownGateway,
    refusal,
)
from hotel_booking.domains.payments.gateway import Gateway, Gateways
from hotel_booking.domains.payments.types import UndecidedPayment
from hotel_booking.http.access import public
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.security_headers import PAGE_POLICY
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import see_other
from hotel_booking.web.booking import sold_room
from hotel_booking.web.booking.addresses import page_of
from hotel_booking.web.booking.messages import NOT_CONFIRMED, why_of
from hotel_booking.web.booking.ownership import open_own, reread
from hotel_booking.web.booking.quotes import again_of
from hotel_booking.web.booking.refused import back_to
from hotel_booking.web.i18n.phrases import Phrases
from hotel_booking.web.refused import reason_of
from hotel_booking.web.site import carry, language_of, site

# Stripe's script and frames, on this page alone; its own page takes a form's redirect.
STRIPE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self' https://js.stripe.com;"
    " frame-src https://js.stripe.com https://hooks.stripe.com; connect-src 'self' https://api.stripe.com;"
    " form-action 'self' https://checkout.stripe.com; base-uri 'none'; frame-ancestors 'none'"
)

_WAITED = "waited"  # in an address: the gateway was asked just now, and has not answered

# Refusals that promise the room, which is not to be said once the hold is over.
_HELD_ON = ("payment_declined", NOT_CONFIRMED, "gateway_resting")


@get("/booking/{reference:str}/pay", opt=public(), include_in_schema=False)
async def show_payment(
    request: Request[Any, Any, State], tx: Transaction, gateways: Gateways, now: datetime, reference: str
) -> Response[Any]:
    """What is due and how it can be paid. A payment that is being decided, or a transfer that is waited for,
    is shown first; `?other=1` chooses another way."""
    booking = await open_own(request, tx, reference, now)
    waiting = await queries.undecided(tx, booking.id)
    if waiting is not None and "other" not in request.query_params:
        transfer = gateways.of(waiting.gateway).page == "transfer"
        # Another way than the transfer was tried, and refused.
        tried = transfer and reason_of(request)
        if not tried and (transfer or waiting.status != "requires_action"):
            return see_other(request, _state_of(request, booking))
    if booking.status not in ("held", "expired") and not still_open(booking):
        return see_other(request, page_of(request, booking))
    return _payment(request, gateways, booking, now)


@post("/booking/{reference:str}/pay", opt=public(), include_in_schema=False)
async def pay(
    request: Request[Any, Any, State],
    database: Database,
    gateways: Gateways,
    settings: Settings,
    now: datetime,
    reference: str,
) -> Response[Any]:
    """Pay or guarantee a hold, or pay what is still open of a booking. Sent twice it charges once: the amount
    that was shown is sent along, and is no longer the open one then."""
    async with database.transaction() as tx:
        booking = await open_own(request, tx, reference, now)
    form = await read(request)
    try:
        expected = form.shown_amount("expected", required=True)
        form.check()
        gateway = _chosen(gateways, form.value("method"), booking, balance=form.flag("balance"))
        paid = await service.pay(
            database,
            gateway,
            booking_id=booking.id,
            token=form.value("card")[:300] or ("guarantee" if gateway.page == "none" else None),
            agreement=agreement(booking, language_of(request)) if form.flag("keep") else None,
            return_url=_return_url(request, settings, booking) if form.flag("hosted") else None,
            expected=expected,
            balance=form.flag("balance"),
            now=now,
        )
    except DomainError as error:
        if isinstance(error, PaymentInProgress):
            first = await service.answer_on_its_way(database, booking_id=booking.id)
            if first.status not in ("declined", "voided", "failed"):
                return see_other(request, _state_of(request, booking))
            error = refusal(first.decline_code)("the first was not paid")
        async with database.transaction() as tx:
            booking = await reread(request, tx, booking)
        if booking.status not in ("held", "expired") and not still_open(booking):
            return see_other(request, page_of(request, booking))
        return back_to(request, _pay_of(request, booking), error)
    if paid.status == "confirmed":
        return see_other(request, page_of(request, booking))
    return see_other(request, paid.action_url or _state_of(request, booking))


@get("/booking/{reference:str}/payment", opt=public(), include_in_schema=False)
async def show_state(
    request: Request[Any, Any, State],
    database: Database,
    gateways: Gateways,
    settings: Settings,
    now: datetime,
    reference: str,
) -> Response[Any]:
    """Where the payment stands: the bank's question, the card form, the account to send a transfer to, or
    that the gateway is still being asked. Guests come back here from the gateway's own page; what is true is
    asked of the gateway, never read from the address. Nothing is changed by looking: where there is something
    to settle, the page sends itself on."""
    async with database.transaction() as tx:
        booking = await open_own(request, tx, reference, now)
        waiting = await queries.undecided(tx, booking.id)
    if waiting is None:
        where = _pay_of(request, booking) if booking.status == "held" else page_of(request, booking)
        return see_other(request, where)
    if service.is_on_its_way(waiting, now) or _WAITED in request.query_params:
        return _stands(request, "checkout/pending.html", booking, waiting)
    try:
        outcome = await service.ask(database, gateways, payment_id=waiting.id)
    except DomainError:
        return _stands(request, "checkout/pending.html", booking, waiting)
    if outcome.status == "requires_action" or outcome.action_token is not None:
        match gateways.of(waiting.gateway).page:
            case "transfer":
                lapsed = booking.status == "held" and booking.hold_expires_at <= now
                return _stands(
                    request,
                    "checkout/transfer.html",
                    booking,
                    waiting,
                    account=(outcome.action_text or "").splitlines(),
                    again=again_of(request, booking, now),
                    late=booking.status == "expired" or lapsed,
                )
            case "sandbox":
                return _stands(
                    request, "checkout/second_step.html", booking, waiting, token=outcome.action_token
                )
            case "stripe" if outcome.action_token is not None:
                return _stands(
                    request,
                    "checkout/card.html",
                    booking,
                    waiting,
                    policy=STRIPE_POLICY,
                    now=now,
                    key=settings.stripe_publishable_key,
                    secret=outcome.action_token,
                    back=_return_url(request, settings, booking),
                )
        return _payment(request, gateways, booking, now)
    return _stands(request, "checkout/asking.html", booking, waiting)


@post("/booking/{reference:str}/payment", opt=public(), include_in_schema=False)
async def settle(
    request: Request[Any, Any, State], database: Database, gateways: Gateways, now: datetime, reference: str
) -> Response[Any]:
    """Act on what the gateway says of the payment: confirm, or say why not."""
    async with database.transaction() as tx:
        booking = await open_own(request, tx, reference, now)
        waiting = await queries.undecided(tx, booking.id)
    if waiting is None:
        return see_other(request, page_of(request, booking))
    if service.is_on_its_way(waiting, now):
        return _pending(request, booking)
    paid, refused = None, None
    try:
        paid = await service.finish_payment(database, gateways, payment_id=waiting.id, now=now)
    except GatewayUnavailable:
        return _pending(request, booking)
    except DomainError as error:
        refused = error
    async with database.transaction() as tx:
        after = await reread(request, tx, booking)
    if refused is not None:
        return back_to(request, _pay_of(request, after), refused)
    if paid is None or paid.status == "confirmed":
        return see_other(request, page_of(request, after))
    if paid.status == "pending":
        return _pending(request, after)
    return see_other(request, _state_of(request, after))


def _pending(request: Request[Any, Any, State], booking: Booking) -> Response[Any]:
    """To the page that says the gateway has not answered, and does not ask it again by itself."""
    where = _state_of(request, booking)
    return see_other(request, f"{where}{'&' if '?' in where else '?'}{_WAITED}=1")


def _stands(
    request: Request[Any, Any, State],
    template: str,
    booking: Booking,
    payment: UndecidedPayment,
    *,
    policy: str = PAGE_POLICY,
    **values: Any,
) -> Response[Any]:
    return site(
        request,
        template,
        policy=policy,
        private=True,
        booking=booking,
        payment=payment,
        **values,
    )


def agreement(booking: Booking, language: str) -> str:
    """The words by which the guest lets the card be kept, in their language: as shown, so stored."""
    _ = translations(language).gettext
    highest = Phrases(language, translations(language)).money(highest_later_charge(booking), booking.currency)
    return _(
        "{hotel} may store my card with its payment provider and charge it for booking {reference} without "
        "asking me again: for the balance when it’s due and for any late cancellation or no-show fee, up to "
        "{amount} in total."
    ).format(hotel=booking.property_name, reference=booking.reference, amount=highest)


def _return_url(request: Request[Any, Any, State], settings: Settings, booking: Booking) -> str:
    return settings.public_url.rstrip("/") + _state_of(request, booking)


def _chosen(gateways: Gateways, method: str, booking: Booking, *, balance: bool) -> Gateway:
    """The way of paying that was chosen. Where nothing was to be paid and the booking is confirmed by now, or
    its hold is over, it is the booking that says so."""
    if method in ("", "card"):
        return gateways.card
    gateway = gateways.of(method)
    if gateway.page == "none" and (balance or (booking.status == "held" and booking.due_now)):
        raise UnknownGateway("this booking is paid now")
    return gateway


def _pay_of(request: Request[Any, Any, State], booking: Booking) -> str:
    return page_of(request, booking) + "/pay" + carry(request.scope)


def _state_of(request: Request[Any, Any, State], booking: Booking) -> str:
    return page_of(request, booking) + "/payment" + carry(request.scope)


def _payment(
    request: Request[Any, Any, State],
    gateways: Gateways,
    booking: Booking,
    now: datetime,
) -> Response[Any]:
    language = language_of(request)
    balance = booking.status not in ("held", "expired")
    lapsed = not balance and (booking.status == "expired" or booking.hold_expires_at <= now)
    form, code = Form.of(), reason_of(request)
    if code and not (lapsed and code in _HELD_ON):
        form.errors[""] = why_of(code, translations(language), 0 if balance else len(booking.reservations))
    due = still_open(booking) if balance else booking.due_now
    stay = Stay(booking.arrival, booking.departure)
    later = agreement(booking, language) if not balance and highest_later_charge(booking) else None
    return site(
        request,
        "checkout/pay.html",
        policy=STRIPE_POLICY if gateways.card.page == "stripe" else PAGE_POLICY,
        private=True,
        booking=booking,
        # What is bought, with its conditions; of a balance they were agreed on long ago.
        rooms=[]
        if balance or lapsed
        else [sold_room.of_booking(room, booking, language, now) for room in booking.kept],
        balance=balance,
        due=due,
        now=now,
        stay=stay,
        lapsed=lapsed,
        again=again_of(request, booking, now),
        card_page=gateways.card.page,
        methods=[gateway.name for gateway in gateways.all if gateway.page == "transfer"] if due else [],
        later=later if gateways.card.saves_cards else None,
        phrases=Phrases(language, translations(language)),
        form=form,
    )


handlers = [show_payment, pay, show_state, settle]
