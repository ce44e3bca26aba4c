"""The status page for everybody: what it says, in which language, how it is cached, and what it costs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from xml.etree import ElementTree

import msgspec
import psycopg
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.languages import DEFAULT, LANGUAGES
from hotel_booking.domains.incidents.maintenance import BODY, TITLE
from hotel_booking.domains.incidents.status_summary import components
from hotel_booking.domains.incidents.status_types import COMPONENTS, DAYS, ComponentState, Day
from hotel_booking.domains.incidents.templates import TEMPLATES, UNNAMED
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.ui import assets
from hotel_booking.ops.embedded import Cluster
from hotel_booking.status.drawing import kind_of, paths
from tests.clients.http_client import running, settings_for
from tests.factories.status_history import history, looked, probed

NOW = datetime(2030, 3, 5, 12, 0, tzinfo=UTC)


async def test_a_platform_that_nobody_has_looked_at_is_not_said_to_work(
    db: Database, database_url: str
) -> None:
    async with running(settings_for(database_url)) as (_, client):
        page = (await client.get("/status")).text
        said = (await client.get("/status/api/v2/summary.json")).json()
    assert "We cannot measure everything at the moment" in page
    assert "Not checked yet." in page
    assert 'class="good"' not in page.partition('class="legend"')[0]
    assert {one["status"] for one in said["components"]} == {"degraded_performance"}
    assert said["status"]["indicator"] == "minor"


async def test_the_page_says_what_is_known_in_five_languages(db: Database, database_url: str) -> None:
    await history(db, utc_now())
    async with running(settings_for(database_url)) as (_, client):
        pages = {code: await client.get(f"/status/{code}") for code in LANGUAGES}
        assert (await client.get("/status/xx")).status_code == 404
        negotiated = await client.get("/status", headers={"accept-language": "de-AT, en;q=0.5"})
    for code, answer in pages.items():
        assert answer.status_code == 200
        assert answer.headers["content-language"] == code
        assert f'<html lang="{code}" dir="{"rtl" if code == "ar" else "ltr"}">' in answer.text
        texts = translations(code)
        for said in (BODY, TEMPLATES[1].body):
            assert texts.gettext(said) in answer.text
            assert (texts.gettext(said) == said) == (code == DEFAULT)
        # What people wrote is marked as what it is.
        [own] = re.findall(r'<p lang="en" dir="ltr">(.*?)</p>', answer.text)
        assert "The provider of our card payments has trouble" in own
        assert answer.text.count('role="img" aria-label="') == len(COMPONENTS)
        assert "<script" not in answer.text
    assert negotiated.text == pages["de"].text
    assert negotiated.headers["vary"] == "accept-language, accept-encoding"
    assert "0 oversold nights, last checked" in pages["en"].text
    assert "0 überbuchte Nächte, zuletzt geprüft" in pages["de"].text


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {DEFAULT}))
def test_every_text_that_is_ready_is_translated(language: str) -> None:
    texts = translations(language)
    assert [one.key for one in TEMPLATES if texts.gettext(one.body) == one.body] == []


async def test_caches_keep_it_and_nobody_is_recognised(db: Database, database_url: str) -> None:
    await history(db, utc_now())
    async with running(settings_for(database_url)) as (app, client):
        for path in ("/status/en", "/status/api/v2/summary.json", "/status/history.atom"):
            first = await client.get(path)
            assert first.headers["cache-control"].startswith("public, max-age=30"), path
            assert "set-cookie" not in first.headers
            app.state.status_read = None  # read anew, and the same
            again = await client.get(path, headers={"if-none-match": first.headers["etag"]})
            assert (again.status_code, again.content) == (304, b""), path
            # A key that opens nothing is refused elsewhere: here nobody looks.
            known = await client.get(
                path, headers={"authorization": "Bearer nobody", "cookie": "hotel_staff=x"}
            )
            assert (known.status_code, known.text) == (200, first.text), path


async def test_the_page_is_small(db: Database, database_url: str) -> None:
    await history(db, utc_now())
    async with running(settings_for(database_url)) as (_, client):
        answer = await client.get("/status/ar", headers={"accept-encoding": "gzip"})
    style = assets.find("status.css").packed
    assert style is not None
    # The first round trip of a connection carries 14 KB.
    assert int(answer.headers["content-length"]) + len(style) < 14_000


async def test_while_the_database_is_away_it_says_what_it_knew(
    db: Database, database_url: str, cluster: Cluster
) -> None:
    await history(db, utc_now())
    async with running(settings_for(database_url)) as (app, client):
        assert (await client.get("/status/en")).status_code == 200
        said = app.state.status_read
        app.state.status_read = msgspec.structs.replace(said, at=said.at - timedelta(minutes=1))
        with away(cluster, database_url):
            answer = await client.get("/status/en")
            app.state.status_read = None
            nothing_known = await client.get("/status/en")
        back = await client.get("/status/en")
    assert answer.status_code == 200
    assert "We cannot read newer data at the moment." in answer.text
    assert answer.headers["cache-control"].startswith("public, max-age=5")
    assert nothing_known.status_code == 503
    assert (back.status_code, "We cannot read newer" in back.text) == (200, False)


@contextmanager
def away(cluster: Cluster, database_url: str) -> Iterator[None]:
    """The database has another name meanwhile, so nobody can connect."""
    name = urlsplit(database_url).path.removeprefix("/")
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name]
        )
    cluster.rename_database(name, f"{name}_away")
    try:
        yield
    finally:
        cluster.rename_database(f"{name}_away", name)


async def test_programs_read_it_as_statuspages(db: Database, database_url: str) -> None:
    await history(db, utc_now())
    async with running(settings_for(database_url, public_url="https://hotel.example")) as (_, client):
        answer = await client.get("/status/api/v2/summary.json")
        said = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert list(said) == ["page", "components", "incidents", "scheduled_maintenances", "status"]
    assert set(said["page"]) == {"id", "name", "url", "time_zone", "updated_at"}
    assert said["status"] == {"indicator": "major", "description": "Partial System Outage"}
    assert {one["id"]: one["status"] for one in said["components"]} == {
        **dict.fromkeys(COMPONENTS, "operational"),
        "payments": "major_outage",
    }
    [incident] = said["incidents"]
    assert (incident["name"], incident["status"], incident["impact"]) == (
        "Cards are declined",
        "identified",
        "major",
    )
    assert [one["id"] for one in incident["components"]] == ["payments"]
    assert [one["status"] for one in incident["incident_updates"]] == ["identified", "investigating"]
    [window] = said["scheduled_maintenances"]
    assert (window["status"], window["impact"]) == ("scheduled", "maintenance")
    begins = datetime.fromisoformat(window["scheduled_for"])
    ends = datetime.fromisoformat(window["scheduled_until"])
    assert (begins.weekday(), begins.hour, ends - begins) == (6, 2, timedelta(hours=4))
    assert json.loads(answer.text) == said


async def test_readers_follow_the_feed(db: Database, database_url: str) -> None:
    await history(db, utc_now())
    async with db.transaction() as tx:
        await tx.execute("UPDATE incident SET public_title = $1 WHERE severity = 'P3'", "a < b & \x01 c")
    async with running(settings_for(database_url, public_url="https://hotel.example")) as (_, client):
        answer = await client.get("/status/history.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    atom = {"a": "http://www.w3.org/2005/Atom"}
    feed = ElementTree.fromstring(answer.content)
    entries = feed.findall("a:entry", atom)
    ids = [entry.findtext("a:id", namespaces=atom) for entry in entries]
    assert len(ids) == len(set(ids)) == 3
    assert all(str(one).startswith("https://hotel.example/status#") for one in ids)
    updated = [str(entry.findtext("a:updated", namespaces=atom)) for entry in entries]
    assert updated == sorted(updated, reverse=True)
    assert feed.findtext("a:updated", namespaces=atom) == updated[0]
    assert "a < b &  c" in [entry.findtext("a:title", namespaces=atom) for entry in entries]


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "ar"])
async def test_the_feed_is_in_the_language_of_its_page(
    db: Database, database_url: str, language: str
) -> None:
    await history(db, utc_now())
    async with db.transaction() as tx:
        await tx.execute("UPDATE incident SET source = 'alert', public_title = NULL WHERE severity = 'P3'")
    texts = translations(language)
    async with running(settings_for(database_url, public_url="https://hotel.example")) as (_, client):
        page = (await client.get(f"/status/{language}")).text
        own = "/status/history.atom" if language == "en" else f"/status/{language}/history.atom"
        assert page.count(f'href="{own}"') == 2
        answer = await client.get(own)
        assert (await client.get("/status/xx/history.atom")).status_code == 404
    assert answer.headers["content-type"].startswith("application/atom+xml")
    atom = {"a": "http://www.w3.org/2005/Atom"}
    feed = ElementTree.fromstring(answer.content)
    assert feed.get("{http://www.w3.org/XML/1998/namespace}lang") == language
    assert feed.findtext("a:title", namespaces=atom) == texts.gettext("Hotel Booking: status")
    titles = [str(one.findtext("a:title", namespaces=atom)) for one in feed.findall("a:entry", atom)]
    bodies = [str(one.findtext("a:content", namespaces=atom)) for one in feed.findall("a:entry", atom)]
    assert any(one.startswith(f"{texts.gettext(TITLE)} · ") for one in titles)
    assert texts.gettext(BODY) in bodies
    assert any(one.startswith(f"{texts.gettext('Investigating')} (") for one in bodies)
    # What an alert has called it is for those who read English.
    assert (texts.gettext(UNNAMED) in titles) == (language != "en")
    assert (texts.gettext(UNNAMED) in page) == (language != "en")


def test_a_word_that_is_old_is_no_word() -> None:
    old = [
        ComponentState("site", "up", NOW, NOW - timedelta(minutes=6)),
        ComponentState("api", "up", NOW, NOW),
    ]
    found = components(probed=old, days=[], incidents=[], windows=[], today=NOW.date(), number=DAYS, now=NOW)
    states = {one.key: one.state for one in found}
    assert (states["site"], states["api"], states["search"]) == ("unknown", "operational", "unknown")


def test_bars_are_never_green_for_a_day_without_probes() -> None:
    days = [
        Day(NOW.date(), "api"),
        Day(NOW.date(), "api", up=100),
        Day(NOW.date(), "api", up=99, down=1),
        Day(NOW.date(), "api", up=98, down=2),
        Day(NOW.date(), "api", up=80, slow=20),
    ]
    assert [kind_of(day) for day in days] == ["none", "good", "some", "bad", "some"]
    assert dict(paths(days)) == {
        "none": "M0 30v-3h3v3z",
        "good": "M4 30v-30h3v30z",
        "some": "M8 30v-22h3v22zM16 30v-22h3v22z",
        "bad": "M12 30v-14h3v14z",
    }


async def test_many_who_ask_at_once_have_the_database_asked_once(db: Database, database_url: str) -> None:
    await probed(db, looked(utc_now()))
    async with running(settings_for(database_url)) as (app, client):
        await client.get("/status/en")
        first = app.state.status_read
        for code in LANGUAGES:
            await client.get(f"/status/{code}")
        assert app.state.status_read is first
