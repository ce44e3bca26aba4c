"""The OpenAPI document, and the reference page made from it."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get
from litestar.connection import Request
from litestar.datastructures import State

from hotel_booking.http import openapi
from hotel_booking.http.access import public


@get("/api/v1/openapi.json", opt=public(), include_in_schema=False, sync_to_thread=False)
def openapi_json(request: Request[Any, Any, State]) -> Response[bytes]:
    """The OpenAPI 3.1 document."""
    return Response(
        msgspec.json.encode(openapi.document(request.app)), media_type="application/vnd.oai.openapi+json"
    )


handlers = [openapi_json]
