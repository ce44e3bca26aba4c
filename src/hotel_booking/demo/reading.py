"""Reads the demo's tables: TOML beside the code, each read once and checked against its type."""

from __future__ import annotations

from importlib.resources import files
from typing import TypeVar

import msgspec.toml

_T = TypeVar("_T")


def read(name: str, kind: type[_T]) -> _T:
    """The table `name`.toml. Raises `msgspec.ValidationError`, which says where, on what `kind` does not know
    or lacks."""
    text = (files("hotel_booking.demo") / f"{name}.toml").read_text(encoding="utf-8")
    try:
        return msgspec.toml.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(f"{name}.toml: {error}") from None
