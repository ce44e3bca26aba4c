"""The OpenAPI document: Litestar's, and what it cannot know (who may call, what goes wrong, our headers)."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import date
from types import NoneType
from typing import Any

import msgspec
from litestar import Litestar, Response, Router
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, Contact, License, SecurityScheme
from litestar.routes import HTTPRoute
from litestar.types import ControllerRouterHandler
from litestar.typing import FieldDefinition

from hotel_booking import __version__
from hotel_booking.core.clock import utc_now
from hotel_booking.domains.identity.types import Scope
from hotel_booking.http import examples, openapi_parts, preconditions
from hotel_booking.http.access import ACCESS
from hotel_booking.http.answers import CREATED, LOCATION

_TIME = "now"  # the argument of handlers that depend on the time


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
        description=openapi_parts.ABOUT,
        contact=Contact(name="The hotel group's own developers"),
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        tags=list(openapi_parts.TAGS),
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
    result["components"]["schemas"]["Problem"] = openapi_parts.PROBLEM_SCHEMA
    result["components"]["responses"] = openapi_parts.problems()
    used: set[str] = set()
    for path, method, handler in operations(app):
        operation = result["paths"][path][method]
        used.update(operation.get("tags", ()))
        _complete(operation, handler, method)
        _exemplify(operation, handler, today)
    _tidy(result)
    result["tags"] = [tag for tag in result.get("tags", []) if tag["name"] in used]
    return result


def _sent(field: FieldDefinition) -> Any:
    """The type of a body that is sent. That it may be left out says `required`: generated clients that are
    offered `null` too send their own mark of what is missing."""
    kinds = [inner.raw for inner in field.inner_types if inner.raw is not NoneType]
    return kinds[0] if field.is_optional else field.raw


def _describe_bodies(app: Litestar, result: dict[str, Any]) -> None:
    """Replace Litestar's schemas of bodies by msgspec's own: what decodes them describes them best."""
    bodies: list[tuple[dict[str, Any], Any]] = []
    for path, method, handler in operations(app):
        operation = result["paths"][path][method]
        if handler.parsed_data_field is not None:
            bodies.append(
                (operation["requestBody"]["content"]["application/json"], _sent(handler.parsed_data_field))
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
        parameters.append(openapi_parts.IDEMPOTENCY_KEY)
    if 412 in statuses:
        parameters.append(openapi_parts.IF_MATCH)
    responses = operation.setdefault("responses", {})
    for status in openapi_parts.GOOD_ANSWERS.keys() & responses.keys():
        responses[status]["description"] = openapi_parts.GOOD_ANSWERS[status]
    if CREATED in handler.opt:
        responses["201"]["headers"] = {"Location": LOCATION}
    if _is_tagged(operation, handler, method):
        responses["200"]["headers"] = {"ETag": openapi_parts.ETAG}
        if method == "get":
            parameters.append(openapi_parts.IF_NONE_MATCH)
            responses["304"] = {
                "description": "Yours is current: nothing is sent.",
                "headers": {"ETag": openapi_parts.ETAG},
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
