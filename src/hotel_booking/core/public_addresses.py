"""Which addresses of machines are of the public Internet: what anybody names may not be one of the inside."""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # NAT64: the last four bytes are an address of IPv4
_DOCUMENTATION = ipaddress.IPv6Network("3fff::/20")
PORTS = (443, 8443)  # at which a program of others is told


def public_address(address: Address) -> bool:
    """Whether an address is one of the public Internet, and none that stands for another that is not."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner:
            return public_address(inner)
        if address.is_site_local or address in _DOCUMENTATION:  # which this Python calls global
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def may_be_public(host: str) -> bool:
    """Whether a host could be one of the public Internet, without asking where its name leads: an address
    that is, or a name of two parts at least."""
    try:
        return public_address(ipaddress.ip_address(host))
    except ValueError:
        name = host.rstrip(".")
        # A last part of digits alone is no name: 0x7f.1 and 2130706433 are other writings of an address.
        return "." in name and name.rpartition(".")[2][:1].isalpha() and not name.endswith(".localhost")
