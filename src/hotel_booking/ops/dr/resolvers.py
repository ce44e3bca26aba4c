"""What the internet's resolvers say of a name: asked one by one, without the machine's own cache."""

from __future__ import annotations

from hotel_booking.ops.refusals import WrongUse

PUBLIC = "1.1.1.1,8.8.8.8,9.9.9.9"
_SECONDS = 3.0
_LONGEST_CHAIN = 8  # CNAMEs


class Resolver:
    """A resolver by its address, `HOST` or `HOST:PORT`."""

    def __init__(self, address: str) -> None:
        import ipaddress

        host, _, port = address.rpartition(":") if address.count(":") == 1 else (address, "", "53")
        try:
            self._host = str(ipaddress.ip_address(host))
            self._port = int(port)
        except ValueError:
            raise WrongUse(
                f"{address!r} is no resolver's address",
                f"HOTEL_DNS_RESOLVERS takes addresses with commas between them, such as {PUBLIC}",
            ) from None
        self.name = address

    def addresses(self, name: str) -> set[str] | None:
        """The IPv4 addresses of a name; empty where it has none, None where the resolver does not answer."""
        import dns.exception
        import dns.message
        import dns.query
        import dns.rdatatype

        for _ in range(_LONGEST_CHAIN):
            question = dns.message.make_query(name, dns.rdatatype.A)
            try:
                answer, _tcp = dns.query.udp_with_fallback(
                    question, self._host, timeout=_SECONDS, port=self._port
                )
            except (dns.exception.DNSException, OSError):
                return None
            found = {
                item.to_text() for group in answer.answer if group.rdtype == dns.rdatatype.A for item in group
            }
            aliases = [
                item.to_text()
                for group in answer.answer
                if group.rdtype == dns.rdatatype.CNAME
                for item in group
            ]
            if found or not aliases:
                return found
            name = aliases[-1]
        return set()


def named(text: str) -> list[Resolver]:
    """Those of HOTEL_DNS_RESOLVERS, or the public ones. Raises `WrongUse`."""
    return [Resolver(address.strip()) for address in (text or PUBLIC).split(",") if address.strip()]
