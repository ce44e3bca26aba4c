"""Settings: everything wrong is named at once, and nothing unsafe starts."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.config import ECB_RATES
from hotel_booking.core.environment import read_settings
from hotel_booking.core.hosts import each_host
from hotel_booking.core.setting import ConfigError
from hotel_booking.core.unsafe_settings import warnings_of
from hotel_booking.ops.backup.pgbackrest import PgBackRest

DATABASE = {"DB_HOST": "db", "DB_USER": "hotel", "DB_PASSWORD": "p@ss/word", "DB_NAME": "hotel"}
RANDOM = "3uW9f0QmZ1xYc7Ds2VbNkLpT8hRgJaE5"
SAFE = {**DATABASE, "HOTEL_SECRET_KEY": RANDOM, "HOTEL_PUBLIC_URL": "https://hotel.example"}
STRIPE = {
    **SAFE,
    "HOTEL_GATEWAY": "stripe",
    "HOTEL_STRIPE_SECRET_KEY": f"sk_live_{RANDOM}",
    "HOTEL_STRIPE_PUBLISHABLE_KEY": f"pk_live_{RANDOM}",
    "HOTEL_STRIPE_WEBHOOK_SECRETS": f"whsec_{RANDOM}",
}


def problems(**environ: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read_settings(environ)
    return refused.value.problems


def test_the_runbooks_variables_name_the_database() -> None:
    settings = read_settings({**SAFE, "REDIS_HOST": "cache"})
    assert settings.database_url == "postgresql://hotel:p%40ss%2Fword@db:5432/hotel"
    assert settings.redis_url == "redis://cache:6379/0"
    assert settings.production


def test_a_socket_folder_or_an_ipv6_address_may_be_the_host() -> None:
    by_socket = read_settings({**SAFE, "DB_HOST": "/var/run/postgresql"})
    assert by_socket.database_url == (
        "postgresql://hotel:p%40ss%2Fword@/hotel?host=/var/run/postgresql&port=5432"
    )
    assert "@[::1]:5432/" in read_settings({**SAFE, "DB_HOST": "::1"}).database_url


@pytest.mark.parametrize(
    ("variable", "address"),
    [
        ("DATABASE_URL", "postgresql://db:abc/hotel"),
        ("DATABASE_URL", "postgresql://hotel:p/w@db/hotel"),
        ("DATABASE_URL", "postgresql://one:5432,two:x/hotel"),
        ("DATABASE_URL", "postgresql:///hotel?host=/run&port=x"),
        ("DATABASE_READ_URL", "postgresql://db:70000/hotel"),
        ("HOTEL_POOLED_DATABASE_URL", "postgresql://[::1/hotel"),
        ("DATABASE_URL", "postgresql://ana:hidden%zz@db/hotel"),
        ("DATABASE_URL", "postgresql://ana:two hidden@db/hotel"),
        ("DATABASE_URL", "postgresql://ana:two@hidden@db/hotel"),
        ("DATABASE_URL", "postgresql://ana:two@hidden/words@db/hotel"),
        ("DATABASE_URL", "postgresql://ana:12?hidden@db/hotel"),
        ("HOTEL_POOLED_DATABASE_URL", "postgresql://ana:hidden%zz@db/hotel"),
        ("HOTEL_SANDBOX_BOOKS", "postgresql://ana:hidden%zz@db/hotel"),
        ("REDIS_URL", "redis://cache:abc/0"),
        ("HOTEL_SMTP_URL", "smtp://ana:hidden@[::1"),
        ("HOTEL_SMTP_URL", "smtp://mail:0"),
        ("HOTEL_S3_ENDPOINT", "https://bucket:abc"),
        ("HOTEL_STRIPE_API_BASE", "https://stripe:abc"),
        ("HOTEL_EXCHANGE_RATES_URL", "https://ecb:abc/rates"),
        ("HOTEL_TRACES_URL", "https://collector:abc"),
        ("HOTEL_PROMETHEUS_URL", "https://prometheus:abc"),
        ("HOTEL_PAGERDUTY_URL", "https://pager:abc"),
        ("HOTEL_SLACK_URL", "https://slack:abc"),
    ],
)
def test_an_address_that_none_can_ask_at_is_refused_at_the_start(variable: str, address: str) -> None:
    """It was found out by the first request, and by each one after it."""
    for environment in (SAFE, {"HOTEL_ENVIRONMENT": "demo", "DATABASE_URL": "postgresql://db/hotel"}):
        told = [one for one in problems(**{**environment, variable: address}) if "read as an address" in one]
        assert [one.partition(" ")[0] for one in told] == [variable]
        assert "hidden" not in told[0]


@pytest.mark.parametrize("variable", ["HOTEL_PROMETHEUS_URL", "HOTEL_STRIPE_API_BASE", "HOTEL_TRACES_URL"])
def test_an_address_without_http_is_refused(variable: str) -> None:
    assert problems(**SAFE, **{variable: "prometheus:9090"})[0].startswith(f"{variable} must be an address")


def test_addresses_as_they_are_given_are_read() -> None:
    for given in (
        {"DATABASE_URL": "postgresql://u:p%2Fw@one:5432,two:5433/hotel?target_session_attrs=read-write"},
        {"DATABASE_URL": "postgresql:///hotel?host=/a,/b&port=1,2"},
        {"DATABASE_URL": "postgresql://u:a%25b%40c%20d@db?sslmode=require&options=-c%20x%3Dy"},
        {"REDIS_URL": "unix:///run/redis.sock"},
        {"REDIS_URL": "rediss://:p%40w@[::1]:6380/2"},
        {"HOTEL_SMTP_URL": "smtps://ana%40hotel:x@mail.example"},
    ):
        settings = read_settings({"HOTEL_ENVIRONMENT": "demo", **DATABASE, **given})
        assert given.items() <= {
            ("DATABASE_URL", settings.database_url),
            ("REDIS_URL", settings.redis_url),
            ("HOTEL_SMTP_URL", settings.smtp_url),
        }


def test_a_port_behind_a_host_is_told_where_it_goes() -> None:
    assert problems(**{**SAFE, "DB_HOST": "db:5432"}) == [
        "DB_HOST=db:5432 is no host: its port goes in DB_PORT"
    ]
    assert problems(**{**SAFE, "DB_HOST": "fd00::1,db:5432"})[0].endswith("its port goes in DB_PORT")
    assert "goes in DB_READ_PORT" in problems(**SAFE, DB_READ_HOST="replica:5432")[0]
    assert problems(**SAFE, REDIS_HOST="cache:6379") == [
        "REDIS_HOST=cache:6379 is no host: its port goes in REDIS_PORT"
    ]


@pytest.mark.parametrize("port", ["abc", "70000", "5432,5433"])
def test_who_runs_the_database_here_is_told_of_a_port_that_is_none(tmp_path: Path, port: str) -> None:
    with pytest.raises(ConfigError, match=f"DB_PORT={port} is not a whole number from 1 to 65535"):
        PgBackRest.from_environ({"DB_PORT": port}, lambda *_: str(tmp_path), utc_now)


def test_ports_and_the_caches_address_are_checked() -> None:
    assert problems(**{**SAFE, "DB_PORT": "x"}) == ["DB_PORT=x is not a whole number from 1 to 65535"]
    assert problems(**{**SAFE, "HOTEL_HOST": "localhost"})[0].startswith("HOTEL_HOST=localhost is not an")
    assert read_settings({**SAFE, "HOTEL_HOST": "::"}).host == "::"
    assert problems(**SAFE, REDIS_TLS="yes") == ["REDIS_TLS=yes is not true or false"]
    assert "begin REDIS_URL with rediss://" in problems(**SAFE, REDIS_TLS="true", REDIS_URL="redis://c")[0]
    assert read_settings({**SAFE, "REDIS_TLS": "true", "REDIS_URL": "rediss://c"}).redis_url == "rediss://c"
    assert "REDIS_PORT=0" in problems(**DATABASE, REDIS_HOST="cache", REDIS_PORT="0")[0]
    assert "redis://" in problems(**DATABASE, REDIS_URL="cache:6379")[0]


def test_no_database_is_an_error_that_says_what_to_set() -> None:
    assert "set DB_HOST" in problems()[0]
    assert "DB_USER and DB_NAME" in problems(DB_HOST="db")[0]


def test_who_sets_one_half_learns_of_the_other_at_once() -> None:
    nothing = problems()
    assert [problem.split()[0] for problem in nothing] == ["no", "HOTEL_PUBLIC_URL", "HOTEL_SECRET_KEY"]
    half = problems(
        **STRIPE | {"DB_USER": "", "HOTEL_STRIPE_SECRET_KEY": "", "HOTEL_TRUSTED_PROXIES": "here"}
    )
    assert len(half) == 3
    assert "HOTEL_STRIPE_SECRET_KEY" in half[2]
    # What production demands is nobody's business where it is not known whether it is that.
    assert len(problems(HOTEL_ENVIRONMENT="staging")) == 2
    assert len(problems(HOTEL_ENVIRONMENT="test")) == 1


def test_every_problem_is_named_and_a_typo_gets_the_name_that_was_meant() -> None:
    found = problems(**SAFE, HOTEL_HOLD_MINUTE="5", HOTEL_PORT="99999", HOTEL_SERVER="apache")
    assert found == [
        "HOTEL_HOLD_MINUTE is unknown: did you mean HOTEL_HOLD_MINUTES?",
        "HOTEL_PORT=99999 is not a whole number from 1 to 65535",
        "HOTEL_SERVER=apache is not one of granian, uvicorn",
    ]


@pytest.mark.parametrize(
    ("unsafe", "word"),
    [
        ({"HOTEL_GATEWAY": "sandbox"}, "sandbox"),
        ({"HOTEL_LOG_LEVEL": "debug"}, "personal data"),
        ({"HOTEL_SECRET_KEY": "short"}, "HOTEL_SECRET_KEY"),
        ({"HOTEL_MFA_REQUIRED": "no"}, "true or false"),
        ({"HOTEL_SMTP_URL": "mail.example"}, "smtp://"),
        ({"HOTEL_TRUSTED_PROXIES": "0.0.0.0/0"}, "whole internet"),
        ({"HOTEL_TRUSTED_PROXIES": "somewhere"}, "not a network"),
        ({"HOTEL_TRUSTED_PROXIES": "0.0.0.0/1,128.0.0.0/1"}, "whole internet"),
        ({"HOTEL_TRUSTED_PROXIES": "::/1, 8000::/1"}, "whole internet"),
        ({"HOTEL_TRUSTED_PROXIES": ",".join(f"{n}.0.0.0/8" for n in range(1, 100))}, "whole internet"),
        ({"HOTEL_SECRET_KEY": "k" * 44}, "repeats itself"),
        ({"HOTEL_SECRET_KEY": "Zx8-Qw2_" * 5}, "repeats itself"),
        ({"HOTEL_PUBLIC_URL": "http://hotel.example"}, "https://"),
        ({"HOTEL_PUBLIC_URL": ""}, "HOTEL_PUBLIC_URL"),
        ({"HOTEL_PUBLIC_URL": "javascript:alert(1)"}, "HOTEL_PUBLIC_URL"),
        ({"HOTEL_PUBLIC_URL": "https://hotel.example/booking?"}, "nothing behind"),
        ({"HOTEL_PUBLIC_URL": "https://us:er@hotel.example"}, "HOTEL_PUBLIC_URL"),
        ({"HOTEL_SMTP_URL": "smtp://ana:secret@mail.example:25"}, "unencrypted"),
        ({"HOTEL_STRIPE_PUBLISHABLE_KEY": f"pk_test_{RANDOM}"}, "PUBLISHABLE"),
        ({"HOTEL_STRIPE_SECRET_KEY": f"rk_test_{RANDOM}"}, "test key"),
        ({"HOTEL_STRIPE_WEBHOOK_SECRETS": f"whsec_{RANDOM},x"}, "guessed"),
        ({"HOTEL_ALERTMANAGER_TOKEN": "alertalertalertalertalert"}, "guessed"),
        ({"HOTEL_PAGERDUTY_URL": "http://events.pagerduty.com"}, "https://"),
        ({"HOTEL_SLACK_URL": "http://slack.com/api"}, "https://"),
    ],
)
def test_production_refuses_to_start_unsafely(unsafe: dict[str, str], word: str) -> None:
    found = problems(**(STRIPE | unsafe))
    assert len(found) == 1
    assert word in found[0]
    assert not any(secret in found[0] for secret in (RANDOM, "secret@", "k" * 44))


def test_what_production_needs_is_enough() -> None:
    settings = read_settings(
        STRIPE
        | {
            "HOTEL_SMTP_URL": "smtps://ana:secret@mail.example:465",
            "HOTEL_TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8,104.16.0.0/13,2a06:98c0::/29",
        }
    )
    assert warnings_of(settings) == []
    assert read_settings(SAFE | {"HOTEL_SMTP_URL": "smtp://relay.internal:25"}).production


def test_a_password_alone_is_said_aloud() -> None:
    """It may run, since a house may have its reasons; nobody who runs it can say that they did not know."""
    settings = read_settings(SAFE | {"HOTEL_MFA_REQUIRED": "false"})
    assert "password alone" in warnings_of(settings)[0]


def test_the_demo_may_use_the_sandbox() -> None:
    settings = read_settings({**DATABASE, "HOTEL_ENVIRONMENT": "demo"})
    assert (settings.gateway, settings.production) == ("sandbox", False)


def test_exchange_rates_come_from_the_bank_in_production_and_from_nowhere_else() -> None:
    assert read_settings(SAFE).exchange_rates_url == ECB_RATES
    assert read_settings({**SAFE, "HOTEL_EXCHANGE_RATES_URL": ""}).exchange_rates_url == ""
    assert read_settings({**DATABASE, "HOTEL_ENVIRONMENT": "demo"}).exchange_rates_url == ""
    for url in ("http://rates.example/daily.xml", "ftp://rates.example/", "javascript:alert(1)"):
        assert "HOTEL_EXCHANGE_RATES_URL" in problems(**SAFE, HOTEL_EXCHANGE_RATES_URL=url)[0]


def test_several_hosts_are_a_primary_and_who_takes_over_from_it() -> None:
    named = {"HOTEL_ENVIRONMENT": "demo", "DB_USER": "ana", "DB_PASSWORD": "a/b", "DB_NAME": "h"}
    writes = "target_session_attrs=read-write"
    read = read_settings({**named, "DB_HOST": "one,two"})
    assert read.database_url == f"postgresql://ana:a%2Fb@one:5432,two:5432/h?{writes}"
    read = read_settings({**named, "DB_HOST": "one, fd00::2", "DB_PORT": "6000,7000"})
    assert read.database_url == f"postgresql://ana:a%2Fb@one:6000,[fd00::2]:7000/h?{writes}"
    assert each_host(read.database_url) == (
        "postgresql://ana:a%2Fb@one:6000/h",
        "postgresql://ana:a%2Fb@[fd00::2]:7000/h",
    )
    read = read_settings({**named, "DB_HOST": "/a,/b", "DB_PORT": "6000"})
    assert each_host("postgresql:///h?host=/a,/b")[1] == "postgresql:///h?host=%2Fb"
    assert [parse_qs(urlsplit(one).query) for one in each_host(read.database_url)] == [
        {"host": ["/a"], "port": ["6000"]},
        {"host": ["/b"], "port": ["6000"]},
    ]
    assert problems(**named, DB_HOST="one,two,three", DB_PORT="1,2") == [
        "DB_PORT names 2 ports, and DB_HOST 3 hosts"
    ]
    assert "DB_PORT=x" in problems(**named, DB_HOST="one,two", DB_PORT="1,x")[0]
    assert problems(**named, DB_HOST="one,two", DB_READ_HOST="two,three") == [
        "DB_READ_HOST names more than one host: one replica is read"
    ]


def test_a_replica_is_another_host_of_the_same_database() -> None:
    whole = {"DB_HOST": "primary", "DB_PORT": "6000", "DB_USER": "ana", "DB_PASSWORD": "a/b", "DB_NAME": "h"}
    demo = {"HOTEL_ENVIRONMENT": "demo"}
    read = read_settings({**demo, **whole, "DB_READ_HOST": "replica"})
    assert read.database_url == "postgresql://ana:a%2Fb@primary:6000/h"
    assert read.read_database_url == "postgresql://ana:a%2Fb@replica:6000/h"
    read = read_settings({**demo, **whole, "DB_READ_HOST": "replica", "DB_READ_PORT": "7000"})
    assert read.read_database_url == "postgresql://ana:a%2Fb@replica:7000/h"
    assert read_settings({**demo, **whole}).read_database_url is None
    by_url = {**demo, "DATABASE_URL": "postgresql://x/h"}
    read = read_settings({**by_url, "DATABASE_READ_URL": "postgresql://y/h"})
    assert read.read_database_url == "postgresql://y/h"
    for wrong in ({"DATABASE_READ_URL": "mysql://y/h"}, {"DB_READ_HOST": "y"}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            read_settings({**by_url, **wrong})
    with pytest.raises(ConfigError, match="DB_READ_PORT"):
        read_settings({**demo, **whole, "DB_READ_HOST": "replica", "DB_READ_PORT": "0"})
