"""What a migration does whose SQL stands in files, one for each subject."""

from __future__ import annotations

from importlib.resources import files

from alembic import op


def sql_of(revision: str) -> list[str]:
    """All files of `sql/` that begin with the revision, in the order of their names; each is independent of
    the others."""
    sql = files("hotel_booking.migrations") / "sql"
    names = sorted(file.name for file in sql.iterdir() if file.name.startswith(f"{revision}_"))
    return [(sql / name).read_text() for name in names]


def apply(revision: str) -> None:
    """Run the revision's files."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101  # an online migration has one
    for part in sql_of(revision):
        driver.execute(part)


def refuse_to_go_back(revision: str) -> None:
    """The release before runs on an expanded schema; there is no need to go back."""
    raise NotImplementedError(  # Alembic's downgrade: nothing calls it but a mistake
        f"the schema of {revision} is compatible with the release before; deploy that instead"
    )
