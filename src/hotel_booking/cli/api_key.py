"""hotel-booking api-key create|list|revoke|rotate"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from hotel_booking.cli.confirmation import Yes, confirm
from hotel_booking.cli.database import DataDir
from hotel_booking.cli.screen import Json, listing, print_json, screen
from hotel_booking.cli.transactions import in_transaction
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.identity import queries, service
from hotel_booking.domains.identity.types import ApiKey, NewKey, Scope

app = typer.Typer(help="API keys for staff and partners.", no_args_is_help=True)

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class UnknownScope(Invalid):
    """There is no such scope."""

    code = "unknown_scope"


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What it is for, such as 'Channel manager'.")],
    scope: Annotated[
        list[str], typer.Option(help=f"May be repeated, or separated by commas: {', '.join(Scope)}.")
    ],
    property_slug: Annotated[
        list[str] | None, typer.Option("--property", help="Limit it to this property; may be repeated.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="12h, 30d, 8w, or a date such as 2030-12-31. Never, if left out.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Create a key and print it, once and alone on the last line."""
    scopes = [_scope(part) for text in scope for part in text.split(",") if part.strip()]
    if not scopes:
        raise UnknownScope("a key without a scope opens nothing", fix=f"choose of {', '.join(Scope)}")
    if not 1 <= len(name) <= 100 or "\x00" in name:
        raise Invalid("the name must have 1 to 100 characters")
    now = utc_now()
    expires_at = _expiry(expires, now) if expires else None

    async def run(tx: Transaction) -> NewKey:
        return await service.create_key(
            tx, name=name, scopes=scopes, properties=property_slug or None, expires_at=expires_at, now=now
        )

    new = in_transaction("api-key", data_dir, run)
    limits = ", ".join(new.key.properties) if new.key.properties is not None else "every property"
    until = f"until {new.key.expires_at:%Y-%m-%d %H:%M} UTC" if new.key.expires_at else "until it is revoked"
    typer.echo(f"Key {new.key.id} ({new.key.name}): {', '.join(new.key.scopes)}; {limits}; {until}.")
    typer.echo("Shown this once; only its hash is stored:")
    typer.echo(new.secret)


@app.command("list")
def list_keys(as_json: Json = False, data_dir: DataDir = None) -> None:
    """Every key, newest first."""
    from rich.markup import escape

    keys = in_transaction("api-key", data_dir, lambda tx: queries.list_keys(tx, limit=1000))
    if as_json:
        print_json(keys)
        return
    now = utc_now()
    table = listing("id", "name", "scopes", "properties", "state", "last used")
    for key in keys:
        if key.revoked_at:
            state = "revoked"
        elif not key.active(now):
            state = "expired"
        else:
            state = f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "active"
        if key.replaced_by and not key.revoked_at:
            state = f"replaced by {key.replaced_by}, {state}"
        table.add_row(
            str(key.id),
            escape(key.name),
            ", ".join(key.scopes),
            "all" if key.properties is None else ", ".join(key.properties),
            state,
            f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never",
        )
    screen().print(table)


@app.command()
def revoke(
    key_id: Annotated[int, typer.Argument(help="As the list shows it.")],
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Close a key for good, at once. On a terminal it says which key it is, and asks."""
    found = in_transaction("api-key", data_dir, lambda tx: queries.find_key(tx, key_id))
    if found is not None and not found.revoked_at:
        confirm(
            f"Key {found.id} ({found.name}; {', '.join(found.scopes)}) opens nothing then. Revoke it?",
            yes=yes,
        )
    key = in_transaction("api-key", data_dir, lambda tx: service.revoke_key(tx, key_id=key_id, now=utc_now()))
    typer.echo(f"Key {key.id} ({key.name}) opens nothing any more.")


@app.command()
def rotate(
    key_id: Annotated[int, typer.Argument(help="As the list shows it.")],
    overlap: Annotated[str, typer.Option(help="How long the old secret works on: 0h, 24h, 7d.")] = "24h",
    data_dir: DataDir = None,
) -> None:
    """Give a key a new secret and print it, once and alone on the last line; the old one works on a while."""
    span = _span(overlap)

    async def run(tx: Transaction) -> tuple[NewKey, ApiKey | None]:
        made = await service.rotate_key(tx, key_id=key_id, now=utc_now(), overlap=span)
        return made, await queries.find_key(tx, key_id)

    new, old = in_transaction("api-key", data_dir, run)
    until = f"{old.expires_at:%Y-%m-%d %H:%M} UTC" if old and old.expires_at else "now"
    typer.echo(f"Key {new.key.id} ({new.key.name}) replaces key {key_id}, which works until {until}.")
    typer.echo("Shown this once; only its hash is stored:")
    typer.echo(new.secret)


def _scope(text: str) -> Scope:
    try:
        return Scope(text.strip())
    except ValueError:
        raise UnknownScope(
            f"there is no scope {text.strip()!r}", fix=f"choose of {', '.join(Scope)}"
        ) from None


def _expiry(text: str, now: datetime) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return now + _span(text)


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})([hdw])", text)
    if match is None:
        raise Invalid(f"{text!r} is not a time span", fix="write 12h, 30d or 8w")
    return int(match[1]) * _UNITS[match[2]]
