"""Which schemas of the database this release runs on, and which releases run on what its migrations leave.

Revisions are four digits, counted up, and compare as text. A release runs on `OLDEST` and everything newer,
for as long as what is newer only expands what it knows: its processes run on while the next release migrates,
and it can be gone back to. A migration that contracts (renames, drops, tightens) ends that for the releases
whose `NEWEST` is below what it serves; it says so in the database itself, in the transaction that contracts,
so that old code knows of what was decided after it was written.
"""

from __future__ import annotations

OLDEST, NEWEST, SERVES = "0009", "0009", "0008"
"""The oldest schema that this release runs on; the one that it brings; the `NEWEST` of the oldest release
that runs on that one."""

FOUND = """
    SELECT version_num || ' ' ||
           coalesce(substring(obj_description('alembic_version'::regclass) FROM '^serves (\\d{4})$'), '')
      FROM alembic_version"""
"""The statement whose value `read` takes."""


def serving(serves: str) -> str:
    """The remark on `alembic_version` by which a schema says which releases run on it."""
    return f"COMMENT ON TABLE alembic_version IS 'serves {serves}'"


def read(found: str) -> tuple[str, str]:
    """The schema, and the `NEWEST` of the oldest release that runs on it ("" where it does not say)."""
    at, _, serves = found.partition(" ")
    return at, serves


def unfit(found: str) -> str | None:
    """Why this release does not run on the schema; None where it does."""
    at, serves = read(found)
    if at < OLDEST:
        return f"{at} is older than {OLDEST}"
    if serves > NEWEST:
        return f"{at} serves releases from {serves} on, and this one is of {NEWEST}"
    return None
