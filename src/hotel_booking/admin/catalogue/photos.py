"""Photos of a property: uploaded, described, put in order, removed. All of it works by buttons alone.

The body of an upload is larger than that of any other request, so its limit is raised on that route only.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import Parameter

from hotel_booking.admin.catalogue import frame
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import Conflict, Invalid
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties import decoding, queries, tables
from hotel_booking.domains.properties.catalogue import Property
from hotel_booking.domains.properties.service import photos as service
from hotel_booking.domains.properties.types import MAX_PHOTO_BYTES, MOST_PHOTOS, MediaStore
from hotel_booking.http.access import staff
from hotel_booking.http.transactions import Unit
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import see_other

# The file, and room for the other fields and what stands between them.
# What is somewhat too large is read, so that the form comes back with its texts and says so.
_UPLOAD_LIMIT = 4 * MAX_PHOTO_BYTES

PhotoId = Annotated[int, Parameter(ge=1, le=LARGEST_INTEGER)]


@get("/properties/{slug:str}/photos", opt=staff(Permission.CATALOGUE_VIEW))
async def list_photos(request: Request[Any, Any, State], tx: Transaction, slug: str) -> Response[str]:
    """All photos in their order, and the form for one more."""
    return await _show(request, tx, await queries.property_by_slug(tx, slug), Form.of())


@post(
    "/properties/{slug:str}/photos",
    opt=staff(Permission.CATALOGUE_EDIT),
    request_max_body_size=_UPLOAD_LIMIT,
)
async def upload_photo(
    request: Request[Any, Any, State],
    database: Database,
    unit: Unit,
    media: MediaStore,
    now: datetime,
    slug: str,
) -> Response[Any]:
    """Add a photo. Its files are written before the transaction that makes its row begins."""
    async with database.transaction() as tx:
        property_ = await queries.property_by_slug(tx, slug)
    form = await read(request)
    try:
        alt = form.text("alt", required=True, longest=service.MAX_ALT)
        room_type = form.text("room_type", longest=40)
        file = form.file("file")
        if file is None:
            form.wrong("file", "choose a photo")
        form.check()
        if file is None:
            raise LookupError("a form that passed has its file")
        data = await file.read(MAX_PHOTO_BYTES + 1)
        renditions = await decoding.render(data)
        kept = await service.keep(media, renditions)
        await service.add(
            await unit.begin(), property_id=property_.id, kept=kept, alt=alt, room_type=room_type, now=now
        )
    except (Conflict, Invalid) as error:
        tx = await unit.begin()
        form, status = frame.refused(_with_file(form), error)
        return await _show(request, tx, property_, form, status=status)
    return see_other(request, f"/admin/properties/{slug}/photos", notice="The photo has been added.")


@post("/properties/{slug:str}/photos/{photo_id:int}", opt=staff(Permission.CATALOGUE_EDIT))
async def describe_photo(
    request: Request[Any, Any, State], tx: Transaction, slug: str, photo_id: PhotoId
) -> Response[Any]:
    """Say what a photo shows."""
    property_ = await queries.property_by_slug(tx, slug)
    form = await read(request)
    try:
        alt = form.text("alt", required=True, longest=service.MAX_ALT)
        room_type = form.text("room_type", longest=40)
        form.check()
        await service.describe(tx, property_id=property_.id, photo_id=photo_id, alt=alt, room_type=room_type)
    except (Conflict, Invalid) as error:
        form, status = frame.refused(form, error)
        return await _show(request, tx, property_, Form.of(), status=status, edited=(photo_id, form))
    return see_other(request, f"/admin/properties/{slug}/photos", notice="Saved.")


@post("/properties/{slug:str}/photos/{photo_id:int}/move", opt=staff(Permission.CATALOGUE_EDIT))
async def move_photo(
    request: Request[Any, Any, State], tx: Transaction, slug: str, photo_id: PhotoId
) -> Response[Any]:
    """Put a photo further to the front or the back; the first is the cover."""
    property_ = await queries.property_by_slug(tx, slug)
    form = await read(request)
    to = form.choice("to", ("up", "down", "first"))
    form.check()  # so that `to` is one of the three
    await service.move(tx, property_id=property_.id, photo_id=photo_id, to=to)  # type: ignore[arg-type]  # a str to mypy
    notice = "It is now the cover." if to == "first" else "Moved."
    return see_other(request, f"/admin/properties/{slug}/photos#photo-{photo_id}", notice=notice)


@post("/properties/{slug:str}/photos/{photo_id:int}/delete", opt=staff(Permission.CATALOGUE_EDIT))
async def delete_photo(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str, photo_id: PhotoId
) -> Response[Any]:
    """Remove a photo."""
    property_ = await queries.property_by_slug(tx, slug)
    await service.remove(tx, property_id=property_.id, photo_id=photo_id, now=now)
    return see_other(request, f"/admin/properties/{slug}/photos", notice="The photo has been removed.")


def _with_file(form: Form) -> Form:
    """With a field of that name, so that what is wrong with the file stands beside it."""
    values = {name: form.many(name) for name in form.names()}
    shown = Form({"file": [], **values})
    shown.errors = form.errors
    return shown


async def _show(
    request: Request[Any, Any, State],
    tx: Transaction,
    property_: Property,
    form: Form,
    *,
    status: int = 200,
    edited: tuple[int, Form] | None = None,
) -> Response[str]:
    """The page; `edited` is the form of one photo that was refused."""
    rows = await queries.photos(tx, property_.id)
    forms = {row.id: Form.of(alt=row.alt, room_type=row.room_type) for row in rows}
    if edited is not None and edited[0] in forms:
        forms[edited[0]] = edited[1]
    return frame.show(
        request,
        "photos.html",
        property_,
        status=status,
        form=form,
        photos=rows,
        forms=forms,
        max_photos=MOST_PHOTOS,
        most_bytes=MAX_PHOTO_BYTES,
        room_types=frame.choices(await queries.list_items(tx, tables.room_type, property_.id)),
    )


handlers = [list_photos, upload_photo, describe_photo, move_photo, delete_photo]
