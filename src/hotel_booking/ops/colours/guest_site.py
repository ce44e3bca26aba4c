"""The site as guests reach it: real requests through the gateway."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from hotel_booking.core.hosts import is_readable
from hotel_booking.ops.refusals import WrongUse

_SECONDS = 15.0


class Answer:
    """An answer: its status (0 where nobody answered), headers, body and how long it took in seconds."""

    def __init__(
        self, status: int, headers: Mapping[str, str], body: bytes, took: float, why: str = ""
    ) -> None:
        self.status, self.headers, self.body, self.took, self.why = status, headers, body, took, why

    def json(self) -> Any:
        """The body; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class GuestSite:
    """`host` is the site's name; `gateway` (`https://ADDRESS:PORT`) where to connect instead of where that
    name leads, whose certificate is then not asked for, as the load balancer does not either."""

    def __init__(self, host: str, gateway: str = "") -> None:
        self.host = host
        address = gateway or f"https://{host}"
        parts = urlsplit(address if is_readable(address) else "")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WrongUse(f"{gateway!r} is no address of a gateway", "Such as: https://127.0.0.1:8443")
        self._secure, self._known = parts.scheme == "https", not gateway
        self._address = parts.hostname
        self._port = parts.port or (443 if self._secure else 80)

    def ask(self, path: str, body: Any = None, **headers: str) -> Answer:
        """One request on a connection of its own, as each guest's first one is."""
        sent = {"Host": self.host, "User-Agent": "hotel-booking-ops", **headers}
        if body is not None:
            sent["Content-Type"] = "application/json"
        content = None if body is None else json.dumps(body)
        began = time.monotonic()
        connection = self._connection()
        try:
            connection.request("GET" if body is None else "POST", path, content, sent)
            answer = connection.getresponse()
            read = answer.read()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, read, time.monotonic() - began)
        except (OSError, http.client.HTTPException) as error:
            why = f"{type(error).__name__} {error}".strip()
            return Answer(0, {}, b"", time.monotonic() - began, why)
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if not self._secure:
            return http.client.HTTPConnection(self._address, self._port, timeout=_SECONDS)
        context = ssl.create_default_context()
        if not self._known:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return _Named(self.host, self._address, self._port, context)


class _Named(http.client.HTTPSConnection):
    """TLS for the site's name, wherever it connects to."""

    def __init__(self, name: str, address: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(address, port, timeout=_SECONDS, context=context)
        self._name, self._tls = name, context

    def connect(self) -> None:
        """Connect to the address, and ask there for the name."""
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)
