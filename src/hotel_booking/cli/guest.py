"""hotel-booking guest erase: the right to be forgotten, for who does not use it by their account."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from hotel_booking.cli.confirmation import Yes, confirm
from hotel_booking.cli.database import DataDir
from hotel_booking.cli.ops_inputs import report_to_audit_log
from hotel_booking.cli.transactions import in_transaction
from hotel_booking.core.clock import utc_now
from hotel_booking.core.counting import count
from hotel_booking.domains.bookings import erasure
from hotel_booking.domains.guests.errors import NotToBeErasedYet
from hotel_booking.ops.operation import operation
from hotel_booking.ops.refusals import Refused

app = typer.Typer(no_args_is_help=True)
_COMMAND = "guest erase"


@app.callback()
def _verbs() -> None:
    """What guests may ask for."""


@app.command()
def erase(
    email: Annotated[str, typer.Option(help="The address that they booked with, or of their account.")],
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Forget who somebody is: their account, and names, address, telephone, wishes and messages of their past
    bookings; amounts, days and rooms stay. Make sure that it is them who asks. Refused while a stay is to
    come or money is open. It cannot be taken back: on a terminal it says what there is, and asks."""
    found = in_transaction(_COMMAND, data_dir, lambda tx: erasure.known(tx, email=email))
    account = "an account and " if found.account is not None else ""
    bookings = count(found.bookings, "booking")
    confirm(f"This address has {account}{bookings}; who it was is forgotten for good. Erase?", yes=yes)
    # Its target is no address: what was erased would stand in the record of it.
    with operation("guest.erase", target="guest", dry_run=False, environ=os.environ, clock=utc_now) as act:
        try:
            done = in_transaction(
                _COMMAND, data_dir, lambda tx: erasure.erase_address(tx, email=email, now=utc_now())
            )
        except NotToBeErasedYet as refusal:
            raise Refused(
                f"not yet: {refusal.detail}",
                *(f"  {name}: {', '.join(ids)}" for name, ids in refusal.extra.items()),
                "Cancel the stay, or wait until it is over and settled, and run this again.",
            ) from None
        act.tell(bookings=done, account=found.account is not None)
    print(f"{account}{count(done, 'booking')}: it is not known any more who that was.".capitalize())
    print("Backups have it until they are over: after a restore, erase again.")
    report_to_audit_log(data_dir)
