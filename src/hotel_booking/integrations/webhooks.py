"""Telling programs of others, at addresses that anybody may have given: never one of the inside.

The name is resolved here, every address that it has must be a public one, and the connection is made to the
address that was checked, so a name that is resolved differently a moment later leads nowhere. Nothing is
followed elsewhere, no proxy is asked, little is read, and none of it takes long. What is sent is signed:

    Hotel-Signature: t=<seconds since 1970>,v1=<hex of HMAC-SHA256 by the webhook's secret of "<t>.<body>">
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from hotel_booking.core import links, tracing
from hotel_booking.core.public_addresses import PORTS, Address, public_address
from hotel_booking.core.trust import trusted
from hotel_booking.domains.incidents.types import Refused, Unavailable

SECONDS = 8.0
_MOST_READ = 4_096  # bytes


class Webhooks:
    """Posts signed JSON. `allowed` says which addresses may be asked, and `insecure` that plain HTTP and any
    port may be: both are for tests, which have no public address."""

    def __init__(
        self,
        secret_key: str | None,
        *,
        allowed: Callable[[Address], bool] = public_address,
        insecure: bool = False,
        seconds: float = SECONDS,
    ) -> None:
        self._secret_key = secret_key
        self._allowed = allowed
        self._insecure = insecure
        self._seconds = seconds

    async def post(self, *, path: str, url: str, body: dict[str, Any], now: datetime) -> tuple[int, bytes]:
        """Tell the webhook whose own path (its links are signed by) this is; the status and the beginning of
        what it answered. Raises `Refused` for an address that may not be asked, `Unavailable` where there is
        no answer in time."""
        signed_by = self.secret(path)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(signed_by, url, body, now)
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise Unavailable(f"no answer ({type(error).__name__})") from None

    def secret(self, path: str) -> str:
        """By what a webhook's messages are signed: another one for each, and nothing that is kept. Raises
        `Refused` where there is no key."""
        if self._secret_key is None:
            raise Refused("without HOTEL_SECRET_KEY nothing can be signed")
        return links.signature(self._secret_key, f"{path}/secret")

    async def _post(self, secret: str, url: str, body: dict[str, Any], now: datetime) -> tuple[int, bytes]:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or (80 if parts.scheme == "http" else 443)
        secure = parts.scheme == "https" and port in PORTS
        if not host or parts.username is not None or not (secure or self._insecure):
            raise Refused("an address begins with https:// and has no other port than 443 or 8443")
        address = await self._checked(host, port)
        shown = f"[{address}]" if address.version == 6 else str(address)
        where = parts._replace(netloc=f"{shown}:{port}", fragment="").geturl()
        content = msgspec.json.encode(body)
        at = int(now.timestamp())
        mark = hmac.new(secret.encode(), f"{at}.".encode() + content, hashlib.sha256).hexdigest()
        headers = {
            "host": parts.netloc,
            "content-type": "application/json",
            "accept-encoding": "identity",
            "user-agent": "hotel-booking-status",
            "hotel-signature": f"t={at},v1={mark}",
            **tracing.headers(),
        }
        async with (
            httpx.AsyncClient(
                timeout=self._seconds, follow_redirects=False, trust_env=False, verify=trusted()
            ) as client,
            # The certificate must be the name's, though the address is asked.
            client.stream(
                "POST", where, content=content, headers=headers, extensions={"sni_hostname": host}
            ) as answer,
        ):
            found = bytearray()
            async for chunk in answer.aiter_raw(_MOST_READ):
                found += chunk
                if len(found) >= _MOST_READ:
                    break
            return answer.status_code, bytes(found[:_MOST_READ])

    async def _checked(self, host: str, port: int) -> Address:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]
        except (OSError, UnicodeError, ValueError):
            raise Unavailable("the name leads nowhere") from None
        # Of a name with one address outside and one inside, none is asked.
        if not addresses or not all(self._allowed(address) for address in addresses):
            raise Refused("the name leads to an address that is not public")
        return addresses[0]
