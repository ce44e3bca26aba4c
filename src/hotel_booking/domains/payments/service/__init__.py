"""Payments, refunds and the ledger. The transaction is passed in; nobody commits, and no gateway is
called."""

from hotel_booking.domains.payments.service.attempts import (
    Payment,
    Purpose,
    Status,
    finish_later,
    forget_cards,
    latest,
    lock_payment,
    look_up,
    record,
    resume,
    save_card,
    start,
    touch,
)
from hotel_booking.domains.payments.service.desk import (
    close_waiting,
    forget_notes,
    note_taken,
    reverse,
)
from hotel_booking.domains.payments.service.refunds import (
    DueRefund,
    due_refunds,
    give_back,
    refund,
    refund_done,
    refund_failed,
    send_again,
)
from hotel_booking.domains.payments.service.reserved import (
    adopt,
    keep_reserved,
    let_go,
    stands_already,
    take_now,
)

__all__ = [
    "DueRefund",
    "Payment",
    "Purpose",
    "Status",
    "adopt",
    "close_waiting",
    "due_refunds",
    "finish_later",
    "forget_cards",
    "forget_notes",
    "give_back",
    "keep_reserved",
    "latest",
    "let_go",
    "lock_payment",
    "look_up",
    "note_taken",
    "record",
    "refund",
    "refund_done",
    "refund_failed",
    "resume",
    "reverse",
    "save_card",
    "send_again",
    "stands_already",
    "start",
    "take_now",
    "touch",
]
