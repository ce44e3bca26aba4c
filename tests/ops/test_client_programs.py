"""psql and redis-cli of the image: what they are told beside what was typed."""

from __future__ import annotations

import pytest

from hotel_booking.ops.client_programs import libpq, redis_options, told_host

QUIET = {"REDISCLI_HISTFILE": "/dev/null"}


def _psql_host(host: str) -> bool:
    return host.startswith("-")


def test_the_parts_of_the_databases_address_are_libpqs_defaults() -> None:
    environ = {"DB_HOST": "db", "DB_USER": "hotel", "DB_PASSWORD": "p@ss", "DB_NAME": "booking"}
    assert libpq(environ) == {
        "PSQL_HISTORY": "/dev/null",
        "PGHOST": "db",
        "PGUSER": "hotel",
        "PGPASSWORD": "p@ss",
        "PGDATABASE": "booking",
    }


def test_an_address_in_one_counts_before_the_parts() -> None:
    environ = {"DB_HOST": "other", "DATABASE_URL": "postgresql://a%40b:p%2Fw@db:5433/h%20b?sslmode=require"}
    found = libpq(environ)
    assert (found["PGHOST"], found["PGPORT"], found["PGUSER"]) == ("db", "5433", "a@b")
    assert (found["PGPASSWORD"], found["PGDATABASE"], found["PGSSLMODE"]) == ("p/w", "h b", "require")
    assert libpq({"DATABASE_URL": "postgresql://u@/d?host=/run/postgresql"})["PGHOST"] == "/run/postgresql"


def test_redis_is_reached_with_its_password_its_port_and_encrypted() -> None:
    environ = {"REDIS_HOST": "cache", "REDIS_PORT": "6380", "REDIS_PASSWORD": "p@ss", "REDIS_TLS": "true"}
    assert redis_options(environ, ["-h", "cache", "INFO", "memory"]) == (
        ["-p", "6380", "--tls"],
        {**QUIET, "REDISCLI_AUTH": "p@ss"},
    )
    assert redis_options(environ, ["PING"])[0] == ["-h", "cache", "-p", "6380", "--tls"]
    url = {"REDIS_URL": "rediss://app:p%40ss@cache:6390/2", **environ}
    assert redis_options(url, ["PING"]) == (
        ["-h", "cache", "-p", "6390", "-n", "2", "--tls", "--user", "app"],
        {**QUIET, "REDISCLI_AUTH": "p@ss"},
    )


def test_another_redis_is_told_no_password() -> None:
    environ = {"REDIS_HOST": "cache", "REDIS_PASSWORD": "secret"}
    assert redis_options(environ, ["-u", "redis://other", "PING"]) == ([], QUIET)
    assert redis_options({"REDIS_URL": "unix:///run/redis.sock"}, ["PING"])[0] == ["-s", "/run/redis.sock"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["-h", "db", "-U", "hotel", "-c", "SELECT 1"], ["-h", "db", "-U", "hotel", "-c", "SELECT 1"]),
        (["-h", "-U", "hotel", "-c", "SELECT 1"], ["-U", "hotel", "-c", "SELECT 1"]),
        (["-h", "-U", "-c", "SELECT 1"], ["-c", "SELECT 1"]),
    ],
)
def test_a_host_that_the_operators_shell_did_not_know_is_the_platforms(
    typed: list[str], meant: list[str]
) -> None:
    found, note = told_host(typed, "DB_HOST", unless=_psql_host)
    assert found == meant
    assert ("$DB_HOST is unset in your shell" in note) == (typed != meant)


def test_a_command_is_no_host() -> None:
    assert told_host(["-h", "INFO", "memory"], "REDIS_HOST", unless=str.isupper)[0] == ["INFO", "memory"]
    assert told_host(["-h", "FLUSHDB"], "REDIS_HOST", unless=str.isupper)[0] == ["FLUSHDB"]
    assert told_host(["-h", "cache", "FLUSHDB"], "REDIS_HOST", unless=str.isupper)[1] == ""
