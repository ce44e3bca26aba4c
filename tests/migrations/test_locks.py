"""A migration that cannot get a lock gives up soon, says who holds it, and has done nothing."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from alembic import command

from hotel_booking import migrations
from hotel_booking.ops.embedded import Cluster
from tests.clients import command_line
from tests.databases import copied

pytestmark = pytest.mark.postgresql

_WATCH = """
CREATE FUNCTION watched() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('lock_timeout') <> '5s' OR current_setting('statement_timeout') <> '15min' THEN
        RAISE EXCEPTION '% has no time limits', tg_tag;
    END IF;
END $$;
CREATE EVENT TRIGGER watched ON ddl_command_start EXECUTE FUNCTION watched();
"""


def test_every_statement_of_every_migration_has_time_limits(cluster: Cluster) -> None:
    with copied(cluster, None) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_WATCH)
            with pytest.raises(psycopg.errors.RaiseException, match="CREATE TABLE has no time limits"):
                connection.execute("CREATE TABLE unwatched ()")
        assert migrations.upgrade(url)
        assert migrations.pending(url) == []


@pytest.mark.nightly
def test_a_blocked_migration_gives_up_and_can_be_run_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = f"{int(migrations.head()) - 1:04}"
    upgrade: Any = command.upgrade
    with copied(cluster, None) as url:
        with monkeypatch.context() as patch:
            patch.setattr(command, "upgrade", lambda config, _: upgrade(config, before))
            migrations.upgrade(url)
        assert migrations.current(url) == before
        with psycopg.connect(url, application_name="a forgotten session") as guest:
            guest.execute("UPDATE property SET name = name")  # no row, but the lock of one who changes hotels
            done = command_line.command("migrate", DATABASE_URL=url, HOTEL_ENVIRONMENT="demo")
            assert done.returncode == 1, done.stderr
            assert done.stderr.startswith(
                "hotel-booking: a migration waited 5s for a lock that others hold, and gave up; nothing of it"
            )
            assert (
                f"process {guest.info.backend_pid} (a forgotten session), idle in transaction" in done.stderr
            )
            assert "run `hotel-booking migrate` again" in done.stderr
            assert "Traceback" not in done.stderr
            assert migrations.current(url) == before
            assert guest.execute("SELECT to_regclass('incident')").fetchone() == (None,), "nothing was done"
        done = command_line.command("migrate", DATABASE_URL=url, HOTEL_ENVIRONMENT="demo")
        assert done.returncode == 0, done.stderr
        assert migrations.pending(url) == []
