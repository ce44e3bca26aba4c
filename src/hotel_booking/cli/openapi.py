"""hotel-booking openapi"""

from __future__ import annotations

import typer

app = typer.Typer()


@app.command()
def openapi() -> None:
    """Print the OpenAPI 3.1 document of the REST API as JSON; needs no database."""
    import msgspec

    from hotel_booking.app import build
    from hotel_booking.core.config import Settings
    from hotel_booking.http.openapi import document as complete

    application = build(Settings(database_url="postgresql://localhost/none", environment="test"))
    document = msgspec.json.encode(complete(application))
    print(msgspec.json.format(document, indent=2).decode())
