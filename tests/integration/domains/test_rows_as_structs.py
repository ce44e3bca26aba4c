"""Rows become the structs that queries hand out, and one that does not fit is found out."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from hotel_booking.core import connections
from hotel_booking.core.db import Database


class Bed(msgspec.Struct, frozen=True):
    kind: str
    count: int


class Seen(msgspec.Struct, frozen=True):
    id: UUID
    at: datetime
    widths: tuple[int, ...]
    beds: tuple[Bed, ...]
    note: str | None


_ROW = (
    "SELECT '5f0c5f4e-9a36-4f0e-8a0c-0c6f5d1f3a11'::uuid AS id, timestamptz '2026-07-01 12:00Z' AS at,"
    ' ARRAY[480, 960] AS widths, \'[{"kind": "twin", "count": 2}]\'::jsonb AS beds, NULL::text AS note,'
    " 1 AS left_over"
)


async def test_a_row_is_a_struct(db: Database) -> None:
    seen = Seen(
        UUID("5f0c5f4e-9a36-4f0e-8a0c-0c6f5d1f3a11"),
        datetime(2026, 7, 1, 12, tzinfo=UTC),
        (480, 960),
        (Bed("twin", 2),),
        None,
    )
    async with db.transaction() as tx:
        assert await tx.fetchrow_as(Seen, _ROW) == seen
        assert await tx.fetch_as(Seen, f"{_ROW} UNION ALL {_ROW}") == [seen, seen]
        assert await tx.fetchrow_as(Seen, f"{_ROW} WHERE false") is None


@pytest.mark.parametrize("columns", ["'twin' AS kind", "'twin' AS kind, 'two' AS count"])
async def test_a_statement_that_does_not_fit_its_struct_is_found_out(db: Database, columns: str) -> None:
    async with db.transaction() as tx:
        with pytest.raises(msgspec.ValidationError):
            await tx.fetchrow_as(Bed, f"SELECT {columns}")


async def test_arrays_are_what_the_server_says_they_are(db: Database) -> None:
    """Their numbers are written down, so that no connection has to ask for them."""
    async with db.transaction() as tx:
        rows = await tx.fetch(
            "SELECT typname, oid::int, typelem::int, typdelim, typnamespace::regnamespace::text, typtype"
            " FROM pg_type WHERE typname = ANY ($1)",
            [name for name, _, _ in connections._ARRAYS],  # noqa: SLF001  # what is compared
        )
    told = {tuple(row) for row in rows}
    assert told == {(*array, b",", "pg_catalog", b"b") for array in connections._ARRAYS}  # noqa: SLF001  # as above


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("bytea", b"\x00\xff"),
        ("int2", -1),
        ("int4", 2**31 - 1),
        ("int8", -(2**63)),
        ("float8", 0.1),
        ("date", date(2026, 7, 1)),
        ("timestamptz", datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("uuid", UUID("5f0c5f4e-9a36-4f0e-8a0c-0c6f5d1f3a11")),
        ("jsonb", {"kind": ["twin"]}),
    ],
)
async def test_an_array_goes_and_comes_without_its_type_being_asked_for(
    db: Database, monkeypatch: pytest.MonkeyPatch, kind: str, value: Any
) -> None:
    async def asked(*_: Any, **__: Any) -> None:
        raise AssertionError("the server was asked for a type")

    monkeypatch.setattr(asyncpg.Connection, "_introspect_types", asked)
    async with db.transaction() as tx:
        assert await tx.fetchval(f"SELECT $1::{kind}[]", [value, None]) == [value, None]
        assert await tx.fetchval(f"SELECT $1::{kind}[]", []) == []
