"""Have the CDN forget what it keeps: CloudFront where a distribution has the domain, CloudFlare where its
token is set."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from hotel_booking.ops.aws import Aws
from hotel_booking.ops.refusals import Refused

_CLOUDFLARE = "https://api.cloudflare.com/client/v4"
_SECONDS = 20


def purge(domain: str, aws: Aws, environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """Purge every CDN that is configured; a line for each. Raises `Refused` where one does not do it."""
    environ = os.environ if environ is None else environ
    mine = [
        distribution["Id"]
        for distribution in _distributions(aws)
        if domain in distribution.get("Aliases", {}).get("Items", ())
    ]
    for distribution in mine:
        made = aws.call(
            "cloudfront",
            "create_invalidation",
            DistributionId=distribution,
            InvalidationBatch={
                "Paths": {"Quantity": 1, "Items": ["/*"]},
                "CallerReference": os.urandom(8).hex(),
            },
        )["Invalidation"]
        yield f"CloudFront {distribution} forgets what it kept (invalidation {made['Id']})"
    token = environ.get("CLOUDFLARE_API_TOKEN", "")
    if token:
        yield _cloudflare(domain, token, environ.get("HOTEL_CLOUDFLARE_URL") or _CLOUDFLARE)
    if not mine and not token:
        yield f"no CDN is configured for {domain}: nothing to purge"


def _distributions(aws: Aws) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    marker: dict[str, str] = {}
    while True:
        page = aws.call("cloudfront", "list_distributions", **marker)["DistributionList"]
        found += page.get("Items", ())
        if not page.get("IsTruncated"):
            return found
        marker = {"Marker": page["NextMarker"]}


def _cloudflare(domain: str, token: str, url: str) -> str:
    import httpx

    try:
        with httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=_SECONDS
        ) as client:
            zones = client.get("/zones", params={"name": domain}).raise_for_status().json()["result"]
            if not zones:
                raise Refused(
                    f"CloudFlare knows no zone {domain} for this token",
                    "DNS has been moved. Purge its cache by hand, or unset the token; run this again.",
                )
            client.post(
                f"/zones/{zones[0]['id']}/purge_cache", json={"purge_everything": True}
            ).raise_for_status()
    except (httpx.HTTPError, KeyError, ValueError) as error:
        raise Refused(
            f"CloudFlare did not purge its cache: {error}",
            "DNS has been moved. Check CLOUDFLARE_API_TOKEN (Zone.Cache Purge), and run this again.",
        ) from None
    return f"CloudFlare forgets what it kept of {domain}"
