"""Payments, refunds and the ledger. The transaction is passed in; nobody commits, and no gateway is
called."""

from hotel_booking.domains.payments.service.refunds import (
    DueRefund,
    due_refunds,
    give_back,
    refund,
    refund_done,
    refund_failed,
    send_again,
)
from hotel_booking.domains.payments.service.tries import (
    Payment,
    Purpose,
    Status,
    finish_later,
    lock_payment,
    look_up,
    record,
    release,
    resume,
    save_card,
    start,
    take_now,
    touch,
    unfinished,
)

__all__ = [
    "DueRefund",
    "Payment",
    "Purpose",
    "Status",
    "due_refunds",
    "finish_later",
    "give_back",
    "lock_payment",
    "look_up",
    "record",
    "refund",
    "refund_done",
    "refund_failed",
    "release",
    "resume",
    "save_card",
    "send_again",
    "start",
    "take_now",
    "touch",
    "unfinished",
]
