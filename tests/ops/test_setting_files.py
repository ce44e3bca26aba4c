"""Settings that stand in files, and Redis's password and encryption in settings of their own."""

from __future__ import annotations

from pathlib import Path

import psycopg

from hotel_booking.cli.database import why_refused
from hotel_booking.core.environment import read_settings
from tests.ops.test_config import DATABASE, RANDOM, SAFE, problems


def test_every_setting_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from a file\n")
    (tmp_path / "key").write_text(f"{RANDOM}\r\n")
    (tmp_path / "port").write_text("8100")
    environ = {name: value for name, value in SAFE.items() if name not in ("DB_PASSWORD", "HOTEL_SECRET_KEY")}
    settings = read_settings(
        {
            **environ,
            "DB_PASSWORD_FILE": str(tmp_path / "password"),
            "HOTEL_SECRET_KEY_FILE": str(tmp_path / "key"),
            "HOTEL_PORT_FILE": str(tmp_path / "port"),
        }
    )
    assert settings.database_url == "postgresql://hotel:from%20a%20file@db:5432/hotel"
    assert settings.secret_key == RANDOM
    assert settings.port == 8100


def test_the_line_break_that_a_setting_ends_with_is_no_part_of_it() -> None:
    """`echo WORD | base64` in a Secret, and a file of settings from Windows, each with one: the password was
    refused then, and a key was another than the same one in a file."""
    settings = read_settings(
        {name: f"{value}\r\n" for name, value in SAFE.items()} | {"HOTEL_PORT": "8100\n"}
    )
    assert settings == read_settings({**SAFE, "HOTEL_PORT": "8100"})


def test_quotes_around_a_setting_are_told_and_kept_only_where_somebody_may_have_meant_them() -> None:
    """`docker run --env-file` and a Secret from a file of settings keep what a shell takes away."""
    found = problems(
        **SAFE | {"DB_NAME": '"hotel"', "HOTEL_SLACK_TOKEN": "'xoxb'", "HOTEL_PORT": '"x"', "REDIS_HOST": '"'}
    )
    quoted = "has quotes around it, which are part of it: take them away"
    assert [one.removesuffix(f" {quoted}") for one in found if quoted in one] == [
        "HOTEL_PORT",
        "HOTEL_SLACK_TOKEN",
        "DB_NAME",
    ]
    assert any(one.startswith("HOTEL_PORT=x is not a whole number") for one in found)
    kept = read_settings({**SAFE, "DB_PASSWORD": '"word"', "HOTEL_SECRET_KEY": f'"{RANDOM}"'})
    assert (kept.database_url, kept.secret_key) == (
        "postgresql://hotel:%22word%22@db:5432/hotel",
        f'"{RANDOM}"',
    )
    refused = psycopg.OperationalError('FATAL: password authentication failed for user "hotel"')
    assert "the password has quotes around it" in why_refused(kept.database_url, refused)
    assert "quotes" not in why_refused("postgresql://hotel:word@db:5432/hotel", refused)
    assert "quotes" not in why_refused(kept.database_url, psycopg.OperationalError("timeout expired"))


def test_an_empty_file_leaves_a_setting_unset(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    settings = read_settings({**SAFE, "HOTEL_SLACK_TOKEN_FILE": str(tmp_path / "empty")})
    assert settings.slack_token is None


def test_what_is_wrong_with_a_file_is_named_with_all_else(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(RANDOM)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "long").write_text("a" * 70_000)
    found = problems(
        **{**SAFE, "HOTEL_PORT": "x"},
        HOTEL_SECRET_KEY_FILE=str(tmp_path / "key"),
        HOTEL_SLACK_TOKEN_FILE=f"{tmp_path}/missing",
        HOTEL_PAGERDUTY_KEY_FILE=str(tmp_path / "binary"),
        HOTEL_S3_SECRET_KEY_FILE=str(tmp_path / "long"),
        HOTEL_NOTHING_FILE="x",
    )
    said = "\n".join(found)
    assert "HOTEL_SECRET_KEY and HOTEL_SECRET_KEY_FILE are both set" in said
    assert f"HOTEL_SLACK_TOKEN_FILE={tmp_path}/missing cannot be read: No such file or directory" in said
    assert f"HOTEL_PAGERDUTY_KEY_FILE={tmp_path}/binary is no text in UTF-8" in said
    assert "is longer than 65,536 bytes" in said
    assert "HOTEL_NOTHING_FILE is unknown" in said
    assert "HOTEL_PORT=x" in said
    assert RANDOM not in said


def test_redis_may_have_a_password_and_be_encrypted() -> None:
    settings = read_settings({**SAFE, "REDIS_HOST": "cache", "REDIS_PASSWORD": "p@ss", "REDIS_TLS": "true"})
    assert settings.redis_url == "rediss://:p%40ss@cache:6379/0"
    assert "REDIS_TLS=yes is not true or false" in problems(**DATABASE, REDIS_HOST="cache", REDIS_TLS="yes")
