"""What search engines ask first: robots.txt, and the list of pages with their languages."""

from __future__ import annotations

from xml.sax.saxutils import escape

from litestar import Response, get

from hotel_booking.core.config import Settings
from hotel_booking.core.db import Transaction
from hotel_booking.domains.properties.group_pages import KINDS, languages_by_kind
from hotel_booking.domains.properties.queries import properties
from hotel_booking.http.access import public
from hotel_booking.http.i18n.language import LANGUAGES

_BATCH = 500
_MOST = 9_000  # hotels; a sitemap holds 50,000 addresses, and each page has five
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
    naming the others. One statement for 500 hotels."""
    base = settings.public_url.rstrip("/")
    slugs: list[str] = []
    after = 0
    while len(slugs) < _MOST and (rows := await properties(tx, after=after, limit=_BATCH)):
        slugs += [row.slug for row in rows]
        after = rows[-1].id
    written = await languages_by_kind(tx)
    own = [kind for kind in KINDS if kind in written]
    pages = ["", "hotels", *own, *(f"hotels/{slug}" for slug in slugs[:_MOST])]
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml">',
    ]
    for page in pages:
        others = "".join(
            f'<xhtml:link rel="alternate" hreflang="{code}" href="{escape(f"{base}/{code}/{page}")}"/>'
            for code in LANGUAGES
        )
        parts += [f"<url><loc>{escape(f'{base}/{code}/{page}')}</loc>{others}</url>" for code in LANGUAGES]
    parts.append("</urlset>")
    return Response(
        "".join(parts), media_type="application/xml", headers={"cache-control": "public, max-age=3600"}
    )


handlers = [robots, sitemap]
