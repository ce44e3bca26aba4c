"""The design system's components, live, where the platform is demonstrated or tested: /styleguide."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.params import QueryParameter

from hotel_booking.core.errors import NotFound
from hotel_booking.http.access import public
from hotel_booking.http.ui.forms import Form
from hotel_booking.http.ui.render import money, page

_FIRST = date(2026, 3, 9)
_SHARES = (0.62, 0.71, 0.68, 0.74, 0.91, 0.97, 0.83, 0.58, 0.55, 0.61, 0.66, 0.88, 0.94, 0.79)
_RATES = (118, 121, 120, 126, 149, 158, 139, 112, 110, 114, 119, 144, 152, 131)
_WRITTEN = [money(rate * 100, "EUR") for rate in _RATES]
_PICKED_UP = (4, 6, 2, 9, 14, 11, 3, 1, 0, 5, 7, 12, 8, 2)


class NotShownHere(NotFound):
    """The styleguide is part of the demo, not of a hotel's own panel."""

    code = "not_shown_here"


@get("/styleguide", opt=public(), include_in_schema=False)
async def styleguide(
    request: Request[Any, Any, State],
    direction: Annotated[str, QueryParameter(name="dir")] = "ltr",
    theme: str = "",
) -> Response[str]:
    """Every component with the markup that makes it."""
    if request.app.state.settings.environment == "production":
        raise NotShownHere("there is no such page", fix="start hotel-booking demo to see the styleguide")
    filled = Form.of(
        name="Hotel Miramar", rate=129, arrival=_FIRST, plan="flexible", days=["5", "6"], breakfast=True
    )
    failed = Form.of(email="ada@", nights="400")
    failed.wrong("email", "must be an email address such as ada@example.com")
    failed.wrong("nights", "must be a whole number from 1 to 90")
    nights = [_FIRST + timedelta(days=number) for number in range(len(_SHARES))]
    return page(
        request,
        "styleguide/styleguide.html",
        dir="rtl" if direction == "rtl" else "ltr",
        theme=theme if theme in ("light", "dark") else "",
        may=lambda *_: True,
        filled=filled,
        failed=failed,
        plain=Form.of(),
        occupancy={
            "x": nights,
            "series": [
                {"label": "Occupancy", "values": _SHARES, "kind": "bars", "format": "percent"},
                {"label": "ADR", "values": _RATES, "texts": _WRITTEN, "kind": "line", "format": "money"},
            ],
        },
        pick_up={
            "x": nights,
            "series": [
                {"label": "Rooms picked up", "values": _PICKED_UP, "kind": "bars", "format": "count"},
            ],
        },
        revenue={
            "x": nights,
            "series": [
                {"label": "RevPAR", "values": _RATES, "texts": _WRITTEN, "kind": "line", "format": "money"},
            ],
        },
    )


handlers = [styleguide]
