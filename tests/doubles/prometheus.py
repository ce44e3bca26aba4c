"""A Prometheus over a real socket, with figures that it makes up; it can be silent, wrong or endless too."""

from __future__ import annotations

import math
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Literal, Self
from urllib.parse import parse_qs

import msgspec

Mood = Literal["well", "nothing", "not a number", "broken", "garbage", "endless", "hangs"]


class PrometheusDouble:
    """Answers any query with two lines; `asked` are the queries. Its `mood` may be changed at any time."""

    def __init__(self) -> None:
        self.mood: Mood = "well"
        self.asked: list[str] = []
        double = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                double.asked.append(form["query"][0])
                if double.mood == "hangs":
                    time.sleep(8)
                if double.mood == "broken":
                    self.send_response(503)
                    self.end_headers()
                    return
                self.send_response(200)
                self.end_headers()
                self.wfile.write(double.answer(*(int(form[name][0]) for name in ("start", "end", "step"))))

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, start: int, end: int, step: int) -> bytes:
        """As https://prometheus.io/docs/prometheus/latest/querying/api/ has it."""
        if self.mood == "garbage":
            return b'{"status": "success", "data": {"resultType": "vector"}}'
        if self.mood == "endless":
            return b" " * 5_000_000
        result: list[Any] = []
        if self.mood != "nothing":
            for turn, status in enumerate(("2xx", "5xx")):
                values = [
                    (
                        at,
                        "NaN"
                        if self.mood == "not a number"
                        else str(0.03 + 0.02 * math.sin(at / 900 + turn)),
                    )
                    for at in range(start, end + 1, step)
                ]
                result.append(
                    {"metric": {"status": status, "queue": "mail"}, "values": values[len(values) // 3 :]}
                )
        return msgspec.json.encode({"status": "success", "data": {"resultType": "matrix", "result": result}})
