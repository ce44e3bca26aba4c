"""hotel-booking incident action|done|post-mortem|report: what comes after an incident."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any

import typer

from hotel_booking.cli.database import DataDir
from hotel_booking.cli.days import SHAPE, day
from hotel_booking.cli.incident_acts import By, Number, act, read
from hotel_booking.core.integers import LARGEST_INTEGER

app = typer.Typer()


@app.command()
def action(
    number: Number,
    what: Annotated[str, typer.Argument(help="What is to be done.")],
    owner: Annotated[str, typer.Option(help="Who does it.")],
    due: Annotated[date | None, typer.Option(parser=day, metavar=SHAPE, help="By which day.")] = None,
    by: By = "",
    data_dir: DataDir = None,
) -> None:
    """Note something to be done, tracked until it is."""
    from hotel_booking.domains.incidents import service

    made = act(
        data_dir,
        lambda tx, actor, now: service.add_action(
            tx,
            incident_id=number,
            what=what,
            owner=owner,
            due_on=due,
            by=actor,
            now=now,
        ),
        by,
    )
    print(f"Action {made}. When it is done: hotel-booking incident done {number} {made}")


@app.command()
def done(
    number: Number,
    action_id: Annotated[int, typer.Argument(help="The action's number.", min=1, max=LARGEST_INTEGER)],
    by: By = "",
    data_dir: DataDir = None,
) -> None:
    """An action is done."""
    from hotel_booking.domains.incidents import service

    act(
        data_dir,
        lambda tx, actor, now: service.finish_action(
            tx, incident_id=number, action_id=action_id, by=actor, now=now
        ),
        by,
    )
    print(f"Action {action_id} is done.")


@app.command("actions")
def list_actions(data_dir: DataDir = None) -> None:
    """What remains to be done of all incidents, the earliest due first."""
    from hotel_booking.domains.incidents import queries

    found = read(data_dir, lambda tx, _now: queries.open_actions(tx))
    if not found:
        print("Nothing remains to be done.")
    for action in found:
        print(f"{action.incident_id}/{action.id}  {action.due_on or 'no day'}  {action.owner}: {action.what}")


@app.command("post-mortem")
def post_mortem(number: Number, data_dir: DataDir = None) -> None:
    """Print the post-mortem document, as Markdown."""
    from hotel_booking.domains.incidents.document import document_of

    print(read(data_dir, lambda tx, _now: document_of(tx, number)), end="")


@app.command()
def report(
    days: Annotated[int, typer.Option(help="Of how many days back.", min=1, max=3660)] = 90,
    data_dir: DataDir = None,
) -> None:
    """Mean times to acknowledge (MTTA) and to resolve (MTTR), by severity."""
    from hotel_booking.cli.screen import listing, screen
    from hotel_booking.domains.incidents import queries
    from hotel_booking.domains.incidents.post_mortem import lasted

    def shown(seconds: float | None) -> str:
        return "—" if seconds is None else lasted(seconds)

    async def look(tx: Any, now: datetime) -> Any:
        return await queries.times(tx, since=now - timedelta(days=days), until=now + timedelta(seconds=1))

    table = listing("severity", "incidents", "not resolved", "MTTA", "MTTR", "longest")
    for one in read(data_dir, look):
        table.add_row(
            one.severity,
            str(one.incidents),
            str(one.unresolved),
            shown(one.mtta),
            shown(one.mttr),
            shown(one.longest),
        )
    screen().print(table)
