"""Photos as they are stored: public, kept by browsers for ever, because a name is never used again."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.errors import NotFound
from hotel_booking.domains.properties.types import MediaStore
from hotel_booking.http.access import public

_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


class NoSuchFile(NotFound):
    """There is no file of this name."""

    code = "no_such_file"


@get("/media/{name:str}", opt=public(), include_in_schema=False)
async def serve(request: Request[Any, Any, State], media: MediaStore, name: str) -> Response[bytes]:
    """A photo in one width. Only names that we made are looked for."""
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "etag": f'"{name}"',
        "content-security-policy": _POLICY,
        "cross-origin-resource-policy": "cross-origin",
    }
    body = await media.get(name)
    if body is None:
        raise NoSuchFile("there is no such file")
    if f'"{name}"' in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type="image/webp")
    return Response(body, headers=headers, media_type="image/webp")
