"""What search engines ask first: robots.txt, and the list of pages with their languages."""

from __future__ import annotations

from xml.sax.saxutils import escape

from litestar import Response, get

from hotel_booking.core.config import Settings
from hotel_booking.core.db import Transaction
from hotel_booking.core.integers import LARGEST_BIGINT
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.domains.properties.addresses import part_ends, slugs
from hotel_booking.domains.properties.group_pages import KINDS, languages_by_kind
from hotel_booking.http.access import public
from hotel_booking.web.frame import alternates

HOTELS = 8_000  # of a part: it holds 50,000 addresses, of which each page has five, and 50 MB
_LAST = LARGEST_BIGINT  # the largest id there can be
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_PRIVATE = ("/admin", "/api/", "/*/book/", "/*/booking", "/*/account", "/*/nights", "/webhooks/")


@get("/robots.txt", opt=public(), include_in_schema=False, sync_to_thread=False)
def robots(settings: Settings) -> Response[str]:
    """Pages of content are open; what belongs to one guest is not to be listed."""
    base = settings.public_url.rstrip("/")
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in _PRIVATE), f"Sitemap: {base}/sitemap.xml", ""]
    return Response(
        "\n".join(lines), media_type="text/plain", headers={"cache-control": "public, max-age=3600"}
    )


@get("/sitemap.xml", opt=public(), include_in_schema=False)
async def sitemap(tx: Transaction, settings: Settings) -> Response[str]:
    """The front page, the list of hotels, the group's own pages and every hotel's in every language, each
    naming the others; of a large catalogue the list of the parts that hold them. Three statements."""
    base = settings.public_url.rstrip("/")
    ends = await part_ends(tx, size=HOTELS)
    if ends:
        parts = "".join(
            f"<sitemap><loc>{escape(f'{base}/sitemap/{after}')}</loc></sitemap>" for after in (0, *ends)
        )
        return _xml(f'<sitemapindex xmlns="{_NAMESPACE}">{parts}</sitemapindex>')
    return await _pages(tx, base, 0)


@get("/sitemap/{after:int}", opt=public(), include_in_schema=False)
async def sitemap_part(tx: Transaction, settings: Settings, after: int) -> Response[str]:
    """The hotels that come after an id, as many as a part holds; the first part has the other pages too."""
    return await _pages(tx, settings.public_url.rstrip("/"), min(max(after, 0), _LAST))


async def _pages(tx: Transaction, base: str, after: int) -> Response[str]:
    pages = [f"hotels/{slug}" for slug in await slugs(tx, after=after, limit=HOTELS)]
    if after == 0:
        written = await languages_by_kind(tx)
        pages = ["", "hotels", *(kind for kind in KINDS if kind in written), *pages]
    parts = []
    for page in pages:
        others = "".join(
            f'<xhtml:link rel="alternate" hreflang="{code}" href="{escape(f"{base}/{where}")}"/>'
            for code, where in alternates(page)
        )
        parts += [f"<url><loc>{escape(f'{base}/{code}/{page}')}</loc>{others}</url>" for code in LANGUAGES]
    links = 'xmlns:xhtml="http://www.w3.org/1999/xhtml"'
    return _xml(f'<urlset xmlns="{_NAMESPACE}" {links}>{"".join(parts)}</urlset>')


def _xml(body: str) -> Response[str]:
    return Response(
        f'<?xml version="1.0" encoding="UTF-8"?>{body}',
        media_type="application/xml",
        headers={"cache-control": "public, max-age=3600"},
    )


handlers = [robots, sitemap, sitemap_part]
