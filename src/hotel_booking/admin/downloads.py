"""Reports and lists as files: sent as they are read, after the audit log was told.

A form asks for one (a GET changes nothing, and the log is written to), and says how numbers stand in it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import date

import msgspec
from litestar.response import Stream

from hotel_booking.core.db import Database
from hotel_booking.core.spreadsheets import Style
from hotel_booking.domains.reporting import exports
from hotel_booking.domains.reporting.exports import Cells
from hotel_booking.http.ui.forms import Form

STYLES: dict[Style, str] = {
    "comma": "Commas, 1234.50",
    "semicolon": "Semicolons, 1234,50",
}
_NO_NAME = re.compile(r"[^A-Za-z0-9.-]+")


def style_of(form: Form) -> Style:
    """How numbers are to stand in the file; what is wrong with it stands beside its field."""
    chosen = form.choice("style", STYLES)
    return msgspec.convert(chosen, Style) if chosen else "comma"


async def download(
    database: Database,
    table: str,
    rows: AsyncIterator[Cells],
    style: Style,
    *,
    property_ids: Iterable[int] | None,
    asked: Mapping[str, object],
    named: Iterable[object],
) -> Stream:
    """The file, named after what is in it; the audit log knows of it before the first line leaves."""
    async with database.transaction() as tx:
        await exports.note(tx, table, property_ids=property_ids, asked=asked)
    parts = [table, *(part.isoformat() if isinstance(part, date) else str(part) for part in named if part)]
    name = _NO_NAME.sub("-", "-".join(parts))[:120]
    return Stream(
        exports.file(table, rows, style),
        media_type="text/csv",
        headers={"content-disposition": f'attachment; filename="{name}.csv"'},
    )
