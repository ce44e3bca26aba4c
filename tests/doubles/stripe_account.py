"""What Stripe keeps of an account, and how it moves: just the calls that the platform makes.

Written from Stripe's documented behaviour, and strict: a parameter that is not known here is refused, so that
a call the real one would refuse cannot pass unnoticed. `stripe` puts it on a socket.
"""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

Thing = dict[str, Any]

METADATA = "metadata"
EXPAND: Any = [str]
_CREATED: Any = {"gt": int, "gte": int, "lt": int, "lte": int}
_PAGED: Any = {"limit": int, "starting_after": str, "ending_before": str, "expand": EXPAND}
_AUTOMATIC: Any = {"enabled": bool, "allow_redirects": {"always", "never"}}
_CAPTURE = {"automatic", "automatic_async", "manual"}

_LISTS = {
    "payment_intent": "/v1/payment_intents",
    "setup_intent": "/v1/setup_intents",
    "refund": "/v1/refunds",
    "checkout.session": "/v1/checkout/sessions",
}

# Stripe's own names for test cards: what happens when one is charged.
# `auth`: never, always, or only until it was set up for later; `decline`: (code, decline_code).
CARDS: dict[str, Thing] = {
    "pm_card_visa": {"last4": "4242"},
    "pm_card_mastercard": {"last4": "4444", "brand": "mastercard"},
    "pm_card_visa_chargeDeclined": {"last4": "0002", "decline": ("card_declined", "generic_decline")},
    "pm_card_visa_chargeDeclinedInsufficientFunds": {
        "last4": "9995",
        "decline": ("card_declined", "insufficient_funds"),
    },
    "pm_card_chargeDeclinedExpiredCard": {"last4": "0069", "decline": ("expired_card", "expired_card")},
    # Is accepted when it is shown, and declined from the second time on.
    "pm_card_chargeCustomerFail": {"last4": "0341", "later": ("card_declined", "generic_decline")},
    "pm_card_threeDSecure2Required": {"last4": "3220", "auth": "always"},
    "pm_card_authenticationRequired": {"last4": "3184", "auth": "always"},
    "pm_card_authenticationRequiredOnSetup": {"last4": "3155", "auth": "setup"},
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": {
        "last4": "3178",
        "auth": "always",
        "decline": ("card_declined", "insufficient_funds"),
    },
    "pm_card_pendingRefund": {"last4": "7726", "refund": "pending"},
    "pm_card_refundFail": {"last4": "5126", "refund": "failed"},
}


class Refusal(Exception):  # the answer that is no success
    """An error of the API. `begun` tells whether the endpoint began: only then the answer is kept by key."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        begun: bool = True,
        about: Thing | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.begun = begun
        self.body: Thing = {"error": {"type": kind, "message": message, **more}}
        if about is not None:
            self.body["error"][about["object"]] = dict(about)


def new_id(prefix: str) -> str:
    """A fresh id as Stripe's look."""
    letters = string.ascii_letters + string.digits
    return f"{prefix}_" + "".join(secrets.choice(letters) for _ in range(24))


def read_form(text: str, spec: Mapping[str, Any]) -> Thing:
    """Form-encoded parameters as a tree, checked against what the call knows."""
    tree: Thing = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        node, names = tree, key.replace("]", "").split("[")
        for name in names[:-1]:
            node = node.setdefault(name, {})
        node[names[-1]] = value
    return {name: _read(value, spec.get(name), name) for name, value in tree.items()}


def _read(value: Any, spec: Any, where: str) -> Any:
    if spec is None:
        raise Refusal(
            400,
            f"Received unknown parameter: {where}",
            begun=False,
            code="parameter_unknown",
            param=where,
        )
    if spec == METADATA:
        if not isinstance(value, dict) or len(value) > 50:
            raise _invalid(where)
        return {k: str(v) for k, v in value.items() if v}
    if isinstance(spec, list):
        if not isinstance(value, dict):
            raise _invalid(where)
        return [_read(value[i], spec[0], f"{where}[{i}]") for i in sorted(value, key=int)]
    if isinstance(spec, dict):
        if not isinstance(value, dict):
            raise _invalid(where)
        return {name: _read(v, spec.get(name), f"{where}[{name}]") for name, v in value.items()}
    if isinstance(value, dict):
        raise _invalid(where)
    return _scalar(value, spec, where)


def _scalar(value: str, spec: Any, where: str) -> Any:
    if isinstance(spec, set) and value not in spec:
        raise _invalid(where)
    if spec is int:
        if not value.lstrip("-").isdigit():
            raise Refusal(
                400,
                f"Invalid integer: {value}",
                begun=False,
                param=where,
                code="parameter_invalid_integer",
            )
        return int(value)
    if spec is bool:
        if value not in ("true", "false"):
            raise _invalid(where)
        return value == "true"
    return value


def _invalid(where: str) -> Refusal:
    return Refusal(400, f"Invalid {where}", begun=False, param=where)


def _missing(kind: str, name: str, *, param: str | None = None) -> Refusal:
    # 404 where it is named in the path, 400 where it is a parameter.
    status = 404 if param is None else 400
    return Refusal(status, f"No such {kind}: '{name}'", code="resource_missing", param=param or "id")


def _unexpected(intent: Thing, what: str) -> Refusal:
    return Refusal(
        400,
        f"This {intent['object']} could not be {what} because it has a status of {intent['status']}.",
        code=f"{intent['object']}_unexpected_state",
        about=intent,
    )


class Account:
    """The books. Every method is one call of the API, or one act of a guest or a bank."""

    def __init__(self, *, tell: Callable[[str, Thing], None]) -> None:
        self.things: dict[str, Thing] = {}  # in the order in which they were made
        self.released: set[str] = set()  # refunds that are the rest of a partial capture
        self.ahead = 0  # seconds that this clock is ahead
        self.search_lag = 60
        self.refunds_become: str | None = None  # else the card says it
        self.page_base = ""
        self._tell = tell

    def now(self) -> int:
        """Seconds since 1970, by the account's own clock."""
        return int(time.time()) + self.ahead

    def of(self, kind: str) -> list[Thing]:
        """Every object of a kind, oldest first."""
        return [thing for thing in self.things.values() if thing["object"] == kind]

    def get(self, kind: str, name: str, *, param: str | None = None) -> Thing:
        """The object of that name; a refusal where there is none."""
        thing: Thing | None = self.things.get(name)
        if thing is None or thing["object"] != kind:
            raise _missing(kind, name, param=param)
        return thing

    def _keep(self, thing: Thing) -> Thing:
        thing |= {"created": self.now(), "livemode": False}
        self.things[thing["id"]] = thing
        return thing

    def paged(self, kind: str, asked: Thing, keep: Callable[[Thing], bool] = lambda _thing: True) -> Thing:
        """A list, newest first."""
        limit: int = asked.get("limit", 10)
        created: dict[str, int] = asked.get("created", {})
        if not 1 <= limit <= 100:
            raise _invalid("limit")
        tests: list[Callable[[int], bool]] = []
        for op, bound in created.items():
            tests.append(
                {
                    "gt": lambda n, b=bound: n > b,
                    "gte": lambda n, b=bound: n >= b,
                    "lt": lambda n, b=bound: n < b,
                    "lte": lambda n, b=bound: n <= b,
                }[op]
            )
        found = [t for t in reversed(self.of(kind)) if keep(t) and all(f(t["created"]) for f in tests)]
        if after := asked.get("starting_after"):
            names = [thing["id"] for thing in found]
            if after not in names:
                raise _missing(kind, after, param="starting_after")
            found = found[names.index(after) + 1 :]
        return {"object": "list", "url": _LISTS[kind], "has_more": len(found) > limit, "data": found[:limit]}

    # --- cards and customers

    def card(self, name: str) -> Thing:
        """The payment method; every use of a test card's name makes a new one, as with Stripe."""
        if name in CARDS:
            card = CARDS[name]
            return self._keep(
                {
                    "id": new_id("pm"),
                    "object": "payment_method",
                    "type": "card",
                    "customer": None,
                    "card": {
                        "brand": card.get("brand", "visa"),
                        "last4": card["last4"],
                        "exp_month": 12,
                        "exp_year": 2034,
                    },
                    "metadata": {"test": name},
                }
            )
        return self.get("payment_method", name, param="payment_method")

    def customer(self, asked: Thing) -> Thing:
        """POST /v1/customers"""
        return self._keep({"id": new_id("cus"), "object": "customer", "metadata": asked.get("metadata", {})})

    # --- payments

    def intent(self, asked: Thing, *, page: str | None = None) -> Thing:
        """POST /v1/payment_intents"""
        for name in ("amount", "currency"):
            if name not in asked:
                raise Refusal(400, f"Missing required param: {name}.", begun=False, param=name)
        if asked["amount"] < 50:
            raise Refusal(400, "Amount is too small", code="amount_too_small", param="amount")
        if asked["currency"] in ("isk", "ugx") and asked["amount"] % 100:
            raise Refusal(400, "Invalid amount", code="invalid_charge_amount_no_decimal_compatible")
        if "payment_method_types" in asked and "automatic_payment_methods" in asked:
            raise Refusal(400, "You may only specify one of these parameters", begun=False)
        if asked.get("off_session") and not asked.get("confirm"):
            raise Refusal(400, "off_session needs confirm", begun=False, param="off_session")
        if asked.get("customer"):
            self.get("customer", asked["customer"], param="customer")
        name = new_id("pi")
        intent = {
            "id": name,
            "object": "payment_intent",
            "amount": asked["amount"],
            "amount_capturable": 0,
            "amount_received": 0,
            "automatic_payment_methods": asked.get("automatic_payment_methods"),
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": asked.get("capture_method", "automatic_async"),
            "client_secret": f"{name}_secret_{secrets.token_hex(8)}",
            "currency": asked["currency"],
            "customer": asked.get("customer"),
            "last_payment_error": None,
            "latest_charge": None,
            "metadata": asked.get("metadata", {}),
            "next_action": None,
            "payment_method": None,
            "payment_method_types": asked.get("payment_method_types", ["card"]),
            "setup_future_usage": asked.get("setup_future_usage"),
            "status": "requires_payment_method",
        }
        # A card that is not there makes no intent.
        method = self.card(asked["payment_method"])["id"] if asked.get("payment_method") else None
        self._keep(intent)
        if method is not None:
            intent |= {"payment_method": method, "status": "requires_confirmation"}
        if page is None:
            self._tell("payment_intent.created", intent)
        if asked.get("confirm"):
            self.confirm(name, {**asked, "payment_method": method})
        return intent

    def update(self, kind: str, name: str, asked: Thing) -> Thing:
        """POST /v1/payment_intents/{id}"""
        intent = self.get(kind, name)
        if asked.get("payment_method"):
            if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
                raise _unexpected(intent, "updated")
            method = self.card(asked["payment_method"])["id"]
            intent |= {"payment_method": method, "status": "requires_confirmation"}
        return intent

    def confirm(self, name: str, asked: Thing, *, by_guest: bool = False) -> Thing:
        """POST /v1/payment_intents/{id}/confirm, and what the guest's own page does."""
        intent: Thing = self.things.get(name) or {"object": ""}
        if intent["object"] not in ("payment_intent", "setup_intent"):
            raise _missing("payment_intent", name)
        if intent["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
            raise _unexpected(intent, "confirmed")
        redirects = (intent.get("automatic_payment_methods") or {"allow_redirects": "never"}).get(
            "allow_redirects", "always"
        )
        if redirects == "always" and not by_guest and not asked.get("return_url"):
            raise Refusal(400, "You must provide a `return_url`", param="return_url")
        method_name = asked.get("payment_method") or intent["payment_method"]
        if method_name is None:
            raise _unexpected(intent, "confirmed")
        method = self.card(method_name)
        if method["customer"] and method["customer"] != intent["customer"]:
            raise Refusal(400, "The payment method belongs to another customer", param="payment_method")
        off_session = asked.get("off_session") is True
        if off_session and not method["customer"]:
            raise Refusal(400, "The payment method is not attached to a customer", param="payment_method")
        card = CARDS[method["metadata"]["test"]]
        intent |= {"payment_method": method["id"], "next_action": None, "last_payment_error": None}
        auth = card.get("auth")
        if auth == "always" or (auth == "setup" and not method["customer"]):
            if off_session:
                return self._decline(intent, ("authentication_required", "authentication_required"))
            kind = "use_stripe_sdk" if by_guest or asked.get("use_stripe_sdk") else "redirect_to_url"
            intent |= {"status": "requires_action", "next_action": {"type": kind}}
            self._tell(f"{intent['object']}.requires_action", intent)
            return intent
        return self._charge(intent, off_session=off_session)

    def authenticate(self, name: str, *, passed: bool) -> Thing:
        """The guest at their bank's window: the second step."""
        intent = self.things[name]
        if intent["status"] != "requires_action":
            raise _unexpected(intent, "authenticated")
        intent["next_action"] = None
        if passed:
            return self._charge(intent, off_session=False)
        code = f"{intent['object']}_authentication_failure"
        return self._decline(intent, (code, None), charged=False)

    def _charge(self, intent: Thing, *, off_session: bool) -> Thing:
        method = self.things[intent["payment_method"]]
        card = CARDS[method["metadata"]["test"]]
        declined = card.get("decline") or (card.get("later") if off_session else None)
        if declined:
            return self._decline(intent, declined)
        later = intent.get("setup_future_usage") or intent.get("usage")
        if intent["customer"] and later:
            method["customer"] = intent["customer"]
        if intent["object"] == "setup_intent":
            intent["status"] = "succeeded"
            self._tell("setup_intent.succeeded", intent)
            return intent
        charge = self._make_charge(intent, "succeeded")
        if intent["capture_method"] == "manual":
            intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
            self._tell("payment_intent.amount_capturable_updated", intent)
            return intent
        charge |= {"captured": True, "amount_captured": intent["amount"]}
        intent |= {"status": "succeeded", "amount_received": intent["amount"]}
        self._tell("charge.succeeded", charge)
        self._tell("payment_intent.succeeded", intent)
        return intent

    def _make_charge(self, intent: Thing, status: str) -> Thing:
        charge = self._keep(
            {
                "id": new_id("ch"),
                "object": "charge",
                "amount": intent["amount"],
                "amount_captured": 0,
                "amount_refunded": 0,
                "captured": False,
                "currency": intent["currency"],
                "disputed": False,
                "metadata": dict(intent["metadata"]),
                "paid": status == "succeeded",
                "payment_intent": intent["id"],
                "payment_method": intent["payment_method"],
                "refunded": False,
                "status": status,
            }
        )
        intent["latest_charge"] = charge["id"]
        return charge

    def _decline(self, intent: Thing, why: tuple[str, str | None], *, charged: bool = True) -> Thing:
        code, decline_code = why
        error: Thing = {
            "type": "card_error",
            "code": code,
            "message": "Your card was declined.",
            "payment_method": self.things[intent["payment_method"]],
        }
        if decline_code:
            error["decline_code"] = decline_code
        setup = intent["object"] == "setup_intent"
        if charged and not setup:
            error["charge"] = self._make_charge(intent, "failed")["id"]
        intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
        intent["last_setup_error" if setup else "last_payment_error"] = error
        self._tell("setup_intent.setup_failed" if setup else "payment_intent.payment_failed", intent)
        more = {k: v for k, v in error.items() if k not in ("type", "message")}
        raise Refusal(402, "Your card was declined.", kind="card_error", about=intent, **more)

    def capture(self, name: str, asked: Thing) -> Thing:
        """POST /v1/payment_intents/{id}/capture"""
        intent = self.get("payment_intent", name)
        if intent["status"] != "requires_capture":
            raise _unexpected(intent, "captured")
        amount = int(asked.get("amount_to_capture") or intent["amount_capturable"])
        if not 0 < amount <= intent["amount_capturable"]:
            raise Refusal(400, "Amount is too large", code="amount_too_large", param="amount_to_capture")
        charge = self.things[intent["latest_charge"]]
        charge |= {"captured": True, "amount_captured": amount}
        intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
        if amount < intent["amount"]:
            rest = self._give_back(charge, intent["amount"] - amount, {})
            self.released.add(rest["id"])
        self._tell("charge.captured", charge)
        self._tell("payment_intent.succeeded", intent)
        return intent

    def cancel(self, name: str, *, reason: str | None = None) -> Thing:
        """POST /v1/payment_intents/{id}/cancel"""
        intent = self.get("payment_intent", name)
        if intent["status"] not in (
            "requires_payment_method",
            "requires_capture",
            "requires_confirmation",
            "requires_action",
        ):
            raise _unexpected(intent, "canceled")
        if intent["status"] != "requires_capture" and self.page_of(name) and reason != "automatic":
            raise Refusal(400, "You cannot cancel the PaymentIntent for a Checkout Session")
        intent |= {
            "status": "canceled",
            "amount_capturable": 0,
            "canceled_at": self.now(),
            "cancellation_reason": reason,
            "next_action": None,
        }
        self._tell("payment_intent.canceled", intent)
        return intent

    # --- refunds

    def refund(self, asked: Thing) -> Thing:
        """POST /v1/refunds"""
        intent = self.get("payment_intent", asked["payment_intent"], param="payment_intent")
        charge = self.things.get(intent["latest_charge"] or "")
        if intent["status"] != "succeeded" or charge is None:
            raise Refusal(400, "This PaymentIntent does not have a successful charge to refund.")
        left: int = charge["amount"] - charge["amount_refunded"]
        amount: int = asked.get("amount", left)
        if charge["disputed"]:
            raise Refusal(400, "The charge has been charged back", code="charge_disputed")
        if not left:
            raise Refusal(400, "The charge has already been refunded.", code="charge_already_refunded")
        if not 0 < amount <= left:
            raise Refusal(400, "Refund amount is greater than unrefunded amount on charge", param="amount")
        refund = self._give_back(charge, amount, asked.get("metadata", {}))
        method = self.things[charge["payment_method"]]
        become = self.refunds_become or CARDS[method["metadata"]["test"]].get("refund", "succeeded")
        refund["status"] = "succeeded" if become == "failed" else become
        self._tell("refund.created", refund)
        self._tell("charge.refunded", charge)
        answer = dict(refund)
        if become == "failed":  # succeeds at first, and comes back
            self.settle(refund["id"], "failed")
        return answer

    def _give_back(self, charge: Thing, amount: int, metadata: Thing) -> Thing:
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        return self._keep(
            {
                "id": new_id("re"),
                "object": "refund",
                "amount": amount,
                "charge": charge["id"],
                "currency": charge["currency"],
                "metadata": metadata,
                "payment_intent": charge["payment_intent"],
                "reason": None,
                "status": "succeeded",
            }
        )

    def settle(self, name: str, status: str) -> Thing:
        """The bank takes a refund, or sends it back."""
        refund = self.get("refund", name)
        if status == "failed" and refund["status"] != "failed":
            charge = self.things[refund["charge"]]
            charge["amount_refunded"] -= refund["amount"]
            charge["refunded"] = False
            refund["failure_reason"] = "lost_or_stolen_card"
        refund["status"] = status
        self._tell("refund.failed" if status == "failed" else "refund.updated", refund)
        self._tell("charge.refund.updated", refund)
        return refund

    # --- guarantees without an amount

    def setup(self, asked: Thing) -> Thing:
        """POST /v1/setup_intents"""
        if asked.get("customer"):
            self.get("customer", asked["customer"], param="customer")
        name = new_id("seti")
        return self._keep(
            {
                "id": name,
                "object": "setup_intent",
                "automatic_payment_methods": asked.get("automatic_payment_methods"),
                "client_secret": f"{name}_secret_{secrets.token_hex(8)}",
                "customer": asked.get("customer"),
                "last_setup_error": None,
                "metadata": asked.get("metadata", {}),
                "next_action": None,
                "payment_method": None,
                "status": "requires_payment_method",
                "usage": asked.get("usage", "off_session"),
            }
        )

    def cancel_setup(self, name: str) -> Thing:
        """POST /v1/setup_intents/{id}/cancel"""
        intent = self.get("setup_intent", name)
        if intent["status"] in ("succeeded", "canceled", "processing"):
            raise _unexpected(intent, "canceled")
        intent |= {"status": "canceled", "next_action": None}
        return intent

    # --- hosted pages

    def page(self, asked: Thing) -> Thing:
        """POST /v1/checkout/sessions"""
        mode = asked.get("mode")
        if mode not in ("payment", "setup") or "success_url" not in asked:
            raise _invalid("mode" if mode not in ("payment", "setup") else "success_url")
        if (mode == "payment") != ("line_items" in asked):
            raise _invalid("line_items")
        if mode == "setup" and "payment_intent_data" in asked:
            raise _invalid("payment_intent_data")
        if mode == "setup" and not (asked.get("currency") or asked.get("payment_method_types")):
            raise _invalid("currency")
        name = new_id("cs_test")
        return self._keep(
            {
                "id": name,
                "object": "checkout.session",
                "amount_total": sum(
                    line["price_data"]["unit_amount"] * line.get("quantity", 1)
                    for line in asked.get("line_items", [])
                ),
                "cancel_url": asked.get("cancel_url"),
                "client_reference_id": asked.get("client_reference_id"),
                "customer": asked.get("customer"),
                "expires_at": self.now() + 24 * 3600,
                "metadata": asked.get("metadata", {}),
                "mode": mode,
                "payment_intent": None,
                "payment_status": "unpaid",
                "setup_intent": None,
                "status": "open",
                "success_url": asked["success_url"].replace("{CHECKOUT_SESSION_ID}", name),
                "url": f"{self.page_base}/pay/{name}",
                "asked": asked,
            }
        )

    def page_of(self, intent: str) -> Thing | None:
        """The hosted page on which an intent is paid."""
        return next((p for p in self.of("checkout.session") if p["payment_intent"] == intent), None)

    def fill_page(self, name: str) -> Thing:
        """The guest begins to pay on the page: its intent is there from now on."""
        page = self.get("checkout.session", name)
        if page["status"] != "open":
            raise Refusal(400, f"This Checkout Session is {page['status']}")
        asked, kind = page["asked"], "setup_intent" if page["mode"] == "setup" else "payment_intent"
        if page[kind] is None:
            data = {**asked.get(f"{kind}_data", {}), "customer": page["customer"]}
            if page["mode"] == "setup":
                made = self.setup(data)
            else:
                line = asked["line_items"][0]["price_data"]
                made = self.intent(
                    {**data, "amount": page["amount_total"], "currency": line["currency"]}, page=name
                )
            page[kind] = made["id"]
        return self.things[page[kind]]

    def leave_page(self, name: str) -> None:
        """The guest has paid there, and goes back to us."""
        page = self.things[name]
        paid = "unpaid" if page["asked"].get("payment_intent_data", {}).get("capture_method") else "paid"
        page |= {"status": "complete", "payment_status": paid, "url": None}
        self._tell("checkout.session.completed", page)

    def expire_page(self, name: str) -> Thing:
        """POST /v1/checkout/sessions/{id}/expire"""
        page = self.get("checkout.session", name)
        if page["status"] != "open":
            raise Refusal(400, 'Only Checkout Sessions with a status in ["open"] can be expired.')
        page |= {"status": "expired", "url": None}
        self._tell("checkout.session.expired", page)
        return page

    # --- disputes

    def dispute(self, intent_name: str, *, reason: str, amount: int | None) -> Thing:
        """The guest's bank takes money back."""
        intent = self.get("payment_intent", intent_name)
        charge = self.things[intent["latest_charge"]]
        charge["disputed"] = True
        dispute = self._keep(
            {
                "id": new_id("dp"),
                "object": "dispute",
                "amount": charge["amount_captured"] if amount is None else amount,
                "charge": charge["id"],
                "currency": charge["currency"],
                "evidence_details": {"due_by": self.now() + 7 * 24 * 3600},
                "metadata": {},
                "payment_intent": intent["id"],
                "reason": reason,
                "status": "needs_response",
            }
        )
        self._tell("charge.dispute.created", dispute)
        return dispute

    def close_dispute(self, name: str, *, won: bool) -> Thing:
        """The bank has decided."""
        dispute = self.get("dispute", name)
        dispute["status"] = "won" if won else "lost"
        self.things[dispute["charge"]]["disputed"] = not won
        self._tell("charge.dispute.closed", dispute)
        return dispute

    # --- what calls there are

    def search(self, query: str) -> Thing:
        """GET /v1/payment_intents/search: what is new is not there yet."""
        key, _, value = query.partition(":")
        name = key.removeprefix("metadata['").removesuffix("']")
        if not key.startswith("metadata['"):
            raise _invalid("query")
        known = [t for t in self.of("payment_intent") if t["created"] <= self.now() - self.search_lag]
        found = [t for t in known if t["metadata"].get(name) == value.strip("'")]
        return {
            "object": "search_result",
            "has_more": False,
            "data": found[:10],
            "next_page": None,
            "url": "",
        }

    def shown(self, thing: Thing, expand: Iterable[str]) -> Thing:
        """An object as it is answered, with what was asked for whole."""
        copy = {k: v for k, v in thing.items() if k != "asked"}
        if "data" in copy and isinstance(copy["data"], list):
            copy["data"] = [{k: v for k, v in t.items() if k != "asked"} for t in copy["data"]]
        for path in expand:
            if path.count(".") > 3:
                raise Refusal(400, "You cannot expand more than 4 levels of a property", begun=False)
            self._expand(copy, path.split("."))
        return copy

    def _expand(self, node: Any, path: list[str]) -> None:
        if isinstance(node, list):
            for item in node:
                self._expand(item, path)
            return
        name, rest = path[0], path[1:]
        if name not in node:
            raise Refusal(400, f"This property cannot be expanded ({name}).", begun=False)
        if isinstance(node[name], str):
            node[name] = dict(self.things[node[name]])
        if rest and node[name] is not None:
            self._expand(node[name], rest)


_INTENT: Any = {
    "amount": int,
    "currency": str,
    "capture_method": _CAPTURE,
    "automatic_payment_methods": _AUTOMATIC,
    "payment_method_types": [str],
    "payment_method": str,
    "customer": str,
    "setup_future_usage": {"off_session", "on_session"},
    "metadata": METADATA,
    "confirm": bool,
    "off_session": bool,
    "return_url": str,
    "use_stripe_sdk": bool,
    "expand": EXPAND,
}
_SETUP: Any = {
    "automatic_payment_methods": _AUTOMATIC,
    "payment_method_types": [str],
    "customer": str,
    "usage": {"off_session", "on_session"},
    "metadata": METADATA,
    "expand": EXPAND,
}
_CONFIRM: Any = {"payment_method": str, "return_url": str, "use_stripe_sdk": bool, "expand": EXPAND}
_PAGE: Any = {
    "mode": {"payment", "setup"},
    "currency": str,
    "client_reference_id": str,
    "customer": str,
    "success_url": str,
    "cancel_url": str,
    "metadata": METADATA,
    "payment_method_types": [str],
    "line_items": [
        {
            "quantity": int,
            "price_data": {"currency": str, "unit_amount": int, "product_data": {"name": str}},
        }
    ],
    "payment_intent_data": {
        "capture_method": _CAPTURE,
        "metadata": METADATA,
        "setup_future_usage": {"off_session", "on_session"},
    },
    "setup_intent_data": {"metadata": METADATA},
    "expand": EXPAND,
}
_ONE: Any = {"expand": EXPAND}

# Name of the step: method, path, what it takes, what it does. `{}` in a path is an id.
Call = tuple[str, str, Any, Callable[[Account, str, Thing], Thing]]
CALLS: dict[str, Call] = {
    "customers.create": ("POST", "/v1/customers", {"metadata": METADATA}, lambda a, _, p: a.customer(p)),
    "payment_intents.create": ("POST", "/v1/payment_intents", _INTENT, lambda a, _, p: a.intent(p)),
    "payment_intents.list": (
        "GET",
        "/v1/payment_intents",
        {**_PAGED, "created": _CREATED, "customer": str},
        lambda a, _, p: a.paged("payment_intent", p),
    ),
    "payment_intents.search": (
        "GET",
        "/v1/payment_intents/search",
        {"query": str, "limit": int, "page": str},
        lambda a, _, p: a.search(p["query"]),
    ),
    "payment_intents.retrieve": (
        "GET",
        "/v1/payment_intents/{}",
        _ONE,
        lambda a, i, _: a.get("payment_intent", i),
    ),
    "payment_intents.update": (
        "POST",
        "/v1/payment_intents/{}",
        {"payment_method": str, "metadata": METADATA, "expand": EXPAND},
        lambda a, i, p: a.update("payment_intent", i, p),
    ),
    "payment_intents.confirm": (
        "POST",
        "/v1/payment_intents/{}/confirm",
        {**_CONFIRM, "off_session": bool},
        lambda a, i, p: a.confirm(i, p),
    ),
    "payment_intents.capture": (
        "POST",
        "/v1/payment_intents/{}/capture",
        {"amount_to_capture": int, "metadata": METADATA, "expand": EXPAND},
        lambda a, i, p: a.capture(i, p),
    ),
    "payment_intents.cancel": (
        "POST",
        "/v1/payment_intents/{}/cancel",
        {"cancellation_reason": str, "expand": EXPAND},
        lambda a, i, p: a.cancel(i, reason=p.get("cancellation_reason")),
    ),
    "setup_intents.create": ("POST", "/v1/setup_intents", _SETUP, lambda a, _, p: a.setup(p)),
    "setup_intents.list": (
        "GET",
        "/v1/setup_intents",
        {**_PAGED, "created": _CREATED, "customer": str},
        lambda a, _, p: a.paged("setup_intent", p),
    ),
    "setup_intents.retrieve": (
        "GET",
        "/v1/setup_intents/{}",
        _ONE,
        lambda a, i, _: a.get("setup_intent", i),
    ),
    "setup_intents.confirm": (
        "POST",
        "/v1/setup_intents/{}/confirm",
        _CONFIRM,
        lambda a, i, p: a.confirm(i, p),
    ),
    "setup_intents.cancel": (
        "POST",
        "/v1/setup_intents/{}/cancel",
        _ONE,
        lambda a, i, _: a.cancel_setup(i),
    ),
    "refunds.create": (
        "POST",
        "/v1/refunds",
        {"payment_intent": str, "amount": int, "metadata": METADATA, "reason": str, "expand": EXPAND},
        lambda a, _, p: a.refund(p),
    ),
    "refunds.list": (
        "GET",
        "/v1/refunds",
        {**_PAGED, "payment_intent": str, "charge": str},
        lambda a, _, p: a.paged("refund", p, lambda t: t["payment_intent"] == p.get("payment_intent")),
    ),
    "refunds.retrieve": ("GET", "/v1/refunds/{}", _ONE, lambda a, i, _: a.get("refund", i)),
    "sessions.create": ("POST", "/v1/checkout/sessions", _PAGE, lambda a, _, p: a.page(p)),
    "sessions.list": (
        "GET",
        "/v1/checkout/sessions",
        {**_PAGED, "payment_intent": str, "status": str},
        lambda a, _, p: a.paged(
            "checkout.session", p, lambda t: t["payment_intent"] == p.get("payment_intent")
        ),
    ),
    "sessions.retrieve": (
        "GET",
        "/v1/checkout/sessions/{}",
        _ONE,
        lambda a, i, _: a.get("checkout.session", i),
    ),
    "sessions.expire": (
        "POST",
        "/v1/checkout/sessions/{}/expire",
        _ONE,
        lambda a, i, _: a.expire_page(i),
    ),
}


def call_of(method: str, path: str) -> tuple[str, str]:
    """The step that a request is, and the id in its path."""
    parts = path.split("/")
    for literal in (True, False):
        for step, (wanted, pattern, _spec, _act) in CALLS.items():
            names = pattern.split("/")
            if wanted != method or len(names) != len(parts) or ("{}" not in names) != literal:
                continue
            if all(n in (p, "{}") for n, p in zip(names, parts, strict=True)):
                return step, next((p for n, p in zip(names, parts, strict=True) if n == "{}"), "")
    raise Refusal(404, f"Unrecognized request URL ({method}: {path})", begun=False)
