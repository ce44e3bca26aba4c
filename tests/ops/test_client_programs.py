"""psql and redis-cli of the image: what they are told beside what was typed."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hotel_booking.ops.child_processes import free_port
from hotel_booking.ops.client_programs import command_of, libpq, of_all_nodes, redis_options, told_host

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


@pytest.mark.parametrize(
    ("name", "variable", "address"),
    [
        ("postgresql", "DATABASE_URL", "postgresql://u:hidden@db:abc/d"),
        ("redis_cli", "REDIS_URL", "redis://:hidden@cache:abc/0"),
    ],
)
def test_an_address_that_cannot_be_read_is_said_in_a_line(name: str, variable: str, address: str) -> None:
    code = f"from hotel_booking.ops.client_programs import {name}; {name}()"
    environ = {"PATH": "/usr/bin", variable: address}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"{variable} cannot be read as an address")
    assert "hidden" not in done.stderr


def test_of_several_hosts_psql_takes_the_one_that_takes_writes() -> None:
    parts = libpq({"DB_HOST": "one,two", "DB_PORT": "5432,5433", "DB_USER": "hotel", "DB_NAME": "booking"})
    whole = libpq({"DATABASE_URL": "postgresql://hotel@one:5432,two:5433/booking"})
    assert parts == whole
    assert parts["PGHOST"] == "one,two"
    assert parts["PGPORT"] == "5432,5433"
    assert parts["PGTARGETSESSIONATTRS"] == "read-write"


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


def test_a_cluster_is_told_as_a_whole() -> None:
    flush = of_all_nodes(["-p", "6380", "--tls"], ["-h", "cache", "FLUSHDB"])
    assert flush == ["--tls", "--cluster", "call", "cache:6380", "FLUSHDB", "--cluster-only-masters"]
    told = ["--cluster", "call", "cache:6379", "INFO", "memory"]
    assert of_all_nodes([], ["-h", "cache", "INFO", "memory"]) == told


def test_only_a_command_is_taken_for_one() -> None:
    assert command_of(["-h", "cache", "INFO", "memory"]) == ["INFO", "memory"]
    assert command_of(["GET", "INFO"]) == ["GET", "INFO"]
    assert command_of(["-n", "1", "FLUSHDB"]) == []
    assert command_of(["-h", "cache"]) == []


def test_three_nodes_of_a_cluster_are_asked_and_flushed_by_one_line(tmp_path: Path) -> None:
    """By the program as the image runs it, on a real cluster with a password."""
    server, client = shutil.which("redis-server"), shutil.which("redis-cli")
    if server is None or client is None:
        pytest.skip("no Redis: install redis-server")
    ports = [free_port() for _ in range(3)]
    nodes = [f"127.0.0.1:{port}" for port in ports]
    started = []
    environ = {"PATH": "/usr/bin:/bin", "REDIS_HOST": "127.0.0.1", "REDIS_PASSWORD": "p@ss word"}

    def ours(port: int, *arguments: str) -> str:
        code = "from hotel_booking.ops.client_programs import redis_cli; redis_cli()"
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, *arguments],
            env={**environ, "REDIS_PORT": str(port)},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return done.stdout

    try:
        for port in ports:
            (tmp_path / str(port)).mkdir()
            options = ["--port", str(port), "--cluster-port", str(free_port()), "--cluster-enabled", "yes"]
            options += ["--requirepass", environ["REDIS_PASSWORD"], "--save", "", "--bind", "127.0.0.1"]
            options += ["--dir", str(tmp_path / str(port))]
            started.append(subprocess.Popen([server, *options], stdout=subprocess.DEVNULL))
        for port in ports:
            until_answers(port)
        make = [client, "--cluster", "create", *nodes, "--cluster-yes"]
        secret = {**environ, "REDISCLI_AUTH": environ["REDIS_PASSWORD"]}
        subprocess.run(make, env=secret, check=True, capture_output=True, timeout=60)
        for number in range(30):
            ours(ports[0], "-c", "SET", f"key-{number}", "x")
        assert ours(ports[0], "-h", "127.0.0.1", "INFO", "memory").count("used_memory_human:") == 3
        assert ours(ports[1], "-h", "127.0.0.1", "FLUSHDB").count("OK") == 3
        assert [ours(port, "DBSIZE").strip() for port in ports] == ["0", "0", "0"]
    finally:
        for process in started:
            process.terminate()
            process.wait(10)


def until_answers(port: int) -> None:
    """Wait for a Redis to take connections."""
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("Redis did not start")
