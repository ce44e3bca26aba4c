"""Settings, from the environment alone. Unsafe or contradictory ones refuse to start, all named at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Literal
from urllib.parse import quote

import msgspec

from hotel_booking.core import unsafe_settings

Environment = Literal["production", "demo", "test"]


class ConfigError(Exception):
    """The environment cannot be used. `problems` says, one a line, what to change."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


ECB_RATES = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set. Minutes, milliseconds and counts are named for their unit.

    `rate_limit_reads` and `rate_limit_writes` are points a minute for one address, key or member of staff
    (`http/costs.py`); the `open_` ones are what somebody unknown may hold unpaid at once. `body_seconds` is
    how long a request's body may take at first, `header_seconds` how long its headers, and how long a
    connection may idle between two requests.
    `trusted_proxies` are networks whose X-Forwarded-For is believed; none unless set. `secret_key` encrypts
    what must be read back (second factors) and signs links; 32 characters or more. `smtp_url` is
    smtp://, smtp+starttls:// or smtps://user:password@host:port; None: mail waits in the outbox.
    `mfa_required`: owners and managers sign in with a second factor. `media_dir` keeps uploaded photos, or
    where `media_url` is set (s3://bucket/folder) the bucket does, reached by the `s3_` settings;
    `map_tiles` is the address of map tiles ({z}, {x}, {y}) that results draw their map on;
    `exchange_rates_url` is where the worker fetches the European Central Bank's daily rates (in production
    the bank itself); empty: nowhere, and rates are what `hotel-booking exchange-rates` enters;
    `spool_dir` what operations noted while the database was down. `stripe_webhook_secrets` are all good at
    once, so that one can be replaced. `bank_account` is what a guest who pays by transfer reads (holder,
    bank, IBAN); None: transfers are not offered. Their rooms wait `transfer_days` for the money.
    `worker_metrics_port` is where the worker answers Prometheus; 0: nowhere. `metrics_token` is what
    Prometheus must show (`authorization` in its configuration) to read /metrics; in production nobody reads
    it without one.
    """

    database_url: str
    redis_url: str | None = None
    environment: Environment = "production"
    host: str = "127.0.0.1"
    port: int = 8000
    server: Literal["granian", "uvicorn"] = "granian"
    workers: int = 1
    pool_size: int = 10
    database_statement_timeout_ms: int = 10_000
    quote_minutes: int = 20
    hold_minutes: int = 15
    trusted_proxies: tuple[str, ...] = ()
    public_url: str = "http://localhost:8000"
    rate_limit_reads: int = 600
    rate_limit_writes: int = 120
    open_holds_per_address: int = 20
    open_rooms_per_address: int = 40
    open_holds_per_browser: int = 6
    open_holds_per_mailbox: int = 6
    body_seconds: int = 15
    header_seconds: int = 30
    gateway: Literal["stripe", "sandbox", "none"] = "none"
    stripe_secret_key: str | None = None
    stripe_publishable_key: str | None = None
    stripe_webhook_secrets: tuple[str, ...] = ()
    stripe_api_base: str = "https://api.stripe.com"
    bank_account: str | None = None
    transfer_days: int = 3
    worker_metrics_port: int = 0
    metrics_token: str | None = None
    secret_key: str | None = None
    mfa_required: bool = True
    smtp_url: str | None = None
    mail_from: str = "Hotel Booking <bookings@localhost>"
    media_dir: str = "media"
    media_url: str | None = None
    s3_endpoint: str | None = None
    s3_region: str = "us-east-1"
    s3_access_key: str | None = None
    s3_secret_key: str | None = None
    map_tiles: str | None = None
    map_attribution: str = ""
    exchange_rates_url: str = ""
    spool_dir: str = "/var/lib/hotel-booking/spool"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def production(self) -> bool:
        """Whether safe defaults are compulsory."""
        return self.environment == "production"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the environment. Raises `ConfigError` listing every problem."""
        problems: list[str] = []
        values: dict[str, object] = {"exchange_rates_url": ECB_RATES}
        if environ.get("HOTEL_ENVIRONMENT") in ("demo", "test"):
            # One machine, one visitor: limits that a demonstration under load does not meet.
            values |= {"gateway": "sandbox", "rate_limit_reads": 12_000, "rate_limit_writes": 6_000}
            values |= {f"open_{what}": 1_000 for what in _OPEN}
            values["exchange_rates_url"] = ""
        _read_hotel(environ, values, problems)
        database = _database_url(environ, problems)
        if database:
            values["database_url"] = database
        values["redis_url"] = _redis_url(environ, problems)
        if problems:
            raise ConfigError(problems)
        settings = cls(**values)  # type: ignore[arg-type]  # checked field by field above
        problems = settings.unsafe()
        if problems:
            raise ConfigError(problems)
        return settings

    def unsafe(self) -> list[str]:
        """What must not run in production as it is set; and what is missing for it to work at all."""
        return unsafe_settings.problems_of(self)


_OPEN = ("holds_per_address", "rooms_per_address", "holds_per_browser", "holds_per_mailbox")

# Every HOTEL_ variable, with the bounds of those that are numbers.
_BOUNDS: dict[str, tuple[int, int]] = {
    "port": (1, 65535),
    "workers": (1, 64),
    "pool_size": (2, 500),
    "database_statement_timeout_ms": (100, 600_000),
    "quote_minutes": (1, 1440),
    "hold_minutes": (1, 1440),
    "rate_limit_reads": (1, 10_000_000),
    "rate_limit_writes": (1, 10_000_000),
    "open_holds_per_address": (1, 1_000_000),
    "open_rooms_per_address": (1, 1_000_000),
    "open_holds_per_browser": (1, 1_000_000),
    "open_holds_per_mailbox": (1, 1_000_000),
    "body_seconds": (1, 600),
    "header_seconds": (1, 600),
    "transfer_days": (1, 60),
    "worker_metrics_port": (0, 65535),
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "environment": ("production", "demo", "test"),
    "server": ("granian", "uvicorn"),
    "gateway": ("stripe", "sandbox", "none"),
    "log_level": ("debug", "info", "warning", "error"),
}
_FLAGS = ("mfa_required",)
_TEXTS = (
    "host",
    "public_url",
    "trusted_proxies",
    "secret_key",
    "mail_from",
    "media_dir",
    "s3_endpoint",
    "s3_region",
    "s3_access_key",
    "s3_secret_key",
    "map_attribution",
    "spool_dir",
    "stripe_secret_key",
    "stripe_publishable_key",
    "stripe_webhook_secrets",
    "stripe_api_base",
    "bank_account",
    "metrics_token",
)
# Those that are addresses, what each must look like, and how that is said.
_ADDRESSES: dict[str, tuple[str, str]] = {
    "smtp_url": (
        r"(?:smtp|smtp\+starttls|smtps)://.*",
        "an address that begins with smtp://, smtp+starttls:// or smtps://",
    ),
    "media_url": (
        r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9._/-]*)?",
        "s3://bucket or s3://bucket/folder; without it photos lie in HOTEL_MEDIA_DIR",
    ),
    "exchange_rates_url": (
        r"|https?://[^\s/]+(?:/\S*)?",
        "an address that begins with https://, or empty to fetch no exchange rates",
    ),
    "map_tiles": (
        r"https://[a-z0-9.-]+(?::\d+)?/(?=.*\{z\})(?=.*\{x\})(?=.*\{y\})[A-Za-z0-9._~/{}@-]+",
        "an address of tiles such as https://tiles.example.com/{z}/{x}/{y}.png",
    ),
}
# Read by the command line and the tests, not by the application.
_OTHERS = (
    "API_KEY",
    "POSTGRES_BIN",
    "TEST_REDIS_URL",
    "TEST_CLIENTS",
    "SHARED_DATA",
    "DATA_DIR",
    "SCREENSHOTS",
)


def _read_hotel(environ: Mapping[str, str], values: dict[str, object], problems: list[str]) -> None:
    known = [f"HOTEL_{name.upper()}" for name in (*_BOUNDS, *_CHOICES, *_TEXTS, *_FLAGS, *_ADDRESSES)]
    known += [f"HOTEL_{name}" for name in _OTHERS]
    for variable, text in environ.items():
        if not variable.startswith("HOTEL_") or variable.removeprefix("HOTEL_") in _OTHERS:
            continue
        name = variable.removeprefix("HOTEL_").lower()
        if name in _BOUNDS:
            _read_number(variable, name, text, values, problems)
        elif name in _CHOICES:
            if text not in _CHOICES[name]:
                problems.append(f"{variable}={text} is not one of {', '.join(_CHOICES[name])}")
            values[name] = text
        elif name == "trusted_proxies":
            values[name] = _networks(variable, text, problems)
        elif name == "stripe_webhook_secrets":
            values[name] = tuple(part.strip() for part in text.split(",") if part.strip())
        elif name in _FLAGS:
            if text not in ("true", "false"):
                problems.append(f"{variable}={text} is not true or false")
            values[name] = text == "true"
        elif name in _TEXTS or name in _ADDRESSES:
            look, said = _ADDRESSES.get(name, (".*", ""))
            if re.fullmatch(look, text, re.DOTALL) is None:
                problems.append(f"{variable} must be {said}")
            values[name] = text
        else:
            near = difflib.get_close_matches(variable, known, n=1)
            problems.append(f"{variable} is unknown" + (f": did you mean {near[0]}?" if near else ""))


def _read_number(variable: str, name: str, text: str, values: dict[str, object], problems: list[str]) -> None:
    low, high = _BOUNDS[name]
    if not text.isascii() or not text.isdecimal() or not low <= int(text) <= high:
        problems.append(f"{variable}={text} is not a whole number from {low} to {high}")
    else:
        values[name] = int(text)


def _networks(variable: str, text: str, problems: list[str]) -> tuple[str, ...]:
    networks = tuple(part.strip() for part in text.split(",") if part.strip())
    for network in networks:
        try:
            ip_network(network)
        except ValueError:
            problems.append(f"{variable}: {network} is not a network such as 10.0.0.0/8")
    return networks


def _database_url(environ: Mapping[str, str], problems: list[str]) -> str | None:
    url = environ.get("DATABASE_URL")
    if url:
        if not url.startswith(("postgresql://", "postgres://")):
            problems.append("DATABASE_URL must begin with postgresql://")
        return url
    host = environ.get("DB_HOST")
    if not host:
        problems.append(
            "no database: set DB_HOST, DB_USER, DB_PASSWORD and DB_NAME, or DATABASE_URL"
            " (or try `hotel-booking demo`, which brings its own)"
        )
        return None
    missing = [name for name in ("DB_USER", "DB_NAME") if not environ.get(name)]
    if missing:
        problems.append(f"DB_HOST is set, but not {' and '.join(missing)}")
        return None
    port = _port(environ, "DB_PORT", "5432", problems)
    password = environ.get("DB_PASSWORD")
    login = quote(environ["DB_USER"], safe="") + (f":{quote(password, safe='')}" if password else "")
    name = quote(environ["DB_NAME"], safe="")
    if host.startswith("/"):  # the folder of a Unix socket
        return f"postgresql://{login}@/{name}?host={quote(host)}&port={port}"
    return f"postgresql://{login}@{_bracketed(host)}:{port}/{name}"


def _redis_url(environ: Mapping[str, str], problems: list[str]) -> str | None:
    url = environ.get("REDIS_URL")
    if url:
        if not url.startswith(("redis://", "rediss://", "unix://")):
            problems.append("REDIS_URL must begin with redis://, rediss:// or unix://")
        return url
    host = environ.get("REDIS_HOST")
    if not host:
        return None
    return f"redis://{_bracketed(host)}:{_port(environ, 'REDIS_PORT', '6379', problems)}/0"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host  # an IPv6 address


def _port(environ: Mapping[str, str], variable: str, default: str, problems: list[str]) -> str:
    text = environ.get(variable) or default
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 65535:
        problems.append(f"{variable}={text} is not a whole number from 1 to 65535")
    return text
