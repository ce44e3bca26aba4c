"""Settings: each declared once, with its default, what it takes and what it does. `core/environment.py` reads
them, docs/CONFIGURATION.md is made from them."""

from __future__ import annotations

from typing import Annotated, Literal

from hotel_booking.core.operations_settings import OperationsSettings
from hotel_booking.core.setting import described

Environment = Literal["production", "demo", "test"]
ECB_RATES = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"


class Settings(OperationsSettings, frozen=True, kw_only=True):
    """Everything that can be set. Minutes, milliseconds and counts are named for their unit."""

    database_url: str
    read_database_url: str | None = None
    redis_url: str | None = None
    environment: Annotated[
        Literal["production", "demo", "test"],
        described(
            "`demo` and `test` have the other defaults named below, and safe settings are not compulsory"
        ),
    ] = "production"
    host: Annotated[
        str, described("where the server listens", takes="an IP address", refused="a name, everywhere")
    ] = "127.0.0.1"
    port: Annotated[int, described("the port it listens on", ge=1, le=65_535)] = 8000
    server: Annotated[Literal["granian", "uvicorn"], described("which web server")] = "granian"
    workers: Annotated[int, described("processes of the server", ge=1, le=64)] = 1
    pool_size: Annotated[
        int,
        described(
            "connections of one process to PostgreSQL, shared by kinds of work "
            "([0029](decisions/0029-load-shedding.md))",
            ge=2,
            le=500,
        ),
    ] = 10
    pooled_database_url: (
        Annotated[
            str,
            described(
                "the same database by way of a pooler such as PgBouncer in transaction mode, for the web "
                "servers' requests; the worker, `migrate` and the other commands need sessions and use "
                "`DATABASE_URL` ([0058](decisions/0058-pooler.md))",
                takes="`postgresql://…`",
                pattern=r"(?s)\Apostgres(?:ql)?://.*\Z",
                must_be="an address that begins with postgresql://",
            ),
        ]
        | None
    ) = None
    read_lag_seconds: Annotated[
        int,
        described(
            "how old what is read of the replica (`DB_READ_HOST`) may be; beyond that the database itself is "
            "asked ([0070](decisions/0070-read-replicas.md))",
            ge=1,
            le=300,
        ),
    ] = 5
    database_statement_timeout_ms: Annotated[
        int,
        described(
            "how long one statement of a request may take; a database that does not answer for five seconds"
            " more is not waited for",
            ge=100,
            le=600_000,
        ),
    ] = 10_000
    quote_minutes: Annotated[int, described("how long a price is guaranteed", ge=1, le=1_440)] = 20
    hold_minutes: Annotated[
        int, described("how long rooms are held while the guest pays", ge=1, le=1_440)
    ] = 15
    trusted_proxies: Annotated[
        tuple[str, ...],
        described(
            "the proxies whose `X-Forwarded-For` is trusted: your load balancer. Without them, everybody "
            "behind it counts as one address for the limits",
            takes="networks separated by commas",
            refused="networks that together have more public addresses than a /8 of IPv4 or a /20 of IPv6",
        ),
    ] = ()
    public_url: Annotated[
        str,
        described(
            "the site's address; links in mails, cookies and passkeys belong to it",
            takes="a scheme and a host, nothing behind",
            refused="not `https://`; with a path, everywhere",
        ),
    ] = "http://localhost:8000"
    rate_limit_reads: Annotated[
        int,
        described(
            "points a minute for reading, per address, API key or member of staff; files have ten "
            "times as many, and an address may make ten times as many requests of any kind",
            ge=1,
            le=10_000_000,
            demo=12_000,
        ),
    ] = 600
    rate_limit_writes: Annotated[
        int,
        described(
            "the same for writing; attempts to pay have half as many of their own, gateways' notices "
            "ten times as many",
            ge=1,
            le=10_000_000,
            demo=6_000,
        ),
    ] = 120
    open_holds_per_address: Annotated[
        int,
        described(
            "bookings that one address may hold unpaid at once "
            "([0028](decisions/0028-what-an-anonymous-client-may-cost.md))",
            ge=1,
            le=1_000_000,
            demo=1_000,
        ),
    ] = 20
    open_rooms_per_address: Annotated[int, described("rooms in them", ge=1, le=1_000_000, demo=1_000)] = 40
    open_holds_per_browser: Annotated[
        int, described("the same for a browser", ge=1, le=1_000_000, demo=1_000)
    ] = 6
    open_holds_per_mailbox: Annotated[
        int, described("the same for an email address", ge=1, le=1_000_000, demo=1_000)
    ] = 6
    body_seconds: Annotated[
        int,
        described(
            "how long a request's body may take, plus a second for every 4 kB already received",
            ge=1,
            le=600,
        ),
    ] = 15
    header_seconds: Annotated[
        int,
        described(
            "how long headers may take, and how long a connection may idle (granian only); a proxy in "
            "front keeps its own shorter",
            ge=1,
            le=600,
        ),
    ] = 30
    gateway: Annotated[
        Literal["stripe", "sandbox", "none"],
        described("who takes cards; `none`: guests pay at the hotel", refused="`sandbox`", demo="sandbox"),
    ] = "none"
    sandbox_books: (
        Annotated[
            str,
            described(
                "the database in which `sandbox` keeps its books, as a real gateway does in its own house, "
                "where they outlive the platform's; else that one",
                takes="`postgresql://…`",
                pattern=r"(?s)\Apostgres(?:ql)?://.*\Z",
                must_be="an address that begins with postgresql://",
            ),
        ]
        | None
    ) = None
    stripe_secret_key: (
        Annotated[
            str, described("Stripe's secret key", refused="a test key; missing with `stripe`, everywhere")
        ]
        | None
    ) = None
    stripe_publishable_key: (
        Annotated[
            str,
            described("Stripe's key for browsers", refused="a test key; missing with `stripe`, everywhere"),
        ]
        | None
    ) = None
    stripe_webhook_secrets: Annotated[
        tuple[str, ...],
        described(
            "signing secrets of the webhook to `/webhooks/stripe`; all of them are accepted, so that one "
            "can be replaced without downtime",
            takes="texts separated by commas",
            refused="one that can be guessed; none with `stripe`, everywhere",
        ),
    ] = ()
    stripe_api_base: Annotated[
        str,
        described(
            "the address of Stripe's API",
            takes="an address",
            pattern=r"\Ahttps?://[^\s/]+(?:/\S*)?\Z",
            must_be="an address such as https://api.stripe.com",
            refused="not `https://`, with `stripe`",
        ),
    ] = "https://api.stripe.com"
    bank_account: (
        Annotated[
            str,
            described(
                "account holder, bank and IBAN, as shown to guests who pay by transfer; without it transfers "
                "are not offered"
            ),
        ]
        | None
    ) = None
    transfer_days: Annotated[int, described("how many days rooms wait for a transfer", ge=1, le=60)] = 3
    secret_key: (
        Annotated[
            str,
            described(
                "encrypts what must be read back (second factors, answers kept under an "
                "Idempotency-Key) and signs links",
                refused="missing, shorter than 32 characters, or one that can be guessed",
            ),
        ]
        | None
    ) = None
    mfa_required: Annotated[
        bool,
        described(
            "owners and managers must sign in with a second factor. With `false` the server starts, but "
            "warns at every start, and on every page of the panel for those who manage staff"
        ),
    ] = True
    smtp_url: (
        Annotated[
            str,
            described(
                "the mail server; without one, messages wait",
                takes="`smtp://`, `smtp+starttls://` or `smtps://user:password@host:port`",
                pattern=r"(?s)\A(?:smtp|smtp\+starttls|smtps)://.*\Z",
                must_be="an address that begins with smtp://, smtp+starttls:// or smtps://",
                refused="a password in clear (`smtp://`) to another host than this one",
            ),
        ]
        | None
    ) = None
    mail_from: Annotated[
        str,
        described(
            "the sender of all mail; answers about a booking go to its hotel, where that has an address",
            takes="a name and an address",
            refused="what is no sender, everywhere",
        ),
    ] = "Hotel Booking <bookings@localhost>"
    security_contact: (
        Annotated[
            str,
            described(
                "where weaknesses of the platform are reported, for `/.well-known/security.txt`; without it "
                "there is none",
                takes="an email address, or the `https://` address of a page",
                pattern=r"\A(?:|https://[!-~]+|[!-?A-~]+@[!-?A-~]+)\Z",
                must_be="an email address or the https:// address of a page, such as security@hotel.example",
            ),
        ]
        | None
    ) = None
    media_dir: Annotated[str, described("where uploaded photos are stored", takes="a folder")] = "media"
    media_url: (
        Annotated[
            str,
            described(
                "stores photos in a bucket instead",
                takes="`s3://bucket` or `s3://bucket/folder`",
                pattern=r"\As3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9._/-]*)?\Z",
                must_be="s3://bucket or s3://bucket/folder; without it photos are stored in HOTEL_MEDIA_DIR",
                refused="at another service than Amazon's without the two keys below, everywhere",
            ),
        ]
        | None
    ) = None
    s3_endpoint: (
        Annotated[
            str,
            described(
                "a service other than Amazon's",
                takes="an address",
                refused="not `https://`; no address, everywhere",
            ),
        ]
        | None
    ) = None
    s3_region: Annotated[str, described("the bucket's region")] = "us-east-1"
    s3_access_key: (
        Annotated[str, described("the bucket's key; without one the role of the pod or the machine counts")]
        | None
    ) = None
    s3_secret_key: Annotated[str, described("the key's secret")] | None = None
    map_tiles: (
        Annotated[
            str,
            described(
                "tiles under the map of results, such as `https://tiles.example.com/{z}/{x}/{y}.png`; "
                "unset: the map is drawn from our own data and no request leaves the host",
                takes="`https://…` with `{z}`, `{x}` and `{y}`",
                pattern=(
                    r"\Ahttps://[a-z0-9.-]+(?::\d+)?/(?=.*\{z\})(?=.*\{x\})(?=.*\{"
                    r"y\})[A-Za-z0-9._~/{}@-]+\Z"
                ),
                must_be="an address of tiles such as https://tiles.example.com/{z}/{x}/{y}.png",
            ),
        ]
        | None
    ) = None
    map_attribution: Annotated[str, described("the attribution that the tiles' provider asks for")] = ""
    exchange_rates_url: Annotated[
        str,
        described(
            "where the worker fetches exchange rates ([0023](decisions/0023-exchange-rates.md)); "
            "empty: nowhere, and rates are what `hotel-booking exchange-rates set` enters",
            takes="an address, or empty",
            pattern=r"\A(?:|https?://[^\s/]+(?:/\S*)?)\Z",
            must_be="an address that begins with https://, or empty to fetch no exchange rates",
            refused="not `https://`",
            demo="",
        ),
    ] = ECB_RATES
    search_index: Annotated[
        bool,
        described(
            "whether searches are answered from an index in memory "
            "([0047](decisions/0047-search-index-file.md)); without it SQL answers, the same and slower"
        ),
    ] = True
    search_index_dir: Annotated[
        str,
        described(
            "where the processes of this machine share the index's file; unset: a folder of the system's "
            "temporary ones, named for the database",
            takes="a folder on a local disk that only this user may enter",
        ),
    ] = ""
    search_index_poll_ms: Annotated[
        int, described("how often the database is asked what has changed, for the index", ge=20, le=5_000)
    ] = 150
    search_index_stale_seconds: Annotated[
        int,
        described(
            "how far the index may be behind the database until SQL answers in its place", ge=1, le=300
        ),
    ] = 5

    @property
    def production(self) -> bool:
        """Whether safe defaults are compulsory."""
        return self.environment == "production"
