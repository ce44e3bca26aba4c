"""How help reads at a terminal: paragraphs that fill its lines, and what an option takes in people's words.

The library prints a docstring's line breaks where the screen has others, and types by their names in
Python."""

from __future__ import annotations

import inspect
from typing import Any

import typer

_TAKES = {
    "<bool>": "",  # a flag takes nothing
    "<int>": "<number>",
    "<int range>": "<number>",
    "<float range>": "<number>",
    "<str>": "<text>",
    "<list[str]>": "<text>",
    "<list[int]>": "<number>",
    "<list[Path]>": "<path>",
}


def made_readable(command: Any) -> None:
    """Of a command, and of those below it."""
    if command.help:
        paragraphs = inspect.cleandoc(command.help).split("\n\n")
        command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    for option in (*command.params, command.get_help_option(typer.Context(command))):
        if option.param_type_name == "option" and option.metavar is None:
            option.metavar = _TAKES.get(option.display_type(None))
    for below in getattr(command, "commands", {}).values():
        made_readable(below)
