"""All routes of the panel, as one router."""

from __future__ import annotations

from litestar import Router

from hotel_booking.admin import (
    account,
    audit,
    booking_changes,
    booking_search,
    bookings,
    catalogue,
    confirm,
    group_pages,
    home,
    incidents,
    jobs,
    keys,
    links,
    mail,
    monitoring,
    new_booking,
    payments,
    rate_bulk,
    rates,
    reconciliation,
    sign_in,
    staff,
    stays,
    today,
)

router = Router(
    "/admin",
    route_handlers=[
        *account.handlers,
        *audit.handlers,
        *booking_changes.handlers,
        *stays.handlers,
        *booking_search.handlers,
        *bookings.handlers,
        *catalogue.handlers,
        *confirm.handlers,
        *group_pages.handlers,
        *home.handlers,
        *incidents.handlers,
        *jobs.handlers,
        *keys.handlers,
        *links.handlers,
        *mail.handlers,
        *monitoring.handlers,
        *new_booking.handlers,
        *payments.handlers,
        *rate_bulk.handlers,
        *rates.handlers,
        *reconciliation.handlers,
        *sign_in.handlers,
        *staff.handlers,
        *today.handlers,
    ],
    include_in_schema=False,
)
