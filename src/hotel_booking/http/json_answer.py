"""Answers in JSON, encoded once and sent as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from litestar import Litestar, MediaType, Request, Response
from litestar.serialization import default_serializer
from litestar.types import Message, Receive, Scope, Send

T = TypeVar("T")
_encode = msgspec.json.Encoder(enc_hook=default_serializer).encode


class Answer(Response[T]):
    """What a handler's data becomes. JSON without cookies, as nearly all of it is, leaves as it was encoded:
    Litestar's own way, which everything else goes, takes half of the time that a small answer takes."""

    def to_asgi_response(self, app: Litestar | None, request: Request[Any, Any, Any], **more: Any) -> Any:
        """As Litestar's."""
        if (
            (self.media_type or more.get("media_type") or MediaType.JSON) != MediaType.JSON
            or self.content is None
            or isinstance(self.content, str | bytes)
            or self.cookies
            or self.background
            or more.get("cookies")
        ):
            return super().to_asgi_response(app, request, **more)
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()]
        status = self.status_code or more.get("status_code") or 200
        start, body = messages(self.content, headers, status)

        async def leave(_scope: Scope, _receive: Receive, send: Send) -> None:
            await send(start)
            await send(body)

        return leave


def messages(
    content: Any, headers: Sequence[tuple[bytes, bytes]] = (), status: int = 200
) -> tuple[Message, Message]:
    """The two messages of an answer in JSON; `headers` are those that it has beside its type and length."""
    body = _encode(content)
    own = [*headers, (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    start: Message = {"type": "http.response.start", "status": status, "headers": own}
    return start, {"type": "http.response.body", "body": body, "more_body": False}
