"""What every page of the catalogue has: the property with its tabs, forms as values, refusals shown."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import date, datetime, time
from typing import Any, Literal, Protocol, TypeVar, get_type_hints

import msgspec
from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.admin.acts import Refused, carry_out
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Conflict, DomainError
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties.catalogue import Property
from hotel_booking.domains.properties.errors import ChangedMeanwhile
from hotel_booking.domains.properties.types import Use
from hotel_booking.domains.rates.removal import priced_nights
from hotel_booking.http.access import caller_of
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import day, page

T = TypeVar("T")

_DATE = re.compile(r"\b20\d\d-\d\d-\d\d\b")
CODE_HINT = "use letters, digits, - and _, at most 40 of them"
_PATTERNS = {
    "code": CODE_HINT,
    "slug": "use lower-case letters, digits and hyphens, such as sea-view",
    "country": "choose a country",
}

# What msgspec says, and what that means beside a field.
_PROBLEMS = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"Expected `(?:int|float)` >= (\S+)", "must be at least {}"),
        (r"Expected `(?:int|float)` <= (\S+)", "must be at most {}"),
        (r"Expected `str` of length >= 1\b", "must be filled in"),
        (r"Expected `str` of length >= (\d+)", "must have at least {} characters"),
        (r"Expected `str` of length <= (\d+)", "is longer than {} characters"),
        (r"Expected `array` of length >= (\d+)", "must have at least {} entries"),
        (r"Expected `array` of length <= (\d+)", "has more than {} entries"),
        (r"Invalid enum value", "must be one of the options"),
        (r"Object missing required field", "must be filled in"),
    )
)


def show(
    request: Request[Any, Any, State], template: str, property_: Property, *, status: int = 200, **values: Any
) -> Response[str]:
    """A page about a property. Templates also see it as `property`, its address as `base`, and `may_edit`."""
    return page(
        request,
        f"catalogue/{template}",
        status=status,
        property=property_,
        base=f"/admin/properties/{property_.slug}",
        may_edit=caller_of(request.scope).may(Permission.CATALOGUE_EDIT, property_.id),
        **values,
    )


def shaped(form: Form, kind: type[T], values: Mapping[str, Any]) -> T:
    """The values as the type that the API reads too. Whatever does not fit is noted beside its field, all of
    it at once; raises `FormProblems` then."""
    hints = get_type_hints(kind, include_extras=True)
    for name, value in values.items():
        # A field that could not be read is None by now, and is noted already.
        if name in hints and name not in form.errors:
            _fits(form, name, value, hints[name])
    form.check()
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$")
        field = where.strip("`.").partition("[")[0].partition(".")[0]
        form.wrong(field if field in form.names() else "", _PATTERNS.get(field) or _in_words(problem))
        form.check()
        raise


def _fits(form: Form, name: str, value: Any, kind: Any) -> None:
    try:
        msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        problem = str(error).partition(" - at `$")[0]
        form.wrong(name if name in form.names() else "", _PATTERNS.get(name) or _in_words(problem))


def _in_words(problem: str) -> str:
    """What msgspec says of a value, for who filled in a form: without the types and fields of programs."""
    for pattern, words in _PROBLEMS:
        if found := pattern.match(problem):
            return words.format(*found.groups())
    return "can’t be read"


def clock(form: Form, name: str) -> time | None:
    """A time of the day, as time fields send it."""
    text = form.text(name, required=True, longest=12)
    try:
        found = time.fromisoformat(text)
    except ValueError:
        form.wrong(name, "must be a time such as 15:00")
        return None
    if found.tzinfo is not None:
        form.wrong(name, "must be a time such as 15:00")
        return None
    return found


def _day(found: re.Match[str]) -> str:
    """A date that the business names, as staff read dates."""
    try:
        return day(date.fromisoformat(found[0]), "d MMMM y")
    except ValueError:
        return found[0]


def is_code(text: str) -> bool:
    """Whether a text can be the code of something."""
    return re.fullmatch("[A-Za-z0-9_-]{1,40}", text) is not None


def version_of(form: Form) -> int:
    """The version that was edited."""
    return form.whole("version", 1, LARGEST_INTEGER, required=True) or 0


def refused(
    form: Form, error: DomainError, *, current: Form | None = None, names: Mapping[str, str] | None = None
) -> tuple[Form, int]:
    """The form to be shown again and the status to answer with. `current` is the form as it would be shown
    now: where somebody else was faster, it says beside each field what that is by now, and whoever saves once
    more knows what they replace. `names` are fields of the form by the names that the business has for them.
    """
    if isinstance(error, ChangedMeanwhile) and current is not None:
        return _compared(form, error, current), 409
    error.detail = _DATE.sub(_day, error.detail)
    if error.field is not None and names is not None:
        error.field = names.get(error.field, error.field)
    return form.failed(error), 409 if isinstance(error, Conflict) else 422


def _compared(form: Form, error: ChangedMeanwhile, current: Form) -> Form:
    values = {name: form.many(name) for name in form.names()}
    # What says which state was edited is that of now: whoever saves once more has seen it.
    seen = {name: current.many(name) for name in current.names() if _says_state(name)}
    compared = Form({**values, **seen})
    for name in current.names():
        # A field that is empty is sent as an empty text, or not at all.
        now, typed = (list(filter(None, one.many(name))) for one in (current, form))
        if not _says_state(name) and now != typed:
            shown = ", ".join(now)
            compared.wrong(name, f"is now: {shown[:200]}" if shown else "is empty now")
    who = error.extra.get("by")
    compared.errors[""] = (
        f"{who or 'Someone else'} has changed this since you opened it. The current values are next to the"
        " fields; save again to replace them with yours."
    )
    return compared


def _says_state(name: str) -> bool:
    return name == "version" or name.startswith("was-")


_LINKS = {
    "bookings_to_come": "/admin/bookings",
    "bookings_past": "/admin/bookings",
    "room_types": "{base}/room-types",
    "rooms": "{base}/rooms",
    "rate_plans": "{base}/plans",
    "derived_plans": "{base}/plans",
    "stays": "/admin/bookings",
    "staff": "/admin/staff",
    "keys": "/admin/keys",
}
_WORDS = {
    "bookings_to_come": ("upcoming booking has it", "upcoming bookings have it"),
    "bookings_past": ("past or cancelled booking refers to it", "past or cancelled bookings refer to it"),
    "open_quotes": ("guest is about to book it", "guests are about to book it"),
    "room_types": ("room type", "room types"),
    "rooms": ("room", "rooms"),
    "rate_plans": ("rate plan", "rate plans"),
    "derived_plans": ("rate plan derives from it", "rate plans derive from it"),
    "stays": ("stay in it", "stays in it"),
    "blocks": ("time out of order", "times out of order"),
    "staff": ("member of staff has a role here", "members of staff have a role here"),
    "keys": ("API key is limited to it", "API keys are limited to it"),
}


class Coded(Protocol):
    """What has a code and a name."""

    @property
    def code(self) -> str: ...

    @property
    def name(self) -> str: ...


class Need(msgspec.Struct, frozen=True):
    """A line of what stands in the way: "3 rate plans derive from it", with where to look."""

    text: str
    href: str | None
    names: tuple[str, ...]


def needs(uses: Iterable[Use], base: str) -> list[Need]:
    """Where something is needed, in words and with links."""
    return [
        Need(
            f"{use.count:,} {_WORDS[use.kind][use.count != 1]}",
            _LINKS[use.kind].format(base=base) if use.kind in _LINKS else None,
            use.names,
        )
        for use in uses
    ]


async def removal_page(
    request: Request[Any, Any, State],
    property_: Property,
    *,
    what: str,
    back: str,
    uses: Iterable[Use],
    version: int,
    goes_too: Iterable[str] = (),
    deactivate: bool = False,
    close_nights: bool = False,
    error: DomainError | None = None,
) -> Response[str]:
    """Asks before something is removed, or says why it cannot be and what can be done instead: take it off
    sale (`deactivate`), or close its nights where bookings to come forbid that too."""
    form = Form.of(version=version)
    status = 200
    if error is not None:
        form, status = refused(form, error)
    return show(
        request,
        "remove.html",
        property_,
        status=status,
        form=form,
        what=what,
        back=back,
        needs=needs(uses, f"/admin/properties/{property_.slug}"),
        goes_too=list(goes_too),
        deactivate=deactivate,
        close_nights=close_nights,
    )


async def texts_and_prices(
    tx: Transaction,
    property_: Property,
    column: Literal["room_type_id", "rate_plan_id"],
    row_id: int,
    now: datetime,
) -> list[str]:
    """What goes with a room type or a rate plan, in words."""
    today = business_date(now, property_.timezone, property_.day_end_time)
    nights = await priced_nights(tx, column=column, row_id=row_id, today=today)
    return ["its texts", *([f"its prices for {nights} nights to come"] if nights else [])]


async def remove(
    request: Request[Any, Any, State],
    tx: Transaction,
    what: str,
    act: Callable[[int], Awaitable[None]],
    *,
    to: str,
    refused: Refused,
) -> Response[Any]:
    """Remove what was asked about, at the version that was seen, and go on to the page `to`; where that is
    refused, `refused` is the page that asks, saying why."""
    form = await read(request)

    async def done() -> str:
        version = version_of(form)
        form.check()
        await act(version)
        return f"{what} has been removed."

    return await carry_out(request, tx, done, to=to, refused=refused)


def choices(rows: Iterable[Coded]) -> list[tuple[str, str]]:
    """Codes and names, for a select."""
    return [(row.code, f"{row.name} ({row.code})" if row.name != row.code else row.code) for row in rows]
