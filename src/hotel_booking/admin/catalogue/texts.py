"""Names and descriptions in other languages, side by side with what they translate.

/admin/properties/{slug}/texts?language=de
"""

from __future__ import annotations

from typing import Any, NamedTuple

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.catalogue import frame, select_options
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties import queries, tables
from hotel_booking.domains.properties.catalogue import Property, RoomType
from hotel_booking.domains.properties.errors import ChangedMeanwhile
from hotel_booking.domains.properties.service import translations as service
from hotel_booking.domains.properties.types import TranslatedKind
from hotel_booking.domains.rates import plans
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.tables import rate_plan
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import query, see_other

_FIELDS = {"name": 200, "description": 5000}


class Original(NamedTuple):
    """What is translated: the fields of its texts in the form are `<key>-name` and `<key>-description`."""

    kind: TranslatedKind
    row: Property | RoomType | RatePlan
    what: str

    @property
    def key(self) -> str:
        """The beginning of its fields' names."""
        return f"{self.kind}-{self.row.id}"

    def lacks(self, field: str, translated: str | None) -> bool:
        """Whether guests of another language miss this text. A hotel's own name is the same everywhere."""
        own_name = (self.kind, field) == ("property", "name")
        return bool(getattr(self.row, field)) and not translated and not own_name


@get("/properties/{slug:str}/texts", opt=staff(Permission.CATALOGUE_VIEW))
async def show_texts(
    request: Request[Any, Any, State], tx: Transaction, slug: str, language: str = ""
) -> Response[str]:
    """The texts of one language beside those that they translate."""
    property_ = await queries.property_by_slug(tx, slug)
    return await _show(request, tx, property_, _chosen(property_, language), None)


@post("/properties/{slug:str}/texts", opt=staff(Permission.CATALOGUE_EDIT))
async def change_texts(request: Request[Any, Any, State], tx: Transaction, slug: str) -> Response[Any]:
    """Write the texts of one language."""
    property_ = await queries.property_by_slug(tx, slug, lock=True)
    form = await read(request)
    language = _chosen(property_, form.value("language"))
    originals = await _originals(tx, property_)
    found = await queries.translations(tx, property_.id)
    try:
        texts = {
            original.key: {
                field: form.text(f"{original.key}-{field}", longest=longest)
                for field, longest in _FIELDS.items()
                if f"{original.key}-{field}" in form.names()
            }
            for original in originals
        }
        form.check()
        async with tx.savepoint():  # a refused page shows the texts that there are
            for original in originals:
                now = found.get((original.kind, original.row.id), {}).get(language, {})
                await _check_untouched(tx, form, original, now)
                changed = await service.write(
                    tx,
                    property_id=property_.id,
                    kind=original.kind,
                    object_id=original.row.id,
                    language=language,
                    texts=texts[original.key],
                )
                if changed:
                    await plans.raise_version(tx, original.kind, original.row.id)
    except DomainError as error:
        current = _filled(originals, found, language)
        form, status = frame.refused(form, error, current=current)
        return await _show(request, tx, property_, language, form, status=status)
    where = query(f"/admin/properties/{slug}/texts", language=language)
    return see_other(
        request, where, notice=f"The texts in {select_options.language_names()[language]} have been saved."
    )


async def _check_untouched(tx: Transaction, form: Form, original: Original, now: dict[str, str]) -> None:
    """What a field held when the form was made is sent along: a text has no version of its own."""
    for field in _FIELDS:
        name = f"{original.key}-{field}"
        if f"was-{name}" in form.names() and _plain(form.value(f"was-{name}")) != now.get(field, ""):
            who = await queries.last_changed_by(tx, "text", original.row.id)
            raise ChangedMeanwhile("a text was changed by someone else", field=name, extra={"by": who})


def _plain(text: str) -> str:
    return text.strip().replace("\r\n", "\n")


def _chosen(property_: Property, language: str) -> str:
    others = [code for code in LANGUAGES if code != property_.language]
    return language if language in others else others[0]


async def _originals(tx: Transaction, property_: Property) -> list[Original]:
    kinds = await queries.list_items(tx, tables.room_type, property_.id)
    plans = await queries.list_items(tx, rate_plan, property_.id)
    return [
        Original("property", property_, "The hotel"),
        *(Original("room_type", row, "Room type") for row in kinds),
        *(Original("rate_plan", row, "Rate plan") for row in plans),
    ]


def _filled(
    originals: list[Original], found: dict[tuple[str, int], dict[str, dict[str, str]]], language: str
) -> Form:
    values = {}
    for original in originals:
        texts = found.get((original.kind, original.row.id), {}).get(language, {})
        for field in _FIELDS:
            values[f"{original.key}-{field}"] = texts.get(field, "")
            values[f"was-{original.key}-{field}"] = texts.get(field, "")
    return Form.of(**values)


async def _show(
    request: Request[Any, Any, State],
    tx: Transaction,
    property_: Property,
    language: str,
    form: Form | None,
    *,
    status: int = 200,
) -> Response[str]:
    originals = await _originals(tx, property_)
    found = await queries.translations(tx, property_.id)
    missing = {}
    for code in LANGUAGES:
        texts = [found.get((original.kind, original.row.id), {}).get(code, {}) for original in originals]
        missing[code] = sum(
            original.lacks(field, own.get(field))
            for original, own in zip(originals, texts, strict=True)
            for field in _FIELDS
        )
    return frame.show(
        request,
        "texts.html",
        property_,
        status=status,
        form=form or _filled(originals, found, language),
        originals=originals,
        language=language,
        languages=LANGUAGES,
        names=select_options.language_names(),
        missing=missing,
    )


handlers = [show_texts, change_texts]
