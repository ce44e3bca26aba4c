"""The servers that a database's URL names: one, or several of which one takes writes.

`DB_HOST=first,second` (or libpq's `postgresql://first:5432,second:5432/name`) is for a primary and the
replica that will be promoted when it dies. Which of them is the primary is asked anew for every connection,
so a promotion needs no restart and no change of settings here.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

ONE_HOST = (
    3.0  # seconds: a machine that has vanished refuses nothing, and the next one is waiting to be asked
)
SILENCE = 5  # seconds until a server that says nothing is asked whether its machine still is there
ASKED = 3  # times, each after so long again, until the connection counts as lost
_WRITES = "read-write"
UNREADABLE = (
    "cannot be read as an address: behind its host stands a port from 1 to 65535, or nothing; in a password"
    " /, ?, #, @, % and a space are written %2F, %3F, %23, %40, %25 and %20"
)
_END = re.compile("[/?#]")
_NOT_WRITTEN_SO = re.compile(r"\s|%(?!(?!00)[0-9A-Fa-f]{2})")


def split(url: str) -> SplitResult:
    """`urlsplit` of an address that may list several hosts. Pythons since 2025 refuse a list in which one
    is an IPv6 address (CVE-2025-0938); each alone is looked at by `is_readable`."""
    scheme, slashes, rest = url.partition("://")
    listed = _END.split(rest, maxsplit=1)[0]
    login, at, hosts = listed.rpartition("@")
    if not slashes or "," not in hosts:
        return urlsplit(url)
    return urlsplit(f"{scheme}://{login}{at}host{rest[len(listed) :]}")._replace(netloc=listed)


def each_host(url: str) -> tuple[str, ...]:
    """The URL once for each host, without what it says of which to choose."""
    parts = split(url)
    login, at, listed = parts.netloc.rpartition("@")
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "target_session_attrs"]
    said = dict(query)
    if "host" in said:  # folders of sockets stand in the query
        hosts = said["host"].split(",")
        ports = said.get("port", "").split(",")
        ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
        rest = [(name, value) for name, value in query if name not in ("host", "port")]
        queries = [
            [*rest, ("host", host), *([("port", port)] if port else [])]
            for host, port in zip(hosts, ports, strict=True)
        ]
        # (`urlunsplit` takes the slashes before no host away, without which it is no address)
        start = f"{parts.scheme}://{parts.netloc}{parts.path}"
        return tuple(f"{start}?{urlencode(query)}" for query in queries)
    return tuple(
        urlunsplit(parts._replace(netloc=f"{login}{at}{host}", query=urlencode(query)))
        for host in listed.split(",")
    )


def is_readable(url: str) -> bool:
    """Whether every host of an address, a database's or another, has a port that can be one."""
    try:
        parts = [urlsplit(part) for part in each_host(url)]
        ports = [part.port for part in parts] + [
            int(value) for part in parts for name, value in parse_qsl(part.query) if name == "port"
        ]
    except ValueError:
        return False
    return all(port is None or 0 < port < 2**16 for port in ports)


def is_database_address(url: str) -> bool:
    """Whether libpq reads the address as it was meant. What it cannot read it repeats in its error, and what
    stands behind a password's own @ it takes for the host: either tells a part of the password."""
    if not is_readable(url) or _NOT_WRITTEN_SO.search(url):
        return False
    parts = split(url)
    behind = any("@" in part for part in (parts.path, parts.fragment))
    unnamed = any("=" not in part for part in parts.query.split("&") if part)
    return parts.netloc.count("@") < 2 and not behind and not unnamed


def target_of(url: str) -> str:
    """Which of several hosts is meant: libpq's `target_session_attrs`; who says nothing wants to write."""
    return dict(parse_qsl(split(url).query)).get("target_session_attrs", _WRITES)


def libpq_options() -> dict[str, int]:
    """The same patience, as libpq takes it (psycopg, psql)."""
    return {
        "connect_timeout": int(ONE_HOST),
        "keepalives_idle": SILENCE,
        "keepalives_interval": SILENCE,
        "keepalives_count": ASKED,
        "tcp_user_timeout": SILENCE * (ASKED + 1) * 1000,
    }
