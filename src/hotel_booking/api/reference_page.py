"""What the reference page shows, made from the OpenAPI document."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup, escape

_METHODS = ("get", "post", "put", "patch", "delete")
_DEEPEST = 6


class Field(msgspec.Struct, frozen=True):
    """One line of a table: a parameter, or a field of a body."""

    name: str
    kind: str
    required: bool
    text: Markup
    where: str = ""
    depth: int = 0


class Answer(msgspec.Struct, frozen=True):
    """One status that an operation can answer with."""

    status: str
    text: Markup


class Operation(msgspec.Struct, frozen=True):
    """One call."""

    anchor: str
    method: str
    path: str
    title: str
    text: Markup
    access: Markup
    parameters: list[Field]
    body: list[Field]
    body_example: str | None
    answer: list[Field]
    answer_example: str | None
    answers: list[Answer]
    curl: str


class Group(msgspec.Struct, frozen=True):
    """The calls of one tag."""

    anchor: str
    name: str
    text: Markup
    operations: list[Operation]


class Page(msgspec.Struct, frozen=True):
    """The whole page."""

    title: str
    version: str
    text: Markup
    server: str
    groups: list[Group]


def page(document: dict[str, Any]) -> Page:
    """The page of a document. Every operation stands under its first tag, in the document's order."""
    server = document["servers"][0]["url"].rstrip("/")
    reader = _Reader(document, server)
    found: dict[str, list[Operation]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = item[method]
                found.setdefault((operation.get("tags") or ["Other"])[0], []).append(
                    reader.operation(path, method, operation)
                )
    texts = {tag["name"]: tag.get("description", "") for tag in document.get("tags", ())}
    order = [name for name in texts if name in found] + [name for name in found if name not in texts]
    return Page(
        title=document["info"]["title"],
        version=document["info"]["version"],
        text=rich(document["info"].get("description", "")),
        server=server,
        groups=[Group(_anchor(name), name, rich(texts.get(name, "")), found[name]) for name in order],
    )


class _Reader:
    """Follows the document's references."""

    def __init__(self, document: dict[str, Any], server: str) -> None:
        self._document = document
        self._server = server

    def operation(self, path: str, method: str, operation: dict[str, Any]) -> Operation:
        parameters = [self._resolved(parameter) for parameter in operation.get("parameters", ())]
        body = _json_schema(operation.get("requestBody"))
        answers = {status: self._resolved(answer) for status, answer in operation["responses"].items()}
        good = next((answer for status, answer in answers.items() if status.startswith("2")), None)
        answer = _json_schema(good)
        body_example = _given(operation.get("requestBody"))
        if body_example is None and body:
            body_example = self._example(body)
        return Operation(
            anchor=operation["operationId"],
            method=method,
            path=path,
            title=operation.get("summary") or operation["operationId"],
            text=rich(operation.get("description", "")),
            access=_access(operation),
            parameters=[
                Field(
                    parameter["name"],
                    self._kind(parameter.get("schema", {})),
                    bool(parameter.get("required")),
                    self._meaning(parameter.get("description"), parameter.get("schema", {})),
                    parameter["in"],
                )
                for parameter in parameters
            ],
            body=self._fields(body) if body else [],
            body_example=_pretty(body_example) if body else None,
            answer=self._fields(answer) if answer else [],
            answer_example=_pretty(self._example(answer)) if answer else None,
            answers=[Answer(status, rich(item.get("description", ""))) for status, item in answers.items()],
            curl=self._curl(path, method, operation, parameters, body_example),
        )

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            target: Any = self._document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            schema = target
        return schema

    def _one(self, schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """A schema without its reference and its null; and whether it may be null."""
        schema = self._resolved(schema)
        choices = schema.get("anyOf") or schema.get("oneOf")
        if not choices:
            return schema, False
        rest = [choice for choice in choices if choice.get("type") != "null"]
        if len(rest) == 1:
            return self._resolved(rest[0]), len(rest) < len(choices)
        return schema, len(rest) < len(choices)

    def _fields(self, schema: dict[str, Any], depth: int = 0, seen: tuple[str, ...] = ()) -> list[Field]:
        schema, _ = self._one(schema)
        if schema.get("type") == "array":
            return self._fields(schema.get("items", {}), depth, seen)
        title = schema.get("title", "")
        if depth > _DEEPEST or (title and title in seen):
            return []
        fields = []
        for name, item in schema.get("properties", {}).items():
            inner, _ = self._one(item)
            fields.append(
                Field(
                    name,
                    self._kind(item),
                    name in schema.get("required", ()),
                    self._meaning(item.get("description"), item),
                    depth=depth,
                )
            )
            if inner.get("title") != "Money":
                fields += self._fields(inner, depth + 1, (*seen, title))
        return fields

    def _kind(self, schema: dict[str, Any]) -> str:
        inner, nullable = self._one(schema)
        if "enum" in inner or "const" in inner:
            kind = "one of"
        elif inner.get("type") == "array":
            kind = f"list of {self._kind(inner.get('items', {}))}"
        elif inner.get("type") == "object" and inner.get("title"):
            kind = inner["title"]
        elif isinstance(inner.get("type"), str):
            kind = inner.get("format") or inner["type"]
        else:
            kind = "any"
        return f"{kind} or null" if nullable else kind

    def _meaning(self, text: str | None, schema: dict[str, Any]) -> Markup:
        limits = self._limits(schema)
        return rich("\n\n".join(part for part in (text, limits[:1].upper() + limits[1:]) if part))

    def _limits(self, schema: dict[str, Any]) -> str:
        inner, _ = self._one(schema)
        values = inner.get("enum") or ([inner["const"]] if "const" in inner else [])
        if inner.get("type") == "array":
            items, _ = self._one(inner.get("items", {}))
            values = items.get("enum") or []
        parts = [", ".join(f"`{value}`" for value in values)] if values else []
        names = {"minimum": "at least", "maximum": "at most", "maxLength": "at most", "maxItems": "at most"}
        units = {"maxLength": " characters", "maxItems": " of them"}
        parts += [f"{word} {inner[key]}{units.get(key, '')}" for key, word in names.items() if key in inner]
        default = schema.get("default")
        if default not in (None, [], {}, ""):
            parts.append(f"default `{json.dumps(default)}`")
        return "; ".join(parts)

    def _example(self, schema: dict[str, Any], name: str = "", seen: tuple[str, ...] = ()) -> Any:
        for given in [schema["example"]] if "example" in schema else schema.get("examples") or ():
            return given
        inner, _ = self._one(schema)
        for given in [inner["example"]] if "example" in inner else inner.get("examples") or ():
            return given
        if name in _EXAMPLES and inner.get("type") != "object" and "$ref" not in inner.get("items", {}):
            return _EXAMPLES[name]
        if "enum" in inner or "const" in inner:
            return inner.get("const", (inner.get("enum") or [None])[0])
        choices = inner.get("anyOf") or inner.get("oneOf")
        if choices:
            return self._example(choices[0], name, seen)
        match inner.get("type"):
            case "object":
                title = inner.get("title", "")
                if title and title in seen:
                    return {}
                return {
                    key: self._example(item, key, (*seen, title))
                    for key, item in inner.get("properties", {}).items()
                }
            case "array":
                return [self._example(inner.get("items", {}), name.removesuffix("s"), seen)]
            case "integer" | "number":
                return inner.get("minimum", 1)
            case "boolean":
                return False
            case "string":
                return _FORMATS.get(inner.get("format", ""), "text")
        return None

    def _curl(
        self,
        path: str,
        method: str,
        operation: dict[str, Any],
        parameters: list[dict[str, Any]],
        body: Any,
    ) -> str:
        query = {}
        for parameter in parameters:
            value = parameter.get("example", self._example(parameter.get("schema", {}), parameter["name"]))
            if parameter["in"] == "path":
                path = path.replace("{" + parameter["name"] + "}", str(value))
            elif parameter["in"] == "query" and (parameter.get("required") or "example" in parameter):
                query[parameter["name"]] = value
        url = f"{self._server}{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        lines = [
            f"curl {shlex.quote(url)}" if method == "get" else f"curl -X {method.upper()} {shlex.quote(url)}"
        ]
        if any(operation.get("security") or ()) and {} not in operation["security"]:
            lines.append('-H "Authorization: Bearer $TOKEN"')
        if any(parameter["name"] == "Idempotency-Key" for parameter in parameters):
            lines.append('-H "Idempotency-Key: $(uuidgen)"')
        if body is not None:
            lines.append("-H 'Content-Type: application/json'")
            lines.append(f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}")
        return " \\\n  ".join(lines)


_FORMATS = {
    "date": "2030-05-01",
    "date-time": "2030-05-01T12:00:00Z",
    "time": "15:00:00",
    "uuid": "0198c2a4-6f0e-7c1b-9f43-5d2f6f0a1b2c",
}
# Names that mean the same everywhere, so that an example reads like a real request.
_EXAMPLES: dict[str, Any] = {
    "amount": 12900,
    "currency": "EUR",
    "arrival": "2030-05-01",
    "departure": "2030-05-03",
    "adults": 2,
    "children": [],
    "room_type": "DBL",
    "rate_plan": "FLEX",
    "property": "sea-view-lisbon",
    "slug": "sea-view-lisbon",
    "reference": "7KQ2M-XW9DC",
    "email": "ana@example.com",
    "given_name": "Ana",
    "family_name": "Silva",
    "phone": "+351 210 000 000",
    "country": "PT",
    "token": "tok_success",
    "timezone": "Europe/Lisbon",
    "next_cursor": None,
    "cursor": "MTI",
    "key_id": 1,
    "q": "lis",
    "place": "lisbon",
}


def _given(holder: dict[str, Any] | None) -> Any:
    content = (holder or {}).get("content", {}).get("application/json", {})
    return content.get("example")


def _json_schema(holder: dict[str, Any] | None) -> dict[str, Any] | None:
    content = (holder or {}).get("content", {}).get("application/json")
    return content.get("schema") if content else None


def _access(operation: dict[str, Any]) -> Markup:
    scope = operation.get("x-scope")
    names = {name for choice in operation.get("security", ()) for name in choice}
    if not scope:
        return Markup("Open to everyone")
    scopes = Markup(" or ").join(Markup("<code>{}</code>").format(one) for one in scope.split(" or "))
    key = Markup("API key with {}").format(scopes)
    if "AccessToken" not in names:
        return key
    return Markup("The booking's access token, or an {}").format(key.replace("API", "API", 1))


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _anchor(name: str) -> str:
    return "tag-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def rich(text: str) -> Markup:
    """The little Markdown that our texts use (`code`, **bold**, lists, paragraphs) as HTML."""
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip()):
        if not block:
            continue
        if block.startswith("- "):
            items = re.split(r"\n- ", block.removeprefix("- "))
            lines = Markup("").join(Markup("<li>{}</li>").format(_inline(item)) for item in items)
            blocks.append(Markup("<ul>{}</ul>").format(lines))
        else:
            blocks.append(Markup("<p>{}</p>").format(_inline(block)))
    return Markup("").join(blocks)


def _inline(text: str) -> Markup:
    html = str(escape(" ".join(text.split())))
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", html)
    return Markup(re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", html))  # noqa: S704  # escaped above
