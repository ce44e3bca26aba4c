"""Settings that must not run: in production everything that is safe only at a demonstration, anywhere what
cannot work at all. Each problem says what to set instead; secrets are never repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network
from urllib.parse import urlsplit

from hotel_booking.core.config import Settings
from hotel_booking.core.email_address import read_sender
from hotel_booking.core.hosts import UNREADABLE, is_database_address, is_readable

_STRIPE = {
    "stripe_secret_key": "the secret key",
    "stripe_publishable_key": "the publishable key",
    "stripe_webhook_secrets": "the signing secret of the webhook to /webhooks/stripe",
}
_DATABASES = ("database_url", "read_database_url", "pooled_database_url", "sandbox_books")
_ADDRESSES = (
    "redis_url", "smtp_url", "s3_endpoint", "stripe_api_base", "exchange_rates_url", "traces_url",
    "prometheus_url", "pagerduty_url", "slack_url",
)  # fmt: skip
_ELSEWHERE = {
    "database_url": "DATABASE_URL",
    "read_database_url": "DATABASE_READ_URL",
    "redis_url": "REDIS_URL",
}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_SHORTEST_SECRET = 32
_FEWEST_LETTERS = 8
_SHORTEST_TOKEN = 24  # Stripe's webhook secrets are whsec_ and 32 characters
# More public addresses than the largest networks of proxies have together, and far fewer than the internet:
# 16 million of IPv4 (a /8), a millionth of IPv6.
_MOST_PUBLIC: dict[int, int] = {4: 2**24, 6: 2**108}


def problems_of(settings: Settings) -> list[str]:
    """What is wrong with the settings, one a line; nothing where they may run."""
    problems = [*_unreadable(settings), *_incomplete(settings)]
    if settings.production:
        problems += [*_unsafe_addresses(settings), *_unsafe_secrets(settings), *_unsafe_rest(settings)]
    return problems


def is_address(host: str) -> bool:
    """Whether the web server can be told to listen there: a name may stand for several addresses."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def warnings_of(settings: Settings) -> list[str]:
    """What may run in production and should be known to everybody who runs it: said at every start, and on
    every page of the panel."""
    if settings.production and not settings.mfa_required:
        return [
            (
                "HOTEL_MFA_REQUIRED=false: owners and managers sign in with a password alone, and who learns"
                " one can change prices, refund money and read every guest's data. Set it to true"
            )
        ]
    return []


def _unreadable(settings: Settings) -> Iterator[str]:
    """Addresses that nothing can be asked at: who asks would fail at each request, or at none before one."""
    for names, reads in ((_DATABASES, is_database_address), (_ADDRESSES, is_readable)):
        for name in names:
            if (url := getattr(settings, name)) and not reads(url):
                yield f"{_variable(name)} {UNREADABLE}"


def _variable(name: str) -> str:
    return _ELSEWHERE.get(name, f"HOTEL_{name.upper()}")


def _incomplete(settings: Settings) -> Iterator[str]:
    if not is_address(settings.host):
        yield (
            f"HOTEL_HOST={settings.host} is not an address to listen on: 127.0.0.1 is for this machine alone,"
            " 0.0.0.0 and :: are for all"
        )
    try:
        read_sender(settings.mail_from)
    except ValueError as error:
        yield f"HOTEL_MAIL_FROM={settings.mail_from} is not like Our Hotel <bookings@hotel.example>: {error}"
    if settings.gateway == "stripe":
        for name, what in _STRIPE.items():
            if not getattr(settings, name):
                yield (
                    f"HOTEL_{name.upper()} is missing: HOTEL_GATEWAY=stripe needs {what},"
                    " from Stripe's dashboard under Developers"
                )
    keys = (settings.s3_access_key, settings.s3_secret_key)
    if (any(keys) or (settings.media_url and settings.s3_endpoint)) and not all(keys):
        yield (
            "HOTEL_S3_ACCESS_KEY and HOTEL_S3_SECRET_KEY are needed both. Without either the role of the pod"
            " or the machine counts; HOTEL_S3_ENDPOINT, a service other than Amazon's, knows none"
        )
    if settings.s3_endpoint and not settings.s3_endpoint.startswith(("https://", "http://")):
        yield "HOTEL_S3_ENDPOINT must begin with https://"
    if not _is_origin(settings.public_url, {"http", "https"}):
        yield (
            "HOTEL_PUBLIC_URL must be the site's address, such as https://hotel.example: a scheme and a host,"
            " nothing behind"
        )


def _unsafe_addresses(settings: Settings) -> Iterator[str]:
    if _is_origin(settings.public_url, {"http"}):
        yield (
            "HOTEL_PUBLIC_URL must begin with https:// in production: links in mails, cookies and passkeys"
            " are made for it"
        )
    if settings.s3_endpoint and not settings.s3_endpoint.startswith("https://"):
        yield "HOTEL_S3_ENDPOINT must begin with https:// in production"
    if settings.exchange_rates_url and not settings.exchange_rates_url.startswith("https://"):
        yield "HOTEL_EXCHANGE_RATES_URL must begin with https:// in production"
    for name in ("pagerduty_url", "slack_url"):
        if not getattr(settings, name).startswith("https://"):
            yield f"HOTEL_{name.upper()} must begin with https:// in production"
    if settings.gateway == "stripe" and not settings.stripe_api_base.startswith("https://"):
        yield "HOTEL_STRIPE_API_BASE must begin with https:// in production"
    mail = urlsplit(settings.smtp_url if settings.smtp_url and is_readable(settings.smtp_url) else "")
    if mail.scheme == "smtp" and (mail.password or mail.username) and mail.hostname not in _LOOPBACK:
        yield (
            "HOTEL_SMTP_URL sends its password unencrypted: begin it with smtps:// or smtp+starttls://"
            " in production"
        )
    if _is_internet(settings.trusted_proxies):
        yield (
            "HOTEL_TRUSTED_PROXIES trusts the whole internet, or a large part of it: name your load"
            " balancer's networks alone, or anybody can claim to be any address"
        )


def _unsafe_secrets(settings: Settings) -> Iterator[str]:
    if settings.gateway == "stripe":
        if (settings.stripe_secret_key or "").startswith(("sk_test_", "rk_test_")):
            yield (
                "HOTEL_STRIPE_SECRET_KEY is a test key, which takes no money: use the live one in production"
            )
        if (settings.stripe_publishable_key or "").startswith("pk_test_"):
            yield (
                "HOTEL_STRIPE_PUBLISHABLE_KEY is a test key, whose cards a live account refuses: use the"
                " live one in production"
            )
        if any(_is_weak(secret, _SHORTEST_TOKEN) for secret in settings.stripe_webhook_secrets):
            yield (
                "HOTEL_STRIPE_WEBHOOK_SECRETS has one that can be guessed: whoever guesses it can forge"
                " notices. Copy the webhook's signing secret (whsec_…) from Stripe's dashboard"
            )
    if settings.secret_key is None or len(settings.secret_key) < _SHORTEST_SECRET:
        yield (
            "HOTEL_SECRET_KEY is missing or shorter than 32 characters: give all processes the same"
            " random text, such as the output of `openssl rand -base64 32`"
        )
    elif _is_weak(settings.secret_key, _SHORTEST_SECRET):
        yield (
            "HOTEL_SECRET_KEY repeats itself, or has few different characters, and can be guessed: use a"
            " random text, such as the output of `openssl rand -base64 32`"
        )
    if settings.alertmanager_token is not None and _is_weak(settings.alertmanager_token, _SHORTEST_TOKEN):
        yield (
            "HOTEL_ALERTMANAGER_TOKEN can be guessed: use a random text, such as the output of"
            " `openssl rand -hex 32`"
        )


def _unsafe_rest(settings: Settings) -> Iterator[str]:
    if settings.gateway == "sandbox":
        yield (
            "HOTEL_GATEWAY=sandbox takes no money and is refused in production:"
            " set a real gateway, or HOTEL_ENVIRONMENT=demo"
        )
    if settings.log_level == "debug":
        yield "HOTEL_LOG_LEVEL=debug is refused in production: it may log personal data; use info"


def _is_origin(url: str, schemes: set[str]) -> bool:
    """Whether it is scheme, host and perhaps a port, and nothing else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    plain = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port is not None else ''}"
    return (
        parts.scheme in schemes and re.fullmatch(r"[a-z0-9.:-]+", host) is not None and url.lower() == plain
    )


def _is_weak(secret: str, shortest: int) -> bool:
    """Whether a secret is short, of few letters, or one piece over and over."""
    repeats = secret in (secret + secret)[1:-1]
    return len(secret) < shortest or len(set(secret)) < _FEWEST_LETTERS or repeats


def _is_internet(networks: Sequence[str]) -> bool:
    """Whether the networks together cover more public addresses than anybody's proxies have."""
    parsed = [ip_network(network) for network in networks]
    four = collapse_addresses(net for net in parsed if isinstance(net, IPv4Network))
    six = collapse_addresses(net for net in parsed if isinstance(net, IPv6Network))
    return any(
        sum(net.num_addresses for net in nets if not net.is_private) > most
        for nets, most in ((four, _MOST_PUBLIC[4]), (six, _MOST_PUBLIC[6]))
    )
