"""Which adapters stand for third parties, real or sandbox: chosen here, by the settings, and nowhere else."""

from __future__ import annotations

from functools import partial

from hotel_booking.core import links
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database
from hotel_booking.domains.exchange.types import RateSource
from hotel_booking.domains.incidents.types import Chat, Pager
from hotel_booking.domains.notifications.types import Link, Mailer
from hotel_booking.domains.payments.gateway import Gateway, Gateways
from hotel_booking.domains.properties.types import MediaStore
from hotel_booking.integrations.bank_transfer import BankTransfer
from hotel_booking.integrations.media import DiskMedia
from hotel_booking.integrations.pay_at_property import PayAtProperty
from hotel_booking.integrations.s3_media import S3Media
from hotel_booking.integrations.sandbox import SandboxGateway
from hotel_booking.integrations.smtp import DemoMailer, SmtpMailer


def choose_gateways(settings: Settings, db: Database) -> Gateways:
    """The payment gateways that the settings name. The sandbox keeps its own books, in tables of its own."""
    card: Gateway
    match settings.gateway:
        case "sandbox":
            card = SandboxGateway(db, elsewhere=settings.sandbox_books)
        case "stripe":
            # Here and below: what few need, and takes long to load, is loaded by who chooses it.
            from hotel_booking.integrations.stripe import StripeGateway

            card = StripeGateway(
                settings.stripe_secret_key or "",
                webhook_secrets=settings.stripe_webhook_secrets,
                api_base=settings.stripe_api_base,
            )
        case "none":
            return _with_transfer(settings, PayAtProperty())
    return _with_transfer(settings, card, PayAtProperty())


def _with_transfer(settings: Settings, *gateways: Gateway) -> Gateways:
    if settings.bank_account:
        gateways += (BankTransfer(settings.bank_account, days=settings.transfer_days),)
    return Gateways(*gateways)


def links_of(settings: Settings) -> Link:
    """The addresses that messages carry."""
    return partial(links.signed, settings.public_url, settings.secret_key)


def choose_mailer(settings: Settings) -> Mailer | None:
    """What sends mail; None where no mail server is set: then messages wait in the outbox."""
    if settings.smtp_url is not None:
        return SmtpMailer(settings.smtp_url, sender=settings.mail_from)
    return DemoMailer() if settings.environment == "demo" else None


def choose_rate_source(settings: Settings) -> RateSource | None:
    """Where exchange rates are fetched; None: nowhere, then they are what was entered by hand."""
    if not settings.exchange_rates_url:
        return None
    from hotel_booking.integrations.ecb import EcbRates

    return EcbRates(settings.exchange_rates_url)


def choose_pager(settings: Settings) -> Pager | None:
    """Who wakes people; None: nobody."""
    if settings.pagerduty_key is None:
        return None
    from hotel_booking.integrations.pagerduty import PagerDuty

    return PagerDuty(
        settings.pagerduty_key,
        secondary_key=settings.pagerduty_secondary_key,
        url=settings.pagerduty_url,
        site=settings.public_url,
    )


def choose_chat(settings: Settings) -> Chat | None:
    """Where people talk; None: nowhere."""
    if settings.slack_token is None:
        return None
    from hotel_booking.integrations.slack import Slack

    return Slack(settings.slack_token, url=settings.slack_url, site=settings.public_url)


def choose_media(settings: Settings) -> MediaStore:
    """Where uploaded photos are kept: a bucket where one is set, else a folder."""
    if settings.media_url is None:
        return DiskMedia(settings.media_dir)
    bucket, _, prefix = settings.media_url.removeprefix("s3://").partition("/")
    return S3Media(
        bucket,
        prefix=prefix.strip("/"),
        region=settings.s3_region,
        endpoint=settings.s3_endpoint,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
    )
