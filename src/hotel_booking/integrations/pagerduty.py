"""PagerDuty's Events API v2: https://developer.pagerduty.com/docs/events-api-v2/overview/

Events of the same `dedup_key` are one incident there, so the same event sent twice does no harm.
"""

from __future__ import annotations

from typing import Any

from hotel_booking.domains.incidents.types import Act, Refused
from hotel_booking.integrations.json_post import SECONDS, post_json


class PagerDuty:
    """One service's key; another's for Secondary, where there is one. `site` is
    where the panel is; `seconds` bounds a call."""

    def __init__(
        self,
        key: str,
        *,
        secondary_key: str | None,
        url: str,
        site: str = "http://localhost:8000",
        seconds: float = SECONDS,
    ) -> None:
        self._key = key
        self._secondary_key = secondary_key
        self.wakes_secondary = secondary_key is not None
        self._panel = f"{site.rstrip('/')}/admin/incidents"
        self._url = f"{url.rstrip('/')}/v2/enqueue"
        self._seconds = seconds

    async def send(self, *, act: Act, key: str, payload: dict[str, Any], secondary: bool) -> None:
        """See `Pager`."""
        event: dict[str, Any] = {
            "routing_key": (self._secondary_key if secondary else None) or self._key,
            "event_action": act,
            "dedup_key": key,
        }
        if act == "trigger":
            number = payload.get("custom_details", {}).get("incident", "")
            event |= {
                "payload": payload,
                "client": "Hotel Booking",
                "client_url": f"{self._panel}/{number}",
                "links": [{"href": f"{self._panel}/{number}", "text": "Acknowledge it in the panel"}],
            }
        said = await post_json(self._url, event, seconds=self._seconds)
        if said.status != 202:
            raise Refused(f"PagerDuty answered {said.status}: {said.body[:300].decode(errors='replace')}")
