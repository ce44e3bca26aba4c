"""Slack's Web API: https://docs.slack.dev/apis/web-api/

It answers 200 also to what it refuses, and says so in the body: {"ok": false, "error": "channel_not_found"}.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hotel_booking.domains.incidents.types import Refused, Unavailable
from hotel_booking.integrations.json_post import SECONDS, post_json

_PASSES = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
_LONGEST = 3000  # characters: what is longer Slack cuts in two


class _Answer(msgspec.Struct, frozen=True):
    ok: bool
    error: str = ""


class Slack:
    """A workspace by its app's token. `site` is where the panel is; `seconds` bounds a call."""

    def __init__(
        self, token: str, *, url: str, site: str = "http://localhost:8000", seconds: float = SECONDS
    ) -> None:
        self._headers = {"authorization": f"Bearer {token}"}
        self._url = url.rstrip("/")
        self._panel = f"{site.rstrip('/')}/admin/incidents"
        self._seconds = seconds

    async def post(self, *, channel: str, text: str, incident_id: int | None = None) -> None:
        """See `Chat`."""
        said = escaped(text)[:_LONGEST]
        if incident_id is not None:
            said += f"\n<{self._panel}/{incident_id}|Incident {incident_id} in the panel>"
        message = {"channel": f"#{channel}", "text": said, "unfurl_links": False}
        answer = await self._call("chat.postMessage", message)
        if answer.error == "channel_not_found":
            made = await self._call("conversations.create", {"name": channel})
            # Somebody else may have made it meanwhile; where the app may not see it the next answer says so.
            if not made.ok and made.error != "name_taken":
                raise Refused(f"Slack makes no channel #{channel}: {made.error}")
            answer = await self._call("chat.postMessage", message)
        if not answer.ok:
            raise Refused(f"Slack refuses it: {answer.error}")

    async def _call(self, method: str, body: dict[str, Any]) -> _Answer:
        said = await post_json(f"{self._url}/{method}", body, headers=self._headers, seconds=self._seconds)
        if said.status != 200:
            raise Refused(f"Slack answered {said.status}: check HOTEL_SLACK_URL")
        try:
            answer = msgspec.json.decode(said.body, type=_Answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Unavailable("Slack’s answer is no JSON that it sends") from None
        if not answer.ok and answer.error in _PASSES:
            raise Unavailable(f"Slack says {answer.error}", after=said.after)
        return answer


def escaped(text: str) -> str:
    """Plain text: nobody is called by what somebody wrote (`<!channel>`)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
