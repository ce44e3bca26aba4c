"""How prices, reasons and policies word dates and rates: plain English, for people."""

from __future__ import annotations

from datetime import date

# Not strftime's %B: that follows whatever locale the process was given.
_MONTHS = ("January February March April May June July August September October November December").split()


def day(when: date) -> str:
    """10 March. The year goes without saying: it is that of the stay asked for."""
    return f"{when.day} {_MONTHS[when.month - 1]}"


def percent(ppm: int) -> str:
    """Parts per million as per cent: 190_000 is 19%, -77_500 is -7.75%."""
    whole, part = divmod(abs(ppm), 10_000)
    decimals = f".{part:04d}".rstrip("0").rstrip(".")
    return f"{'-' if ppm < 0 else ''}{whole}{decimals}%"
