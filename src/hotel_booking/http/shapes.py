"""Input that has not the shape its call accepts: what msgspec and Litestar find, as fields with what would
work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar.exceptions import ValidationException
from litestar.types import Scope as AsgiScope

from hotel_booking.core.dates import Instant
from hotel_booking.http import accepted
from hotel_booking.http.problems import FieldProblem, InvalidShape

_LONGEST_NAME = 80  # characters of a name that was sent, in a path
_MISSING, _UNKNOWN = "Object missing required field `", "Object contains unknown field `"


def body_error(error: msgspec.ValidationError, kind: Any, raw: bytes) -> InvalidShape:
    """A msgspec error about this body of this type: "Expected `int`, got `str` - at `$.rooms[0].adults`"."""
    message, _, where = str(error).rpartition(" - at `")
    if not message:
        message, where = str(error), ""
    # Of a key of an object msgspec says "- at `key` in `$.rooms`".
    of_key, where = where.startswith("key` in `"), where.removesuffix("`").removeprefix("key` in `")
    path = _named(raw, kind, where, str(error))
    fix: str | None
    if message.startswith((_MISSING, _UNKNOWN)):
        name = message.removeprefix(_MISSING).removeprefix(_UNKNOWN).removesuffix("`")
        if message.startswith(_MISSING):
            message, fix = "is required", accepted.required(kind, f"{where}.{name}")
        else:
            message, fix = "is not a known field", accepted.known(kind, where, name)
        path = f"{path}.{name[:_LONGEST_NAME]}" if path else name[:_LONGEST_NAME]
    elif of_key:
        message, fix = accepted.refused(accepted.without_kind(message), kind, f"{where}.<key>")
        message = f"a key of it {message}"
    else:
        message, fix = accepted.refused(message, kind, where)
    return InvalidShape([FieldProblem(f"{path or 'the body'}: {message}", path or None, fix=fix)])


def parameter_error(error: ValidationException, scope: AsgiScope) -> InvalidShape:
    """Litestar's list of query, path and header errors as ours."""
    found: list[FieldProblem] = []
    for item in error.extra if isinstance(error.extra, list) else []:
        known, _, _ = str(item.get("key", "")).partition(".")
        name = _sent_as(str(item.get("key", "")), scope)
        if name == "data":
            found.append(FieldProblem("the body is missing", fix="send a JSON object"))
            continue
        kind = scope["route_handler"].signature_model.__annotations__.get(known, Any)
        detail, fix = accepted.in_address(str(item.get("message", "")), kind)
        found.append(FieldProblem(f"{name}: {detail}" if name else detail, name or None, fix=fix))
    if not found:
        # "Missing required query parameter 'arrival' for path ..."
        parts = str(error.detail).split("'")
        name = parts[1] if str(error.detail).startswith("Missing required") and len(parts) > 1 else ""
        detail = f"{name} is required" if name else "the request is not valid"
        found.append(FieldProblem(detail, name or None, fix=_required(name, scope)))
    return InvalidShape(found)


def of_parameter(message: str, kind: Any, name: str) -> InvalidShape:
    """What msgspec says of the value of one parameter, of this type."""
    detail, fix = accepted.in_address(message, kind)
    return InvalidShape([FieldProblem(f"{name}: {detail}", name, fix=fix)])


def instant(text: str, name: str) -> datetime:
    """An instant in an address, in UTC; `name` is its parameter. Litestar would take one without a time zone,
    and a number of seconds, too. Raises `InvalidShape`."""
    try:
        return msgspec.convert(text, Instant).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError) as error:
        raise of_parameter(str(error), Instant, name) from None


def _sent_as(name: str, scope: AsgiScope) -> str:
    """The parameter's name in the address; the handler may call it otherwise (`from` is no Python name)."""
    known = scope["route_handler"].parsed_fn_signature.parameters.get(name)
    return str(getattr(known.kwarg_definition, "name", None) or name) if known is not None else name


def _required(name: str, scope: AsgiScope) -> str | None:
    """What a parameter that is missing takes."""
    kinds = scope["route_handler"].signature_model.__annotations__
    return next(
        (accepted.required(kind, "") for own, kind in kinds.items() if _sent_as(own, scope) == name), None
    )


def _named(raw: bytes, kind: Any, where: str, error: str) -> str:
    """The path as the body has it: for each key of a dictionary msgspec writes `[...]` only."""
    path = where.removeprefix("$").removeprefix(".")
    if "[...]" not in path:
        return path
    try:
        body = value = msgspec.json.decode(raw)
        steps: list[str] = []
        for step in accepted.STEP.finditer(where):
            key: Any = step.group(1) or step.group(0)[1:-1]
            if key == "...":
                key = _first_refused(body, value, kind, error)
            steps.append(f".{key[:_LONGEST_NAME]}" if isinstance(value, dict) else f"[{key}]")
            value = value[key if isinstance(value, dict) else int(key)]
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError, RecursionError):
        return path  # it is given twice, say
    return "".join(steps).removeprefix(".")


def _first_refused(body: Any, members: dict[str, Any], kind: Any, error: str) -> str:
    """The first key of this object of the body under which something is wrong: the body is refused as soon as
    the object has it. The object keeps this key alone."""
    everything = list(members.items())
    least, most = 0, len(everything) - 1
    while least < most:
        middle = (least + most) // 2
        members.clear()
        members.update(everything[: middle + 1])
        if _refusal(body, kind) == error:
            most = middle
        else:
            least = middle + 1
    members.clear()
    members.update(everything[least : least + 1])
    return everything[least][0]


def _refusal(body: Any, kind: Any) -> str | None:
    try:
        msgspec.json.decode(msgspec.json.encode(body), type=kind)
    except msgspec.ValidationError as error:
        return str(error)
    return None
