"""hotel-booking api-key, as an operator types it."""

from __future__ import annotations

import subprocess

import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.identity import service
from hotel_booking.domains.identity.errors import InvalidKey
from hotel_booking.domains.identity.types import Scope
from tests.clients.command_line import command
from tests.factories.small_hotel import SLUG, small_hotel


def api_key(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command on a database."""
    return command("api-key", *words, DATABASE_URL=url)


async def test_a_key_is_printed_once_alone_on_the_last_line(db: Database, database_url: str) -> None:
    await small_hotel(db)
    done = api_key(
        database_url,
        *("create", "--name", "Desk", "--scope", "bookings:read,frontdesk:write", "--scope", "reports:read"),
        *("--property", SLUG, "--expires", "30d"),
    )
    assert done.returncode == 0, done.stderr
    secret = done.stdout.splitlines()[-1]
    async with db.transaction() as tx:
        caller = await service.resolve(tx, token=secret, now=utc_now())
        stored = await tx.fetchval("SELECT api_key::text FROM api_key")
    assert caller.scopes == {Scope.BOOKINGS_READ, Scope.FRONTDESK_WRITE, Scope.REPORTS_READ}
    assert caller.property_ids is not None
    assert len(caller.property_ids) == 1
    assert secret not in stored
    assert secret not in api_key(database_url, "list").stdout

    made = api_key(database_url, "rotate", "1", "--overlap", "1h").stdout
    assert "Key 2 (Desk) replaces key 1, which works until 20" in made
    rotated = made.splitlines()[-1]
    again = api_key(database_url, "rotate", "1")
    assert again.returncode != 0
    assert "key 2 took its place" in again.stderr
    listed = command("api-key", "list", DATABASE_URL=database_url, COLUMNS="200").stdout
    assert "replaced by 2, until 20" in listed
    assert api_key(database_url, "revoke", "1").returncode == 0
    async with db.transaction() as tx:
        assert (await service.resolve(tx, token=rotated, now=utc_now())).scopes == caller.scopes
        with pytest.raises(InvalidKey):
            await service.resolve(tx, token=secret, now=utc_now())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("create", "--name", "x", "--scope", "everything"), "there is no scope"),
        (("create", "--name", "x", "--scope", ","), "opens nothing"),
        (("create", "--name", "", "--scope", "all"), "the name"),
        (("create", "--name", "x", "--scope", "all", "--property", "nowhere"), "there is no property"),
        (("create", "--name", "x", "--scope", "all", "--expires", "soon"), "not a time span"),
        (("create", "--name", "x", "--scope", "all", "--expires", "2001-01-01"), "must expire in the future"),
        (("revoke", "7"), "there is no such API key"),
    ],
)
async def test_a_mistake_is_one_line(
    db: Database, database_url: str, words: tuple[str, ...], says: str
) -> None:
    done = api_key(database_url, *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM api_key") == 0


def test_no_database_is_one_line() -> None:
    done = api_key("postgresql://nobody@127.0.0.1:1/none", "list")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
