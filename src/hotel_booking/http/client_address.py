"""The address a request comes from, believing only hops that we run ourselves."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from litestar.types import HTTPScope

Network = IPv4Network | IPv6Network
_REMEMBERED = 10_000  # addresses of late: reading one takes as long as the rest of what the edge does
_LONGEST = 100  # characters of what is remembered; no address has as many


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks in CIDR notation, as the setting HOTEL_TRUSTED_PROXIES lists them."""
    return tuple(ip_network(text.strip(), strict=False) for text in texts if text.strip())


class Proxies:
    """The hops that are believed: those of these networks."""

    def __init__(self, trusted: tuple[Network, ...]) -> None:
        self.trusted = trusted
        self._remembered = lru_cache(_REMEMBERED)(self._find)

    def client_address(self, scope: HTTPScope) -> str:
        """The right-most address of X-Forwarded-For that is not one of our own proxies.

        Only a trusted peer's header is read, and only from the right: what stands left of the first hop that
        is not ours was written by the client. "" where the peer has no address (a Unix socket, a test).
        """
        peer = scope.get("client")
        address = _plain(peer[0]) if peer else ""
        if not self.trusted:
            return address
        hops = b",".join([value for name, value in scope["headers"] if name == b"x-forwarded-for"])
        find = self._remembered if len(hops) <= _LONGEST else self._find
        return find(address, hops)

    def _find(self, address: str, hops: bytes) -> str:
        if not self._within(address):
            return address
        for hop in reversed(hops.decode("latin-1").split(",")):
            forwarded = _plain(hop)
            if not forwarded:
                break
            address = forwarded
            if not self._within(forwarded):
                break
        return address

    def _within(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self.trusted)


@lru_cache(_REMEMBERED)
def limited_as(address: str) -> str:
    """The address as limits count it: one IPv6 customer owns a whole /64 and would else be 2**64 callers."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed)


def _plain(text: str) -> str:
    """An address without port, brackets or IPv4-in-IPv6; "" where it is none."""
    return _read(text) if len(text) <= _LONGEST else ""


@lru_cache(_REMEMBERED)
def _read(text: str) -> str:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ip_address(text)
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(parsed)
