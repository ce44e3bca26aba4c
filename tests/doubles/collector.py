"""A collector of traces: takes OTLP over HTTP as a real one does, and keeps the spans."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector:
    """What was sent to `url`: `spans` as they came, and the names of the services that sent them."""

    def __init__(self) -> None:
        self.url = ""
        self.spans: list[Any] = []
        self.services: set[str] = set()
        self.raw = b""

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator[Collector]:
        """One that listens on a port of the loopback."""
        self = cls()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self_) -> None:  # noqa: N805  # the collector is `self`
                body = self_.rfile.read(int(self_.headers["content-length"]))
                if self_.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                self._take(body)
                self_.send_response(200)
                self_.send_header("content-length", "0")
                self_.end_headers()

            def log_message(self_, *_: object) -> None:  # noqa: N805  # as above
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def named(self, name: str) -> list[Any]:
        """The spans of this name."""
        return [span for span in self.spans if span.name == name]

    def _take(self, body: bytes) -> None:
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            facts = {fact.key: fact.value.string_value for fact in resource.resource.attributes}
            self.services.add(facts["service.name"])
            for scope in resource.scope_spans:
                self.spans += scope.spans


def facts_of(span: Any) -> dict[str, Any]:
    """A span's attributes."""
    return {fact.key: getattr(fact.value, fact.value.WhichOneof("value")) for fact in span.attributes}
