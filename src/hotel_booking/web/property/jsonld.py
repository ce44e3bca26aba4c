"""Linked data for search engines: a hotel and what it sells, as schema.org calls them.

It stands in a script element of type application/ld+json, which no browser runs, so the strict policy of the
pages allows it; what could end the element or begin a comment is written as escapes of JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from markupsafe import Markup

from hotel_booking.core import formats
from hotel_booking.domains.properties.catalogue import Property
from hotel_booking.domains.search.types import Offer

_ESCAPES = (
    ("<", "\\u003c"),
    (">", "\\u003e"),
    ("&", "\\u0026"),
    ("\u2028", "\\u2028"),
    ("\u2029", "\\u2029"),
)


def begun(data: Mapping[str, Any]) -> str:
    """The data without their closing brace, for `script`."""
    return _json({"@context": "https://schema.org", **data}).removesuffix("}")


def script(begun: str, offers: Sequence[Mapping[str, Any]]) -> Markup:
    """What `begun` gave, completed by the offers, as a script element."""
    more = f',"makesOffer":{_json(offers)}' if offers else ""
    return Markup('<script type="application/ld+json">{}</script>').format(Markup(f"{begun}{more}}}"))  # noqa: S704 - escaped


def _json(data: Any) -> str:
    text = msgspec.json.encode(data).decode()
    for letter, escape in _ESCAPES:  # a fiftieth of what `translate` takes, which looks up each letter
        text = text.replace(letter, escape)
    return text


def hotel(
    property_: Property,
    *,
    name: str,
    description: str,
    url: str,
    images: Sequence[str],
    amenities: Sequence[str],
) -> dict[str, Any]:
    """A property as a `Hotel`; `url` and `images` are absolute. What is not known is left out."""
    address = {
        "@type": "PostalAddress",
        "streetAddress": property_.address,
        "postalCode": property_.postal_code,
        "addressLocality": property_.city,
        "addressCountry": property_.country,
    }
    rating = {"@type": "Rating", "ratingValue": property_.stars, "bestRating": 5} if property_.stars else None
    data = {
        "@type": "Hotel",
        "@id": url,
        "url": url,
        "name": name,
        "description": description,
        "image": list(images),
        "address": _known(address),
        "geo": {"@type": "GeoCoordinates", "latitude": property_.lat, "longitude": property_.lon},
        "starRating": rating,
        "checkinTime": property_.check_in_time.strftime("%H:%M"),
        "checkoutTime": property_.check_out_time.strftime("%H:%M"),
        "telephone": property_.phone,
        "currenciesAccepted": property_.currency,
        "amenityFeature": [
            {"@type": "LocationFeatureSpecification", "name": word, "value": True} for word in amenities
        ],
    }
    return _known(data)


def offer(one: Offer, *, room_type: str, rate_plan: str, url: str) -> dict[str, Any]:
    """What is sold for the stay asked for, as an `Offer` of a `HotelRoom`; the price is for the whole stay
    with all taxes. `url` is where it can be chosen."""
    return {
        "@type": "Offer",
        "name": rate_plan,
        "url": url,
        "availability": "https://schema.org/InStock",
        "price": formats.plain(one.total, one.currency),
        "priceCurrency": one.currency,
        "itemOffered": {"@type": "HotelRoom", "name": room_type},
        "inventoryLevel": {"@type": "QuantitativeValue", "value": one.rooms_left},
    }


def _known(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value not in (None, "", [])}
