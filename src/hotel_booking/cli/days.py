"""A day as an option of a command."""

from __future__ import annotations

from datetime import date

import typer

SHAPE = "<YYYY-MM-DD>"


def day(text: str) -> date:
    """Such as 2026-03-01. Raises what the command line says of a wrong option."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(f"{text[:40]!r} is no day such as 2026-03-01") from None
