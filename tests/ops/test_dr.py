"""What of `hotel-booking ops dr` needs no double of AWS: what is typed wrongly, what Terraform's files say,
the application's role in a database. The rest: tests/deployment/test_dr.py and test_dns.py."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from hotel_booking.ops.aws import SERVICES, asking
from hotel_booking.ops.backup.writes import take_writes
from hotel_booking.ops.dr.roles import ensure
from hotel_booking.ops.environments import known, place_of, standby_of
from hotel_booking.ops.refusals import Refused, WrongUse
from tests.clients.command_line import command

ROOT = Path(__file__).resolve().parents[2]
NOBODY = {
    **dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), "/dev/null"),
    "AWS_EC2_METADATA_DISABLED": "true",
    "HOME": "/nonexistent",
}


def quiet(folder: Path) -> dict[str, str]:
    return {**NOBODY, "HOTEL_OPS_DIR": str(folder / "ops"), "HOTEL_SPOOL_DIR": str(folder / "spool")}


@pytest.mark.parametrize(
    ("words", "said", "helps"),
    [
        ((), "HOTEL_STANDBY: the standby that takes over", "hotel-booking ops dr restore"),
        (("--environment", "production"), "production stands in for nobody", "--environment dr"),
        (("--environment", "moon"), "there is no environment 'moon'", "dr, production, staging"),
        (("--environment", "dr", "--from", "air"), "--from is replica, backups or snapshot", ""),
        (
            ("--environment", "dr"),
            "HOTEL_EVIDENCE_KEY: your private key",
            "hotel-booking ops dr restore --environment dr",
        ),
        (("--environment", "dr", "--dry-run"), "AWS does not know who you are", "aws sso login"),
    ],
)
def test_a_takeover_that_cannot_be_meant_touches_nothing(
    tmp_path: Path, words: tuple[str, ...], said: str, helps: str
) -> None:
    done = command("ops", "dr", "restore", *words, seconds=60, **quiet(tmp_path))
    assert done.returncode == 2
    assert said in done.stderr
    assert helps in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said", "helps"),
    [
        ((), "the region that guests shall reach is needed", "HOTEL_DNS_TARGET=dr hotel-booking ops dr dns"),
        (("--target", "moon"), "'moon' is no target", "--target primary"),
        (("--target", "dr"), "AWS does not know who you are", "aws sso login"),
    ],
)
def test_dns_that_cannot_be_meant_touches_nothing(
    tmp_path: Path, words: tuple[str, ...], said: str, helps: str
) -> None:
    done = command("ops", "dr", "dns", *words, seconds=60, **quiet(tmp_path))
    assert done.returncode == 2
    assert said in done.stderr
    assert helps in done.stderr


def test_a_promotion_wants_the_replica_and_says_when_it_does_not_answer(tmp_path: Path) -> None:
    done = command("ops", "dr", "promote", seconds=60, **quiet(tmp_path))
    assert done.returncode == 2
    assert "HOTEL_STANDBY_URL=postgresql://postgres:PASSWORD@HOST" in done.stderr
    url = "postgresql://postgres@127.0.0.1:1/x"
    done = command("ops", "dr", "promote", seconds=60, **quiet(tmp_path), HOTEL_STANDBY_URL=url)
    assert done.returncode == 1
    assert "the replica cannot be reached" in done.stderr


def test_the_scripts_tell_what_was_typed() -> None:
    for name in ("dr-restore.sh", "update-dns.sh"):
        text = (ROOT / "deployment" / "scripts" / name).read_text()
        assert "INVOKED_WORDS=3" in text
        assert len(re.findall(r"/ops\" (\w+ \w+) ", text)) == 1


def test_terraforms_files_say_where_everything_is() -> None:
    assert known() == ["dr", "production", "staging"]
    dr = place_of("dr")
    assert (dr.name, dr.region, dr.stands_in_for) == ("hotel-booking-dr", "eu-west-1", "production")
    assert dr.other_region == place_of("production").region == "eu-central-1"
    assert standby_of("production") == dr
    with pytest.raises(WrongUse, match="nothing stands in for staging"):
        standby_of("staging")


def test_the_image_keeps_of_botocore_what_is_asked() -> None:
    text = (ROOT / "deployment" / "docker" / "Containerfile").read_text()
    (kept,) = re.findall(r"botocore/data\"(.*?)-exec", text, re.DOTALL)
    assert sorted(re.findall(r"! -name (\w+)", kept)) == list(SERVICES)


def test_mistakes_of_ours_are_no_refusals() -> None:
    with pytest.raises(ZeroDivisionError), asking("x"):
        raise ZeroDivisionError


def test_a_database_takes_no_writes_until_it_is_opened_again(database_url: str) -> None:
    said: list[str] = []
    with psycopg.connect(database_url) as connected:
        take_writes(database_url, taken=False, say=said.append)
        with pytest.raises(psycopg.OperationalError):
            connected.execute("SELECT 1")
    with psycopg.connect(database_url) as after, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        after.execute("CREATE TABLE never ()")
    take_writes(database_url, taken=True, say=said.append)
    with psycopg.connect(database_url) as opened:
        opened.execute("CREATE TABLE now_and_then ()")
    take_writes("postgresql://hotel@127.0.0.1:1/x", taken=False, say=said.append)
    assert len(said) == 1


@pytest.fixture
def role(database_url: str) -> Iterator[str]:
    """A role's name that is nobody's; it is removed in the end."""
    name = f"role_{secrets.token_hex(6)}"
    yield name
    with psycopg.connect(database_url, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone():
            connection.execute(f"REASSIGN OWNED BY {name} TO hotel".encode())
            connection.execute(f"DROP OWNED BY {name}".encode())
            connection.execute(f"DROP ROLE {name}".encode())


def test_the_applications_role_is_made_with_its_grants_and_put_right(database_url: str, role: str) -> None:
    made = ensure(database_url, role=role, password="it's")
    assert made[0] == f"role {role} made"
    assert len(made) == 3
    assert ensure(database_url, role=role, password="another") == []
    with psycopg.connect(database_url) as connection:
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        assert connection.execute(owner.encode()).fetchone() == (role,)
        can = connection.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
        assert can == (True,)
    with pytest.raises(Refused, match="could not be made or put right"):
        ensure("postgresql://hotel@127.0.0.1:1/x", role=role, password="x")
