"""hotel-booking permissions: which role may do what, from the code itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hotel_booking.core.setting import ConfigError
from hotel_booking.core.whole_files import replace_file
from hotel_booking.domains.identity.permissions import as_markdown

app = typer.Typer()

BEGIN, END = "<!-- begin: hotel-booking permissions -->\n", "<!-- end -->\n"


@app.command()
def permissions(
    write: Annotated[
        Path | None, typer.Option("--write", help="A Markdown file whose marked part is brought up to date.")
    ] = None,
) -> None:
    """Print the table role x permission in Markdown, or bring a document up to date with it."""
    if write is None:
        typer.echo(as_markdown(), nl=False)
        return
    try:
        text = write.read_text()
        head, rest = text.split(BEGIN)
        tail = rest.split(END, 1)[1]
    except OSError as error:
        raise ConfigError([f"{write} cannot be read: {error.strerror}"]) from None
    except (ValueError, IndexError):  # ... of text: what is no UTF-8 has no such lines either
        ends = f"{BEGIN.strip()!r} and after it {END.strip()!r}"
        raise ConfigError([f"{write} has not the line {ends}, each once: the table goes between"]) from None
    try:
        replace_file(write, f"{head}{BEGIN}{as_markdown()}{END}{tail}".encode())
    except OSError as error:
        raise ConfigError([f"{write} cannot be written: {error.strerror}"]) from None
