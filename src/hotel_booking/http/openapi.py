"""The OpenAPI document: Litestar's, and what it cannot know (who may call, what goes wrong, our headers)."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec
from litestar import Litestar, Response, Router
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, Contact, License, SecurityScheme, Tag
from litestar.routes import HTTPRoute
from litestar.types import ControllerRouterHandler

from hotel_booking import __version__
from hotel_booking.core.clock import utc_now
from hotel_booking.domains.identity.types import Scope
from hotel_booking.http import examples, preconditions
from hotel_booking.http.access import ACCESS
from hotel_booking.http.answers import CREATED, LOCATION
from hotel_booking.http.problems import PROBLEM_TYPE, type_of

_ABOUT = """\
Search, quote, book and run hotels.

- **Money** is `{"amount": 12900, "currency": "EUR"}`: whole minor units.
- **Nights** are dates in the hotel's own calendar; a stay is half-open: arrival included, departure excluded.
  Instants are RFC 3339 in UTC.
- **Errors** are `application/problem+json` with a stable `code`, a `detail`, and, where it helps, a `fix`
  and the `field`.
- **Lists** come in pages: send `next_cursor` back as `cursor`.
- **Retrying safely**: send `Idempotency-Key` with an unsafe request; the same key and body return the
  first response again, for 24 hours. A response with `Retry-After` is not an outcome: send the same again.
- **Changing safely**: send the `ETag` you read as `If-Match`; `412` if someone else was faster.
- **Reading again**: send the `ETag` you have as `If-None-Match`; `304` without a body while it is current.
- **Testing time**: outside production, a key with the scope `clock:simulate` may send `Hotel-Simulated-Time`
  (RFC 3339) with calls that depend on the time; others are refused with `403`.
- **Limits**: `429` with `Retry-After` when you go too fast; `RateLimit-*` headers say what is left.
"""

_TAGS = (
    Tag("Search", "Destinations, hotels, offers and calendars. Open to everyone."),
    Tag("Booking", "From a quote to a stay. Guests use their booking's access token."),
    Tag("Properties", "Hotels and what they offer. Reading is open to everyone."),
    Tag("Rooms", "Room types, rooms, and what is out of order."),
    Tag("Rates and availability", "Rate plans, prices, restrictions, policies and taxes."),
    Tag("Front desk", "Check-in, check-out and no-shows."),
    Tag("Reports", "A property’s days in figures, for accounts."),
    Tag("API keys", "Keys for staff and partners, with scopes and property limits."),
    Tag("Health", "For load balancers and monitoring."),
)

_PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457). Branch on `code`: it never changes.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Links to what the code means."},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "code": {"type": "string", "description": "Stable, for programs."},
        "detail": {"type": "string", "description": "What is wrong, for people."},
        "fix": {"description": "What would work: a sentence, or a request that would be accepted."},
        "field": {"type": "string", "description": "Where in the input, such as `rooms[0].adults`."},
        "errors": {
            "type": "array",
            "description": "Every error, where there are several.",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "detail": {"type": "string"},
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "fix": {"type": "string"},
                },
            },
        },
        "request_id": {"type": "string", "description": "Quote it when you ask for help."},
    },
}

_PROBLEMS: dict[int, tuple[str, str, str]] = {
    400: (
        "The request can't be read, or is not what the call accepts.",
        "invalid_request",
        "rooms[0].adults: is below 1",
    ),
    401: ("Credentials are missing or not valid.", "credentials_required", "this call needs an API key"),
    402: ("The payment was declined.", "payment_declined", "the card was declined"),
    403: (
        "The caller is not allowed to do this.",
        "missing_scope",
        "the API key lacks the scope rates:write",
    ),
    404: (
        "It does not exist, or the caller is not allowed to see it.",
        "not_found",
        "there is no such property",
    ),
    409: ("The current state does not allow it.", "conflict", "no room is left on 2026-03-10"),
    412: (
        "It has changed since it was read: `If-Match` does not match.",
        "precondition_failed",
        "it has changed since you read it",
    ),
    413: ("The body is too large.", "request_too_large", "the body is too large"),
    415: ("The body is not JSON.", "unsupported_media_type", "the body must be JSON"),
    422: ("The input is readable but not valid.", "invalid", "departure must be after arrival"),
    429: ("Too many requests.", "too_many_requests", "too many reads from you for now"),
    503: (
        "Temporarily out of service; nothing changed.",
        "database_unavailable",
        "the database is not reachable",
    ),
}


_TIME = "now"  # the argument of handlers that depend on the time


# Good answers in our words: those of the standard library, which Litestar takes, promise an address.
_SAID = {"200": "It is done, or found.", "201": "It is made.", "204": "It is done: nothing is sent."}


# What a route says of itself in `opt`: statuses of problems, and further good answers with their meaning.
PROBLEMS = "problems"
ANSWERS = "answers"


class _Nowhere(Router):
    """Litestar insists on serving the document and a page of its own; ours stand elsewhere."""

    def register(self, value: ControllerRouterHandler) -> list[Any]:
        """Take nothing."""
        del value
        return []


def _operation_id(handler: HTTPRouteHandler, _method: Any, _path: Any) -> str:
    # The function's name; a test sees to it that none is used twice.
    return handler.handler_name


def config() -> OpenAPIConfig:
    """For Litestar's generator; where we are found, `document` says."""
    return OpenAPIConfig(
        title="Hotel Booking Platform",
        version=__version__,
        summary="The REST API of a hotel group's own booking platform.",
        description=_ABOUT,
        contact=Contact(name="The hotel group's own developers"),
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        tags=list(_TAGS),
        use_handler_docstrings=True,
        components=Components(
            security_schemes={
                "ApiKey": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    bearer_format="hbk_…",
                    description="An API key with scopes: " + ", ".join(f"`{scope}`" for scope in Scope) + ".",
                ),
                "AccessToken": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    description="The access token returned with a booking.",
                ),
            }
        ),
        operation_id_creator=_operation_id,
        openapi_router=_Nowhere("/_", route_handlers=[]),
    )


def document(app: Litestar) -> dict[str, Any]:
    """The whole document, as plain JSON values; its examples are good for months from today."""
    today = examples.example_day(utc_now().date())
    result: dict[str, Any] = _plain(app.openapi_schema.to_schema())
    public_url: str = app.state.settings.public_url
    result["servers"] = [{"url": public_url}]
    result["info"]["contact"]["url"] = f"{public_url.rstrip('/')}/api/docs"
    _describe_bodies(app, result)
    result["components"]["schemas"]["Problem"] = _PROBLEM_SCHEMA
    result["components"]["responses"] = {str(status): _problem(status) for status in _PROBLEMS}
    used: set[str] = set()
    for path, method, handler in operations(app):
        operation = result["paths"][path][method]
        used.update(operation.get("tags", ()))
        _complete(operation, handler, method)
        _exemplify(operation, handler, today)
    _tidy(result)
    result["tags"] = [tag for tag in result.get("tags", []) if tag["name"] in used]
    return result


def _describe_bodies(app: Litestar, result: dict[str, Any]) -> None:
    """Replace Litestar's schemas of bodies by msgspec's own: what decodes them describes them best."""
    bodies: list[tuple[dict[str, Any], Any]] = []
    for path, method, handler in operations(app):
        operation = result["paths"][path][method]
        if handler.parsed_data_field is not None:
            bodies.append(
                (operation["requestBody"]["content"]["application/json"], handler.parsed_data_field.raw)
            )
        answered = handler.parsed_return_field
        kind = answered.inner_types[0].raw if answered.is_subclass_of(Response) else answered.raw
        for status, response in operation["responses"].items():
            if status.startswith("2") and "application/json" in response.get("content", {}):
                bodies.append((response["content"]["application/json"], kind))
    schemas, components = msgspec.json.schema_components(
        [kind for _, kind in bodies], ref_template="#/components/schemas/{name}"
    )
    for (body, _), schema in zip(bodies, schemas, strict=True):
        body["schema"] = _plain(schema)
    result["components"]["schemas"] = _plain(dict(sorted(components.items())))


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """A copy with nothing but JSON's own types."""
    copy: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return copy


def _tidy(value: Any) -> None:
    """Say nothing that goes without saying, and lay texts out as one paragraph where they are one."""
    if isinstance(value, list):
        for item in value:
            _tidy(item)
    if not isinstance(value, dict):
        return
    for name in ("deprecated", "allowEmptyValue", "allowReserved"):
        if value.get(name) is False:
            del value[name]
    if value.get("headers") == {}:
        del value["headers"]
    if value.get("in") == "query":
        # A query has no null; leaving the parameter out is what an optional one means.
        choices = [c for c in value["schema"].get("oneOf", ()) if c.get("type") != "null"]
        if len(choices) == 1:
            value["schema"] = {k: v for k, v in value["schema"].items() if k != "oneOf"} | choices[0]
    for name, item in value.items():
        if name in {"minimum", "maximum"} and isinstance(item, float) and item.is_integer():
            value[name] = int(item)
        elif name == "description" and isinstance(item, str):
            value[name] = inspect.cleandoc(item)
        else:
            _tidy(item)


def operations(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Every documented operation: path as in the document, method in lower case, handler."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if handler.resolve_include_in_schema():
                    for method in handler.http_methods:
                        yield route.path_format or "/", str(method).lower(), handler


def _complete(operation: dict[str, Any], handler: HTTPRouteHandler, method: str) -> None:
    access = handler.opt.get(ACCESS)
    parameters: list[dict[str, Any]] = operation.setdefault("parameters", [])
    statuses = _statuses(operation, handler, method)
    if isinstance(access, tuple):
        kind, *scopes = access
        operation["security"] = [{"ApiKey": []}] + ([{"AccessToken": []}] if kind == "guest_or" else [])
        operation["x-scope"] = " or ".join(scopes)
    else:
        operation["security"] = []  # nothing is asked for; an API key may be sent, and must then be good
    if "requestBody" in operation:
        field = handler.parsed_data_field
        operation["requestBody"]["required"] = field is not None and not field.is_optional
    if method != "get":
        parameters.append(_IDEMPOTENCY_KEY)
    if 412 in statuses:
        parameters.append(_IF_MATCH)
    responses = operation.setdefault("responses", {})
    for status in _SAID.keys() & responses.keys():
        responses[status]["description"] = _SAID[status]
    if CREATED in handler.opt:
        responses["201"]["headers"] = {"Location": LOCATION}
    if _is_tagged(operation, handler, method):
        responses["200"]["headers"] = {"ETag": _ETAG}
        if method == "get":
            parameters.append(_IF_NONE_MATCH)
            responses["304"] = {
                "description": "Yours is current: nothing is sent.",
                "headers": {"ETag": _ETAG},
            }
    for known, meaning in handler.opt.get(ANSWERS, {}).items():
        usual = next(answer for status, answer in responses.items() if status.startswith("2"))
        responses[str(known)] = usual | {"description": meaning}
    for wrong in sorted(statuses):
        existing = responses.get(str(wrong), {}).get("content", {})
        if not existing or _is_litestars(existing):
            responses[str(wrong)] = {"$ref": f"#/components/responses/{wrong}"}


def _statuses(operation: dict[str, Any], handler: HTTPRouteHandler, method: str) -> set[int]:
    """The errors that the call may answer with."""
    statuses = {400, 401, 429, 503}  # a key that opens nothing is refused on public routes too
    places = {parameter.get("in") for parameter in operation["parameters"]}
    if isinstance(handler.opt.get(ACCESS), tuple) or _TIME in handler.parsed_fn_signature.parameters:
        statuses.add(403)  # who may not set the time is told so; of the public routes, only these refuse
    if "path" in places:
        statuses.add(404)
    if "requestBody" in operation:
        statuses |= {415, 422}
    if method != "get" or "query" in places:
        statuses |= {404, 422}
    if method != "get":
        statuses |= {409, 413}  # too large a body is refused where none is read, too
    tagged = method == "get" and _is_tagged(operation, handler, method)
    if tagged or preconditions.ARGUMENT in handler.parsed_fn_signature.parameters:
        statuses.add(412)
    return statuses | set(handler.opt.get(PROBLEMS, ()))


def _is_tagged(operation: dict[str, Any], handler: HTTPRouteHandler, method: str) -> bool:
    """Whether what is read or changed is answered with its ETag."""
    if method not in {"get", "patch"} or operation["tags"] == ["Health"]:
        return False
    return handler.parsed_return_field.is_subclass_of(Response)


def _exemplify(operation: dict[str, Any], handler: HTTPRouteHandler, today: date) -> None:
    """Put the route's own examples in: requests that work when they are sent."""
    for parameter in operation["parameters"]:
        value = examples.parameter_of(handler.opt, parameter["name"], today)
        if value is not None:
            parameter["example"] = value
    body = examples.body_of(handler.opt, today)
    if body is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = body


def _is_litestars(content: dict[str, Any]) -> bool:
    # Litestar documents its own error shape, which we never send.
    schema = content.get("application/json", {}).get("schema", {})
    return "status_code" in schema.get("properties", {})


_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes retrying safe: the same key and body return the first response again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    "example": "7b1f4a52-0c0e-4b6e-9a53-1a1c6c1f2d77",
}


_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` you have: answered with 304, and no body, while it is current.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 1000},
}


_ETAG = {"description": "The version of what is returned.", "schema": {"type": "string"}}


_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` you read: refused with 412 if the resource has changed since.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 1000},
}


def _problem(status: int) -> dict[str, Any]:
    description, code, detail = _PROBLEMS[status]
    result: dict[str, Any] = {
        "description": description,
        "content": {
            PROBLEM_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": {
                    "type": type_of(code),
                    "title": description.partition(".")[0],
                    "status": status,
                    "code": code,
                    "detail": detail,
                },
            }
        },
    }
    if status in {429, 503}:
        result["headers"] = {
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
        }
    return result
