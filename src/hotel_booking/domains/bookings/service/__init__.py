"""What can be done with a booking: a file per verb. The transaction is passed in; nobody commits."""

from hotel_booking.domains.bookings.service.amend import amend, preview_amend
from hotel_booking.domains.bookings.service.cancel import cancel, cancellation_at, going_of, preview_cancel
from hotel_booking.domains.bookings.service.collect import collect, collect_soon
from hotel_booking.domains.bookings.service.contact import correct_contact, correct_guest
from hotel_booking.domains.bookings.service.desk import record_desk_payment, reverse_desk_payment
from hotel_booking.domains.bookings.service.finish import (
    answer_on_its_way,
    ask,
    finish_payment,
    finish_undecided,
    is_on_its_way,
)
from hotel_booking.domains.bookings.service.goodwill import give_back
from hotel_booking.domains.bookings.service.hold import confirm, guarantee, hold, lapse, lapse_many
from hotel_booking.domains.bookings.service.holding_on import put_off, take_up
from hotel_booking.domains.bookings.service.no_show import fee_outcome, no_show, preview_no_show
from hotel_booking.domains.bookings.service.pay import PaymentResult, pay, settle
from hotel_booking.domains.bookings.service.quote import quote
from hotel_booking.domains.bookings.service.stay import (
    check_in,
    check_out,
    checked_in_today,
    give_rooms,
    last_checked_in,
    preview_undo_check_in,
    undo_check_in,
)
from hotel_booking.domains.bookings.service.transfers import received

__all__ = [
    "PaymentResult",
    "amend",
    "answer_on_its_way",
    "ask",
    "cancel",
    "cancellation_at",
    "check_in",
    "check_out",
    "checked_in_today",
    "collect",
    "collect_soon",
    "confirm",
    "correct_contact",
    "correct_guest",
    "fee_outcome",
    "finish_payment",
    "finish_undecided",
    "give_back",
    "give_rooms",
    "going_of",
    "guarantee",
    "hold",
    "is_on_its_way",
    "lapse",
    "lapse_many",
    "last_checked_in",
    "no_show",
    "pay",
    "preview_amend",
    "preview_cancel",
    "preview_no_show",
    "preview_undo_check_in",
    "put_off",
    "quote",
    "received",
    "record_desk_payment",
    "reverse_desk_payment",
    "settle",
    "take_up",
    "undo_check_in",
]
