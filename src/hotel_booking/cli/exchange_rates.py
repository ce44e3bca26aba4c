"""hotel-booking exchange-rates show | set | fetch"""

from __future__ import annotations

import asyncio
import os
import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import typer

from hotel_booking.cli.database import DataDir, database_url
from hotel_booking.cli.days import SHAPE, day
from hotel_booking.cli.screen import Json, listing, print_json, screen
from hotel_booking.cli.transactions import in_transaction
from hotel_booking.core.counting import count

app = typer.Typer(no_args_is_help=True)
_COMMAND = "exchange-rates"


@app.callback()
def _verbs() -> None:
    """What prices of several currencies are compared and added up by. Nothing is ever charged by them."""


@app.command()
def show(as_json: Json = False, data_dir: DataDir = None) -> None:
    """Every rate with its day, its age and who said so."""
    with database_url(data_dir) as url:
        asyncio.run(_show(url, as_json=as_json))


@app.command("set")
def enter(
    currency: Annotated[str, typer.Argument(help="ISO 4217 code, such as RSD.")],
    per_euro: Annotated[str, typer.Argument(help="What one euro is worth, such as 117.2.")],
    as_of: Annotated[
        date | None,
        typer.Option("--as-of", parser=day, metavar=SHAPE, help="The day it is of; today unless given."),
    ] = None,
    accept_jump: Annotated[
        bool, typer.Option("--accept-jump", help="It has moved by more than a quarter, and is right.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Enter a rate by hand, for a currency that the European Central Bank has none for. One that it has is
    replaced by the bank's at the next fetch."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.core.iso_codes import CURRENCIES
    from hotel_booking.domains.exchange import service

    rate, now = _rate(per_euro), utc_now()
    of = as_of or now.date()

    async def entering(tx: Any) -> None:
        await service.enter(
            tx,
            currency=currency.upper(),
            per_euro=rate,
            as_of=of,
            known=CURRENCIES,
            now=now,
            jumps=accept_jump,
        )

    in_transaction(_COMMAND, data_dir, entering)
    print(f"One euro is {rate} {currency.upper()}, as of {of}.")


@app.command()
def fetch(
    accept_jumps: Annotated[
        bool, typer.Option(help="Take rates too that have moved by more than a quarter; look at them first.")
    ] = False,
    url: Annotated[
        str | None, typer.Option(help="Ask here instead of where HOTEL_EXCHANGE_RATES_URL says.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Ask the source now, as the worker does every three hours."""
    from hotel_booking.core.config import ECB_RATES
    from hotel_booking.core.setting import ConfigError

    address = url if url is not None else os.environ.get("HOTEL_EXCHANGE_RATES_URL", ECB_RATES)
    if not address:
        raise ConfigError(["HOTEL_EXCHANGE_RATES_URL is empty: no exchange rates are fetched"])
    with database_url(data_dir) as database:
        asyncio.run(_fetch(database, address, jumps=accept_jumps))


def _rate(text: str) -> Decimal:
    """A rate as programs write it. 1.171 is one rate and no thousands, so nothing is grouped here."""
    from hotel_booking.domains.exchange.errors import InvalidRate

    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise InvalidRate(
            f"{text[:40]!r} is not a rate", fix="write it with a point and without thousands, such as 117.2"
        )
    return Decimal(text)


async def _show(url: str, *, as_json: bool) -> None:
    from hotel_booking.core.clock import utc_now
    from hotel_booking.core.db import Database
    from hotel_booking.domains.exchange.queries import known_rates

    async with Database.open(url, size=1) as db, db.transaction() as tx:
        rates = await known_rates(tx)
    if as_json:
        print_json(rates)
        return
    if not rates:
        print(
            "No exchange rate is known. `hotel-booking exchange-rates fetch` asks the European Central Bank."
        )
        return
    table = listing("currency", "one euro is", "of", "days old", "by")
    for rate in rates:
        age = max((utc_now().date() - rate.as_of).days, 0)
        table.add_row(rate.currency, f"{rate.per_euro:f}", str(rate.as_of), str(age), rate.source)
    screen().print(table)


async def _fetch(url: str, address: str, *, jumps: bool) -> None:
    from hotel_booking.core.clock import utc_now
    from hotel_booking.core.db import Database, Origin
    from hotel_booking.domains.exchange import service
    from hotel_booking.integrations.ecb import EcbRates

    published = await EcbRates(address).daily()
    origin = Origin("command", name=f"hotel-booking {_COMMAND}")
    async with Database.open(url, size=1) as db, db.acting(origin).transaction() as tx:
        taken = await service.take(tx, published=published, now=utc_now(), jumps=jumps)
    print(f"{count(taken.used, 'rate')} of {taken.as_of} {'is' if taken.used == 1 else 'are'} used.")
    for currency, reason in taken.refused.items():
        print(f"{currency} stays as it was: {reason}")
