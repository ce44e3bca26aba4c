"""Whether the database is a copy of production's for people to work on: then nothing of it goes outside."""

from __future__ import annotations

import logging
import os

import psycopg

from hotel_booking.core.config import Settings
from hotel_booking.core.environment import read_settings

log = logging.getLogger(__name__)

# By which mail, payments, pages and messages go out, and rates come in.
_OUTSIDE = (
    *("HOTEL_SMTP_URL", "HOTEL_STRIPE_SECRET_KEY", "HOTEL_STRIPE_PUBLISHABLE_KEY"),
    *("HOTEL_STRIPE_WEBHOOK_SECRETS", "HOTEL_PAGERDUTY_KEY", "HOTEL_PAGERDUTY_SECONDARY_KEY"),
    *("HOTEL_SLACK_TOKEN", "HOTEL_ALERTMANAGER_TOKEN"),
)


def kept_inside(settings: Settings) -> tuple[Settings, bool]:
    """The settings as they may be used on this database, and whether nothing may go outside. The environment
    is changed with them, so that processes that are started see the same."""
    with psycopg.connect(settings.database_url, connect_timeout=10) as connection:
        if connection.execute("SELECT to_regclass('outside_off')").fetchone() == (None,):
            return settings, False
        row = connection.execute("SELECT why FROM outside_off").fetchone()
    if row is None:
        return settings, False
    log.warning("nothing goes outside: this database is %s", row[0])
    for name in _OUTSIDE:
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    os.environ |= {"HOTEL_GATEWAY": "none", "HOTEL_EXCHANGE_RATES_URL": ""}
    if settings.environment == "demo":  # its mailer is chosen by the environment's name
        os.environ["HOTEL_ENVIRONMENT"] = "test"
    return read_settings(os.environ), True
