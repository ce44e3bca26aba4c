"""The OpenAPI document, the reference page made from it, the page of all errors, and their style sheet."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.api.error_list import entries
from hotel_booking.api.reference_page import page, rich
from hotel_booking.http import openapi
from hotel_booking.http.access import public
from hotel_booking.http.problems import ERRORS_PAGE
from hotel_booking.http.security_headers import PAGE_POLICY

_STYLE = (files("hotel_booking.api") / "static" / "reference.css").read_bytes()
_STYLE_NAME = f"reference.{hashlib.sha256(_STYLE).hexdigest()[:12]}.css"
_templates = Environment(
    loader=PackageLoader("hotel_booking.api"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class _Rendered(NamedTuple):
    json: bytes
    html: bytes
    landing: bytes


@get("/api/v1/openapi.json", opt=public(), include_in_schema=False, sync_to_thread=False)
def openapi_json(request: Request[Any, Any, State]) -> Response[bytes]:
    """The OpenAPI 3.1 document."""
    return _answer(request, _rendered(request).json, "application/vnd.oai.openapi+json;version=3.1")


@get("/api/docs", opt=public(), include_in_schema=False, sync_to_thread=False)
def docs(request: Request[Any, Any, State]) -> Response[bytes]:
    """The reference page; works without scripts."""
    return _answer(request, _rendered(request).html, "text/html")


@get(ERRORS_PAGE, opt=public(), include_in_schema=False, sync_to_thread=True)
def errors(request: Request[Any, Any, State]) -> Response[bytes]:
    """Every error's code with its meaning and what would work; a problem's `type` leads to its paragraph."""
    state = request.app.state
    if "rendered_errors" not in state:
        values = {"entries": entries(), "style": f"/api/static/{_STYLE_NAME}", "rich": rich}
        values["title"] = request.app.openapi_config.title if request.app.openapi_config else ""
        state.rendered_errors = _templates.get_template("errors.html").render(values).encode()
    return _answer(request, state.rendered_errors, "text/html")


@get("/api", opt=public(), include_in_schema=False, sync_to_thread=False)
def landing(request: Request[Any, Any, State]) -> Response[bytes]:
    """What there is on this address."""
    return _answer(request, _rendered(request).landing, "text/html")


@get(f"/api/static/{_STYLE_NAME}", opt=public(), include_in_schema=False, sync_to_thread=False)
def style() -> Response[bytes]:
    """The style sheet; its name changes with its content, so it may be kept for ever."""
    return Response(
        _STYLE,
        media_type="text/css",
        headers={"cache-control": "public, max-age=31536000, immutable"},
    )


def _rendered(request: Request[Any, Any, State]) -> _Rendered:
    state = request.app.state
    if "rendered_reference" not in state:
        document = openapi.document(request.app)
        values = {"page": page(document), "style": f"/api/static/{_STYLE_NAME}"}
        state.rendered_reference = _Rendered(
            msgspec.json.encode(document),
            _templates.get_template("reference.html").render(values).encode(),
            _templates.get_template("landing.html").render(values).encode(),
        )
    rendered: _Rendered = state.rendered_reference
    return rendered


def _answer(request: Request[Any, Any, State], body: bytes, media_type: str) -> Response[bytes]:
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": etag, "cache-control": "public, max-age=300", "content-security-policy": PAGE_POLICY}
    if etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=media_type)
    return Response(body, headers=headers, media_type=media_type)


handlers = [openapi_json, docs, errors, landing, style]
