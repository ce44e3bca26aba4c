"""The running site as a stranger meets it: its certificate, and what its answers forbid a browser."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPMessage
from urllib.parse import SplitResult, urljoin, urlsplit

from hotel_booking.core.clock import utc_now
from hotel_booking.core.hosts import is_readable
from hotel_booking.ops.security.checks import Check, NotChecked, Surroundings

_DAYS = 21  # that a certificate should have left
_SECONDS = 10.0
_YEAR = 31_536_000
_MOST_STEPS = 4


def site(here: Surroundings) -> Iterator[str]:
    """Its TLS, its headers, its cookies, and where plain HTTP leads."""
    if not here.site:
        raise NotChecked("no site was named", "security-audit.sh --site https://hotelbooking.com")
    parts = urlsplit(here.site if is_readable(here.site) else "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotChecked(f"{here.site} is no address of a site, such as https://hotelbooking.com")
    secure = parts.scheme == "https"
    if not secure:
        yield f"{here.site} is answered without encryption"
    try:
        if secure:
            yield from _certificate(parts)
            if parts.port in (None, 443):
                yield from _plain(parts.hostname)
        # Where the root leads to a page, the page is what guests have.
        found = [line for answer in _answers(parts) for line in _headers(answer, secure)]
        yield from dict.fromkeys(found)
    except (OSError, http.client.HTTPException) as error:
        raise NotChecked(f"{here.site} does not answer: {error}") from None


def _certificate(parts: SplitResult) -> Iterator[str]:
    host, port = parts.hostname or "", parts.port or 443
    context = ssl.create_default_context()
    try:
        with (
            socket.create_connection((host, port), timeout=_SECONDS) as line,
            context.wrap_socket(line, server_hostname=host) as talk,
        ):
            until = (talk.getpeercert() or {}).get("notAfter")
            left = (ssl.cert_time_to_seconds(str(until)) - utc_now().timestamp()) / 86_400
            if left < _DAYS:
                yield f"the certificate ends in {left:.0f} days"
            if talk.version() not in ("TLSv1.2", "TLSv1.3"):
                yield f"it speaks {talk.version()}"
    except ssl.SSLCertVerificationError as error:
        yield f"the certificate does not prove the site: {error.verify_message}"


def _plain(host: str) -> Iterator[str]:
    try:
        answer = _answer(urlsplit(f"http://{host}/"))
    except OSError:
        return  # nobody listens there, which is as good
    if not str(answer.get("location", "")).startswith("https://"):
        yield f"http://{host}/ does not lead to https"


def _answer(parts: SplitResult) -> HTTPMessage:
    # What the certificate lacks was said already.
    trusting = ssl._create_unverified_context()  # noqa: S323, SLF001  # only headers are looked at
    line: http.client.HTTPConnection = (
        http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=_SECONDS, context=trusting)
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_SECONDS)
    )
    try:
        where = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        line.request("GET", where, headers={"User-Agent": "hotel-booking security-audit"})
        return line.getresponse().headers
    finally:
        line.close()


def _answers(parts: SplitResult) -> Iterator[HTTPMessage]:
    """What the address answers, and what answers where it leads on the same site."""
    for _ in range(_MOST_STEPS):
        told = _answer(parts)
        yield told
        to = urlsplit(urljoin(parts.geturl(), told.get("location", "")))
        if not told.get("location") or (to.scheme, to.netloc) != (parts.scheme, parts.netloc):
            return
        parts = to


def _lets_scripts_in(policy: str) -> bool:
    """Whether a page's own scripts would run, or those of anybody: what no word forbids is allowed."""
    said = [part.split() for part in policy.lower().split(";") if part.strip()]
    named = {words[0]: words[1:] for words in reversed(said)}  # of a word said twice the first counts
    sources = named.get("script-src", named.get("default-src"))
    return sources is None or bool({"'unsafe-inline'", "*", "http:", "https:", "data:"} & set(sources))


def _headers(told: HTTPMessage, secure: bool) -> Iterator[str]:
    policy = told.get("content-security-policy", "")
    if not policy:
        yield "no content-security-policy"
    elif _lets_scripts_in(policy):
        yield "the content-security-policy lets scripts into the page"
    if told.get("x-content-type-options", "").lower() != "nosniff":
        yield "no x-content-type-options: nosniff"
    if "frame-ancestors" not in policy and not told.get("x-frame-options"):
        yield "others may frame it: neither frame-ancestors nor x-frame-options"
    if not told.get("referrer-policy"):
        yield "no referrer-policy"
    if secure:
        age = told.get("strict-transport-security", "").lower().partition("max-age=")[2].partition(";")[0]
        if not age.isdecimal() or int(age) < _YEAR:
            yield "no strict-transport-security of a year"
    if any(letter.isdigit() for letter in told.get("server", "")):
        yield f"it tells its version: {told['server']}"
    for cookie in told.get_all("set-cookie") or ():
        name, _, rest = cookie.partition("=")
        has = {part.strip().lower().partition("=")[0] for part in rest.split(";")[1:]}
        lacks = [
            word for word in ("httponly", "samesite", *(["secure"] if secure else [])) if word not in has
        ]
        if lacks:
            yield f"cookie {name} lacks {', '.join(lacks)}"


CHECKS = (Check("site", "TLS, headers and cookies of the running site", site),)
