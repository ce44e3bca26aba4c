"""Forms: what was typed, read field by field; what is wrong, kept beside the field it belongs to.

    form = await read(request)
    try:
        name = form.text("name", required=True, longest=200)
        price = form.money("price", "EUR", required=True)
        form.check()
        await service.create(tx, ...)
    except DomainError as error:
        return page(request, "thing/form.html", status=422, form=form.failed(error), ...)
    return see_other(request, "/admin/things", notice="Saved.")

The page shows `form.value("name")` and `form.errors.get("name")` again; `form.errors[""]` is for the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from litestar import Request
from litestar.datastructures import State, UploadFile

from hotel_booking.core.amounts import read_money, read_percent
from hotel_booking.core.errors import DomainError, Invalid, sentence
from hotel_booking.core.money import MAX_AMOUNT
from hotel_booking.core.typed_numbers import plain_digits
from hotel_booking.http.problems import MalformedRequest, UnsupportedMedia

_MEDIA = ("application/x-www-form-urlencoded", "multipart/form-data")
_LONGEST = 100_000
_MEMBER = re.compile(r"[.\[]")  # begins a member of a field: rooms[0], rooms.1
_MOST_SHOWN = 2**50  # minor units: more than any booking comes to
_MOST_FIELDS = 10_000  # a year of prices of some room types
# Around a text: blanks of every kind, and marks of direction, which are pasted along unseen.
_AROUND = "".join(letter for letter in map(chr, range(0x3001)) if letter.isspace()) + (
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


T = TypeVar("T")


class FormProblems(Invalid):
    """Fields of a form are not as they should be; the form says which."""

    code = "form_problems"


class Form:
    """A form as it was sent, or as it is shown at first (`of`)."""

    def __init__(self, values: dict[str, list[str]], files: dict[str, UploadFile] | None = None) -> None:
        self._values = values
        self._files = files or {}
        self.errors: dict[str, str] = {}

    @classmethod
    def of(cls, **values: Any) -> Form:
        """A form that is filled in already: texts, numbers, dates, flags, lists of them."""
        return cls({name: _texts(value) for name, value in values.items()})

    def value(self, name: str) -> str:
        """What stands in a field, to show it again."""
        return next(iter(self._values.get(name, ())), "")

    def many(self, name: str) -> list[str]:
        """All that was chosen under a name."""
        return list(self._values.get(name, ()))

    def names(self) -> list[str]:
        """The names of all fields that were sent."""
        return list(self._values)

    def flag(self, name: str) -> bool:
        """Whether a box is ticked."""
        return self.value(name) not in ("", "false", "0")

    def file(self, name: str) -> UploadFile | None:
        """An uploaded file; None where none was chosen."""
        file = self._files.get(name)
        return file if file is not None and file.filename else None

    def text(self, name: str, *, required: bool = False, longest: int = 2000) -> str:
        """A text without the space around it, nor the marks of direction that are pasted along."""
        text = self.value(name).strip(_AROUND).replace("\r\n", "\n")
        if "\x00" in text:
            return self._wrong(name, "contains a character that can’t be stored", "")
        if required and not text:
            return self._wrong(name, "must be filled in", "")
        if len(text) > longest:
            return self._wrong(name, f"is longer than {longest} characters", "")
        return text

    def whole(self, name: str, low: int, high: int, *, required: bool = False) -> int | None:
        """A whole number from `low` to `high`; None where the field is empty."""
        text = self.text(name, required=required, longest=30)
        if not text:
            return None
        text = plain_digits(text)
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal()) or not low <= int(text) <= high:
            return self._wrong(name, f"must be a whole number from {low} to {high}", None)
        return int(text)

    def shown_amount(self, name: str, *, required: bool = False) -> int | None:
        """An amount in minor units that the page showed and its form sends back; None where the field is
        empty. Whether it is still the right one says who carries the request out."""
        return self.whole(name, 0, _MOST_SHOWN, required=required)

    def day(self, name: str, *, required: bool = False) -> date | None:
        """A date as date fields send it; None where the field is empty."""
        text = self.text(name, required=required, longest=30)
        if not text:
            return None
        try:
            found = date.fromisoformat(plain_digits(text))
        except ValueError:
            return self._wrong(name, "must be a date, written YYYY-MM-DD", None)
        if not 2000 <= found.year < 2100:
            return self._wrong(name, "must be a date between 2000 and 2100", None)
        return found

    def money(
        self, name: str, currency: str, *, required: bool = False, low: int = 0, high: int = MAX_AMOUNT
    ) -> int | None:
        """An amount in major units, as `core.amounts` reads it, in minor units; None where the field is
        empty."""
        text = self.text(name, required=required, longest=60)
        if not text:
            return None
        try:
            found = read_money(text, currency)
        except Invalid as error:
            return self._wrong(name, _with_fix(error), None)
        if not low <= found <= high:
            return self._wrong(name, "is too small" if found < low else "is too large", None)
        return found

    def percent(self, name: str, *, required: bool = False, low: int = 0, high: int = 100) -> int | None:
        """A percentage from `low` to `high` in parts per million; None where the field is empty."""
        text = self.text(name, required=required, longest=60)
        if not text:
            return None
        try:
            return read_percent(text, low=low, high=high)
        except Invalid as error:
            return self._wrong(name, _with_fix(error), None)

    def choice(self, name: str, among: Iterable[str], *, required: bool = True) -> str:
        """One of the given values."""
        text = self.text(name, required=required, longest=300)
        if text and text not in set(among):
            return self._wrong(name, "must be one of the options", "")
        return text

    def choices(self, name: str, among: Iterable[str]) -> list[str]:
        """Some of the given values, in their own order."""
        chosen, known = set(self.many(name)), list(among)
        if not chosen <= set(known):
            return self._wrong(name, "must be one of the options", list[str]())
        return [value for value in known if value in chosen]

    def wrong(self, name: str, message: str) -> None:
        """Note what is wrong with a field ("" for the whole form); it is told as a sentence."""
        self.errors.setdefault(name, sentence(message))

    def check(self) -> None:
        """Raise `FormProblems` where anything is wrong."""
        if self.errors:
            raise FormProblems("please check the fields below")

    def failed(self, error: DomainError) -> Form:
        """The form with an error of the business beside the field it names."""
        if not isinstance(error, FormProblems):
            whole = _MEMBER.split(error.field or "", maxsplit=1)[0]
            name = next((name for name in (error.field, whole) if name in self._values), None)
            self.wrong(name or "", _with_fix(error))
        return self

    def _wrong(self, name: str, message: str, default: T) -> T:
        self.wrong(name, message)
        return default


async def read(request: Request[Any, Any, State]) -> Form:
    """The form that a request carries. Raises `UnsupportedMedia` for anything else."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in _MEDIA:
        raise UnsupportedMedia("the body must be a form", fix="submit the form from its page")
    values: dict[str, list[str]] = {}
    files: dict[str, UploadFile] = {}
    for name, value in await _fields(request, media):
        if isinstance(value, UploadFile):
            files[name] = value
        else:
            values.setdefault(name, []).append(str(value)[:_LONGEST])
    return Form(values, files)


async def _fields(request: Request[Any, Any, State], media: str) -> Iterable[tuple[str, Any]]:
    if media != _MEDIA[0]:
        return (await request.form()).multi_items()
    return urlencoded(await request.body())


def urlencoded(body: bytes) -> list[tuple[str, str]]:
    """The fields of a form that was sent plain. Litestar's own reading keeps the last thousand bodies in
    memory, with what guests typed in them. Raises `MalformedRequest` for more fields than any form has."""
    try:
        return parse_qsl(body.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise MalformedRequest(f"the form has more than {_MOST_FIELDS} fields") from None


def _with_fix(error: DomainError) -> str:
    """What is wrong, and what would work: one sentence, or two where the first has its colon already."""
    if error.fix is None:
        return error.detail
    if ": " in error.detail:
        return f"{error.detail}. {sentence(error.fix)}"
    return f"{error.detail}: {error.fix}"


def _texts(value: Any) -> list[str]:
    if value is None or value is False or value == "":
        return []
    if value is True:
        return ["true"]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [str(item) for item in value]
    return [str(value)]
