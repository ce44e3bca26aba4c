"""hotel-booking staff create-owner|invite-again|reset-mfa|lock|unlock|reencrypt: the first owner, ways back
in and out, and second factors after a change of HOTEL_SECRET_KEY."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from hotel_booking.admin.staff_mail import send_notice
from hotel_booking.cli.confirmation import Yes, confirm
from hotel_booking.cli.database import DataDir
from hotel_booking.cli.ops_inputs import value_of
from hotel_booking.cli.transactions import in_transaction
from hotel_booking.core.clock import utc_now
from hotel_booking.core.counting import count
from hotel_booking.core.db import Transaction
from hotel_booking.core.environment import read_settings
from hotel_booking.core.setting import ConfigError
from hotel_booking.core.setting_files import with_no_database
from hotel_booking.domains.identity import accounts
from hotel_booking.domains.identity.accounts import Staff
from hotel_booking.domains.identity.caller import Grant
from hotel_booking.domains.identity.errors import StaffNotFound
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.identity.service import second_factor, staff
from hotel_booking.domains.identity.service.staff import InvitedStaff
from hotel_booking.ops.asking import Want
from hotel_booking.ops.refusals import Refused

app = typer.Typer(help="Staff accounts; the panel does the rest.", no_args_is_help=True)

_KEY_BEFORE = Want("HOTEL_SECRET_KEY_BEFORE", "the key before", '"$(cat KEY-FILE)"')
Email = Annotated[str, typer.Option(help="The e-mail address that they sign in with.")]


@app.command("create-owner")
def create_owner(
    email: Email,
    name: Annotated[str, typer.Option(help="Their name, as colleagues see it.")],
    data_dir: DataDir = None,
) -> None:
    """Make an owner of the whole group and print the link that lets them in, alone on the last line."""
    now = utc_now()

    async def run(tx: Transaction) -> InvitedStaff:
        return await staff.invite(tx, email=email, name=name, grants=[Grant(Role.OWNER)], by=None, now=now)

    invited = in_transaction("staff create-owner", data_dir, run)
    typer.echo(f"{invited.staff.name} owns the group once they have chosen a password, within seven days:")
    typer.echo(f"{_public_url()}/admin/invitation/{invited.token}")


@app.command("invite-again")
def invite_again(email: Email, data_dir: DataDir = None) -> None:
    """Another link for somebody who has not chosen a password yet; the link before opens nothing more."""
    now = utc_now()

    async def run(tx: Transaction) -> InvitedStaff:
        member = await _member(tx, email)
        return await staff.invite_again(tx, staff_id=member.id, by=None, now=now)

    invited = in_transaction("staff invite-again", data_dir, run)
    typer.echo(f"{invited.staff.name} can choose a password within seven days:")
    typer.echo(f"{_public_url()}/admin/invitation/{invited.token}")


@app.command("reset-mfa")
def reset_mfa(email: Email, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Remove every second factor of somebody who has lost them all, and sign them out everywhere. Make sure
    that it is them who asks: call back, or meet. On a terminal it says whose they are, and asks."""
    now = utc_now()
    who = in_transaction("staff reset-mfa", data_dir, lambda tx: _member(tx, email))
    confirm(f"{who.name} signs in with the password alone then. Remove their second factors?", yes=yes)

    async def run(tx: Transaction) -> Staff:
        member = await _member(tx, email)
        await second_factor.reset(tx, staff_id=member.id)
        if member.totp:
            await send_notice(tx, member, what="app_removed", now=now)
        if member.passkeys:
            await send_notice(tx, member, what="passkey_removed", now=now)
        return member

    member = in_transaction("staff reset-mfa", data_dir, run)
    typer.echo(f"{member.name} signs in with the password alone now, and is asked for a new second factor")
    typer.echo("where their role demands one. They are signed out everywhere.")


@app.command()
def lock(email: Email, data_dir: DataDir = None) -> None:
    """Close somebody's account at once: they are signed out everywhere, and links they have open nothing.
    Their roles stay for `unlock`."""

    async def run(tx: Transaction) -> Staff:
        return await staff.deactivate(tx, staff_id=(await _member(tx, email)).id, by=None)

    member = in_transaction("staff lock", data_dir, run)
    typer.echo(f"Staff account {member.id} is locked, and signed out everywhere.")


@app.command()
def unlock(email: Email, data_dir: DataDir = None) -> None:
    """Open an account that was closed, with the roles that it had."""

    async def run(tx: Transaction) -> Staff:
        return await staff.reactivate(tx, staff_id=(await _member(tx, email)).id, by=None)

    member = in_transaction("staff unlock", data_dir, run)
    typer.echo(f"Staff account {member.id} is open again, with its old password and second factors.")


@app.command()
def reencrypt(data_dir: DataDir = None) -> None:
    """After HOTEL_SECRET_KEY was changed: have the codes of everybody's authenticator app fit again. The key
    before is HOTEL_SECRET_KEY_BEFORE, else asked for. Exit code 1 names whose app opens by neither key."""
    environ = {"HOTEL_ENVIRONMENT": "demo", **with_no_database(os.environ)}
    key = read_settings(environ).secret_key
    if not key:
        raise ConfigError(["HOTEL_SECRET_KEY is not set: the key that the web servers have now"])
    before = value_of(_KEY_BEFORE, secret=True)
    found = in_transaction(
        "staff reencrypt",
        data_dir,
        lambda tx: second_factor.reencrypt(tx, before=before, secret_key=key),
    )
    typer.echo(
        f"{count(found.done, 'authenticator app')} encrypted by the new key; {found.had_it} had it already."
    )
    if found.lost:
        raise Refused(
            f"neither key opens {count(len(found.lost), 'other')}: {', '.join(found.lost)}",
            "With the right key before, run this again. Where nobody has it, for each of them:",
            "  hotel-booking staff reset-mfa --email EMAIL",
        )


async def _member(tx: Transaction, email: str) -> Staff:
    member = await accounts.staff_by_email(tx, email) if "\x00" not in email else None
    if member is None:
        raise StaffNotFound("nobody has an account with this address")
    return member


def _public_url() -> str:
    environ = {"HOTEL_ENVIRONMENT": "demo", **with_no_database(os.environ)}
    return read_settings(environ).public_url.rstrip("/")
