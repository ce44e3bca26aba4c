"""Migrations that would stop the house are refused by squawk: every revision that is not yet released."""

from __future__ import annotations

import re
import subprocess

import pytest

from hotel_booking.migrations import LIMITS, head
from hotel_booking.migrations.subjects import sql_of
from tests.deployment.checkers import ROOT, check, said

# Those before were released without it, and a released file never changes.
FIRST = 9

_REFUSED = {
    "ALTER TABLE booking ADD COLUMN seen boolean NOT NULL;": "adding-required-field",
    "CREATE INDEX booking_seen ON booking (seen);": "require-concurrent-index-creation",
    "ALTER TABLE booking ALTER COLUMN total TYPE numeric;": "changing-column-type",
    "ALTER TABLE booking DROP COLUMN total;": "ban-drop-column",
    "ALTER TABLE booking RENAME COLUMN total TO sum;": "renaming-column",
    "ALTER TABLE booking ADD CONSTRAINT c CHECK (total > 0);": "constraint-missing-not-valid",
    "ALTER TABLE booking ADD FOREIGN KEY (hotel) REFERENCES property;": "adding-foreign-key-constraint",
    "ALTER TABLE booking ALTER COLUMN total SET NOT NULL;": "adding-not-nullable-field",
    "DROP TABLE booking;": "ban-drop-table",
}


def squawk(*parts: str, limits: bool = True) -> subprocess.CompletedProcess[str]:
    """Of the SQL that a migration sends: its limits, and its files in one transaction."""
    told = [f"SET {name} = '{value}';" for name, value in LIMITS.items()] if limits else []
    options = ("--pg-version", "15", "--assume-in-transaction", "--reporter", "gcc")
    return check("squawk", *options, "--stdin-filepath", "migration.sql", stdin="\n".join([*told, *parts]))


@pytest.mark.deploy
@pytest.mark.parametrize("revision", [f"{number:04}" for number in range(FIRST, int(head()) + 1)])
def test_a_migration_takes_no_long_locks(revision: str) -> None:
    parts = sql_of(revision)
    assert parts, f"{revision} has no SQL: have it in files, as the others do"
    done = squawk(*parts)
    assert done.returncode == 0, said(done)


@pytest.mark.deploy
@pytest.mark.parametrize(("statement", "rule"), _REFUSED.items())
def test_what_would_stop_the_house_is_refused(statement: str, rule: str) -> None:
    done = squawk(statement)
    assert done.returncode == 1
    assert rule in done.stdout, said(done)


@pytest.mark.deploy
def test_without_limits_a_migration_is_refused() -> None:
    done = squawk("ALTER TABLE booking ADD COLUMN seen boolean;", limits=False)
    assert done.returncode == 1
    assert "require-lock-timeout" in done.stdout, said(done)


def test_whoever_ignores_a_rule_says_why() -> None:
    for path in (ROOT / "src/hotel_booking/migrations/sql").glob("*.sql"):
        for before in re.findall(r"(.*)\n-- squawk-ignore ", path.read_text()):
            assert before.startswith("-- "), f"{path.name}: why?"
