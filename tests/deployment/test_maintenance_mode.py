"""deployment/kubernetes/maintenance-mode.yaml is what the application says and refuses while it is closed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from base64 import b64encode
from datetime import timedelta
from functools import cache
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.http.access import surface
from hotel_booking.http.closure import refuse_while_closed
from hotel_booking.http.i18n.language import accepted
from hotel_booking.http.problems import ClosedForMaintenance
from tests.clients.http_client import looked_at
from tests.deployment.checkers import ROOT
from tests.deployment.documents import KUBERNETES, documents

FILE = KUBERNETES / "maintenance-mode.yaml"
HOST = "hotelbooking.com"


@cache
def routes() -> list[dict[str, Any]]:
    """Envoy's, in the order in which it asks them."""
    (one,) = documents(FILE)
    return [patch["patch"]["value"] for patch in one["spec"]["configPatches"]][::-1]


def answer(path: str, host: str = HOST, **headers: str) -> dict[str, Any] | None:
    """What the gateway says, as Envoy reads its routes; None where it lets the request through."""
    values = {":authority": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    for route in routes():
        fits = re.fullmatch(route["match"]["safe_regex"]["regex"], path) is not None
        for wanted in route["match"]["headers"]:
            value = values.get(wanted["name"])
            pattern = wanted["string_match"]["safe_regex"]["regex"]
            like = value is not None and re.fullmatch(pattern, value) is not None
            fits = fits and like != wanted.get("invert_match", False)
        if fits:
            return route
    return None


def language_of(found: dict[str, Any] | None) -> str:
    assert found is not None
    return headers_of(found)["content-language"]


def headers_of(found: dict[str, Any]) -> dict[str, str]:
    return {one["header"]["key"]: one["header"]["value"] for one in found["response_headers_to_add"]}


def test_it_is_made_from_the_application() -> None:
    made = subprocess.run(
        [sys.executable, ROOT / "scripts" / "maintenance_mode"], capture_output=True, text=True, check=True
    )
    assert made.stdout == FILE.read_text(), "make maintenance"


def test_it_is_the_page_and_the_problem_of_the_closed_application() -> None:
    for language, headline in (
        ("en", "We’ll be back soon"),
        ("de", "Wir sind bald wieder da"),
        ("fr", "Nous revenons bientôt"),
        ("es", "Volvemos enseguida"),
        ("ar", "سنعود قريبًا"),
    ):
        found = answer(f"/{language}/hotels/seaview")
        assert found is not None
        said = found["direct_response"]
        assert said["status"] == 503
        assert headline in said["body"]["inline_string"]
        # What Envoy takes unless it is told otherwise.
        assert len(said["body"]["inline_string"].encode()) <= 4096
        headers = headers_of(found)
        assert headers["retry-after"] == "600"
        assert headers["x-closed"] == "maintenance"
        assert headers["cache-control"] == "no-store"
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert "strict-transport-security" in headers
        assert {one["append_action"] for one in found["response_headers_to_add"]} == {
            "OVERWRITE_IF_EXISTS_OR_ADD"
        }
    problem = answer("/api/v1/search")
    assert problem is not None
    assert json.loads(problem["direct_response"]["body"]["inline_string"]) == {
        "type": "/api/docs/errors#closed_for_maintenance",
        "title": "Service Unavailable",
        "status": 503,
        "code": "closed_for_maintenance",
        "detail": "the platform is closed for maintenance",
        "fix": "try again when it is expected to be over",
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_needs_nothing_that_may_be_away(language: str) -> None:
    """The application may be: then nobody has its styles. What is linked to is there, in its language."""
    found = answer(f"/{language}")
    assert found is not None
    page = found["direct_response"]["body"]["inline_string"]
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    policy = headers_of(found)["content-security-policy"]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in policy
    assert not re.search(r"<(?:script|link|img|svg|form)\b|url\(|@import", page)
    links = set(re.findall(r'href="([^"]*)"', page))
    assert links == {f"/status/{language}", *(f"/{other}" for other in LANGUAGES)}
    assert answer(f"/status/{language}") is None
    assert all(language_of(answer(f"/{other}", accept_language=language)) == other for other in LANGUAGES)


def app_refuses(path: str) -> bool:
    state = SimpleNamespace(closed_until=utc_now() + timedelta(minutes=5))
    scope: Any = {"litestar_app": SimpleNamespace(state=state), "path": path}
    try:
        refuse_while_closed(scope, surface(path))
    except ClosedForMaintenance:
        return True
    return False


ODD = """/ // //admin /en /en/ /xx /xx/hotels /EN /eng /search /search/x /searching /imprint /api /api/
/api/v1 /api/v1/ /api/v1/search /api/v2/search /api/docs /apiv1/ /admin /admin/ /administrator /status
/status/en /webhooks/stripe /webhooks/alertmanager /health/live /health/ready /assets/site.css /media/a/b.webp
/robots.txt /favicon.ico /a /1a /en.html /language/de /currency/EUR /booking /account/sign-in""".split()


def test_it_lets_through_what_the_application_does() -> None:
    app = looked_at()
    paths = {re.sub(r"\{[^}]*\}", "x1", route.path) for route in app.routes} | set(ODD)
    assert len(paths) > 200
    refused = {path for path in paths if app_refuses(path)}
    assert {path for path in paths if answer(path) is not None} == refused
    assert {"/", "/search", "/api/v1/search"} < refused
    # The panel, the status page and Grafana have hosts of their own; the API's has no pages.
    for host in ("admin", "status", "monitoring"):
        assert not any(answer(path, host=f"{host}.{HOST}") for path in paths)
    assert {path for path in paths if answer(path, host=f"api.staging.{HOST}:443")} == {
        path for path in refused if path.startswith("/api/v1/")
    }


@pytest.mark.parametrize(
    "said",
    [
        "",
        "de",
        "de-AT,de;q=0.9,en;q=0.8",
        "it-IT,it;q=0.9,fr;q=0.8,en;q=0.7",
        "ES-419, en;q=0.5",
        "ar",
        "zh-CN,zh;q=0.9,pt;q=0.8,ar;q=0.7,en;q=0.6",
        "nl",
        "den, fr",
        "de_DE",
        "*",
        "en-GB , de",
        ";;;,,",
    ],
)
def test_it_speaks_the_language_that_the_application_does(said: str) -> None:
    headers = {"accept_language": said} if said else {}
    assert language_of(answer("/", **headers)) == accepted(said)
    # What the address says comes first, then the cookie.
    for language in LANGUAGES:
        assert language_of(answer(f"/{language}", **headers)) == language
        chosen = f"a=b; __Host-hotel_language={language}; c=d"
        assert language_of(answer("/hotels", cookie=chosen, **headers)) == language
    assert language_of(answer("/xx", cookie="x__Host-hotel_language=de", **headers)) == accepted(said)


def test_kubectl_takes_it_and_takes_it_back() -> None:
    """Client-side apply keeps the whole in an annotation, which holds 256 KiB."""
    (one,) = documents(FILE)
    assert len(json.dumps(one).encode()) < 200_000
    assert (one["metadata"]["name"], one["metadata"]["namespace"]) == (
        "hotel-booking-maintenance",
        "istio-ingress",
    )
    gateway = next(
        one for one in documents(KUBERNETES / "base" / "istio" / "gateway.yaml") if one["kind"] == "Gateway"
    )
    assert one["spec"]["workloadSelector"]["labels"] == gateway["spec"]["selector"]
