"""Settings: everything wrong is named at once, and nothing unsafe starts."""

from __future__ import annotations

import pytest

from hotel_booking.core.config import ConfigError, Settings

DATABASE = {"DB_HOST": "db", "DB_USER": "hotel", "DB_PASSWORD": "p@ss/word", "DB_NAME": "hotel"}
SAFE = {**DATABASE, "HOTEL_SECRET_KEY": "k" * 32}


def problems(**environ: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        Settings.from_env(environ)
    return refused.value.problems


def test_the_runbooks_variables_name_the_database() -> None:
    settings = Settings.from_env({**SAFE, "REDIS_HOST": "cache"})
    assert settings.database_url == "postgresql://hotel:p%40ss%2Fword@db:5432/hotel"
    assert settings.redis_url == "redis://cache:6379/0"
    assert settings.production


def test_a_socket_folder_or_an_ipv6_address_may_be_the_host() -> None:
    by_socket = Settings.from_env({**SAFE, "DB_HOST": "/var/run/postgresql"})
    assert by_socket.database_url == (
        "postgresql://hotel:p%40ss%2Fword@/hotel?host=/var/run/postgresql&port=5432"
    )
    assert "@[::1]:5432/" in Settings.from_env({**SAFE, "DB_HOST": "::1"}).database_url


def test_ports_and_the_caches_address_are_checked() -> None:
    assert problems(**{**DATABASE, "DB_PORT": "x"}) == ["DB_PORT=x is not a whole number from 1 to 65535"]
    assert "REDIS_PORT=0" in problems(**DATABASE, REDIS_HOST="cache", REDIS_PORT="0")[0]
    assert "redis://" in problems(**DATABASE, REDIS_URL="cache:6379")[0]


def test_no_database_is_an_error_that_says_what_to_set() -> None:
    assert "set DB_HOST" in problems()[0]
    assert "DB_USER and DB_NAME" in problems(DB_HOST="db")[0]


def test_every_problem_is_named_and_a_typo_gets_the_name_that_was_meant() -> None:
    found = problems(**DATABASE, HOTEL_HOLD_MINUTE="5", HOTEL_PORT="99999", HOTEL_SERVER="apache")
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
    ],
)
def test_production_refuses_to_start_unsafely(unsafe: dict[str, str], word: str) -> None:
    assert any(word in problem for problem in problems(**DATABASE, **unsafe))


def test_the_demo_may_use_the_sandbox() -> None:
    settings = Settings.from_env({**DATABASE, "HOTEL_ENVIRONMENT": "demo"})
    assert (settings.gateway, settings.production) == ("sandbox", False)
