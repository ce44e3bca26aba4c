"""Being told by e-mail: by double opt-in, each thing once, until one leaves with one click."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hotel_booking.core import links
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.incidents import maintenance, service, subscriptions, templates
from hotel_booking.domains.incidents.types import Actor
from hotel_booking.domains.notifications import queries as outbox
from hotel_booking.domains.notifications.rendering import rendered_message
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.integrations.smtp import compose
from tests.clients.http_client import running, settings_for

KEY = "k" * 40
BY = Actor("Operations")


def link(path: str, reader: str = "") -> str:
    return links.signed("https://hotel.example", KEY, path, reader)


def inside(path: str) -> str:
    return link(path).removeprefix("https://hotel.example")


def said(text: str, language: str) -> str:
    return translations(language).gettext(text)


async def subscribers(db: Database) -> list[Any]:
    async with db.reading() as tx:
        return await tx.fetch("SELECT id, email, confirmed_at FROM status_subscriber ORDER BY id")


async def sent(db: Database, template: str) -> list[str]:
    async with db.reading() as tx:
        rows = await tx.fetch("SELECT recipient FROM mail_message WHERE template = $1 ORDER BY 1", template)
    return [row["recipient"] for row in rows]


async def test_only_the_owner_of_an_address_is_told_and_leaves(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url, secret_key=KEY)) as (_, client):
        asked = await client.post(
            "/status/subscriptions", data={"email": "Ana@example.com", "language": "de"}
        )
        # The answer has an address of its own, which can be loaded anew: that asks for nothing again.
        assert (asked.status_code, asked.headers["location"]) == (303, "/status/subscriptions/de/asked")
        shown = await client.get(asked.headers["location"])
        assert (shown.status_code, "Postfach" in shown.text) == (200, True)
        assert await sent(db, "status_confirm") == ["Ana@example.com"]
        [[number, _, confirmed]] = await subscribers(db)
        assert confirmed is None

        # What opens the links of a mail confirms nothing and ends nothing.
        path = inside(subscriptions.confirming(number))
        assert "<form" in (await client.get(path)).text
        assert [row["confirmed_at"] for row in await subscribers(db)] == [None]
        # A link is good for what it was made for.
        token = path.partition("=")[2]
        for wrong in (f"{path}x", path.partition("?")[0], f"/status/subscription/{number}?token={token}"):
            assert (await client.post(wrong)).status_code == 404
        assert [row["confirmed_at"] for row in await subscribers(db)] == [None]
        done = await client.post(path)
        assert (done.status_code, done.headers["location"]) == (303, "/status/subscriptions/de/confirmed")
        assert "token" not in (await client.get(done.headers["location"])).text
        [[_, _, confirmed]] = await subscribers(db)
        assert confirmed is not None
        # Who asks for a confirmed address learns nothing, and its owner is left alone.
        again = await client.post(
            "/status/subscriptions", data={"email": "ana@example.com", "language": "de"}
        )
        assert again.headers["location"] == asked.headers["location"]
        assert await sent(db, "status_confirm") == ["Ana@example.com"]

        # A mail program's own button: a POST from another site, without cookies, which follows nothing.
        leaving = inside(subscriptions.leaving(number))
        assert "<form" in (await client.get(leaving)).text
        one_click = await client.post(
            leaving,
            data={"List-Unsubscribe": "One-Click"},
            headers={"origin": "https://mail.example", "sec-fetch-site": "cross-site"},
        )
        assert one_click.status_code == 200
        assert await subscribers(db) == []
        assert (await client.post(leaving)).status_code == 200
        left = await client.post(leaving, data={"": ""}, headers={"accept-language": "ar"})
        assert (left.status_code, left.headers["location"]) == (303, "/status/subscriptions/ar/left")
        late = await client.post(path, headers={"accept-language": "ar"})
        assert (late.status_code, late.headers["location"]) == (303, "/status/subscriptions/ar/too_late")
        assert (await client.get(path)).status_code == 410
        for nowhere in ("/status/subscriptions/de/x", "/status/subscriptions/xx/left"):
            assert (await client.get(nowhere)).status_code == 404
        # Their language is forgotten too: the browser's is left.
        for address in (leaving, path, left.headers["location"], late.headers["location"]):
            answer = await client.get(address, headers={"accept-language": "ar"})
            assert (answer.headers["content-language"], 'lang="ar"' in answer.text) == ("ar", True)


@pytest.mark.parametrize("email", ["", "ana", "ana@", "a\x00@example.com", "x" * 400 + "@example.com"])
async def test_what_is_no_address_is_refused(db: Database, database_url: str, email: str) -> None:
    async with running(settings_for(database_url, secret_key=KEY)) as (_, client):
        answer = await client.post("/status/subscriptions", data={"email": email, "language": "xx"})
        if answer.status_code != 400:
            assert answer.headers["location"] == "/status/subscriptions/en/invalid"
            assert "valid email address" in (await client.get(answer.headers["location"])).text
    assert await subscribers(db) == []


async def test_a_mailbox_is_asked_a_few_times_only(db: Database) -> None:
    now = utc_now()
    for minute in range(5):
        async with db.transaction() as tx:
            await subscriptions.ask(
                tx, email="ana@example.com", language="en", now=now + timedelta(minutes=minute)
            )
    assert len(await sent(db, "status_confirm")) == subscriptions.CONFIRMATIONS.an_hour
    async with db.transaction() as tx:
        [[number, _, _]] = await tx.fetch("SELECT id, email, confirmed_at FROM status_subscriber")
        late = now + timedelta(days=3)
        assert not await subscriptions.confirm(tx, subscriber_id=number, now=late)
        await subscriptions.purge(tx, now=late)
    assert await subscribers(db) == []


async def test_each_is_told_once_of_each_thing(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "_TOGETHER", 2)  # so that five take several turns
    now = utc_now()
    before, after = now - timedelta(hours=1), now + timedelta(minutes=5)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO status_subscriber (email, email_key, language, asked_at, confirmed_at)"
            " SELECT e || '@x.example', e || '@x.example', 'en', $1::timestamptz,"
            "        CASE WHEN e <> 'un' THEN $1::timestamptz END"
            "   FROM unnest('{a,b,c,d,un}'::text[]) AS t(e)",
            before,
        )
        incident = await service.declare(tx, title="Cards are declined", severity="P2", by=BY, now=now)
        await service.publish(
            tx, incident_id=incident.id, status="investigating", body="We look into it.", by=BY, now=now
        )
        # Who comes later is not told of what was before.
        await tx.execute(
            "INSERT INTO status_subscriber (email, email_key, language, asked_at, confirmed_at)"
            " VALUES ('late@x.example', 'late@x.example', 'en', $1, $1)",
            after,
        )
    expected = [f"{name}@x.example" for name in "abcd"]

    async def tell() -> None:
        async with db.transaction() as tx:
            await subscriptions.note_events(tx, now=after)
        more = True
        while more:
            async with db.transaction() as tx:
                more = await subscriptions.tell_some(tx, now=after, say=said)

    await tell()
    await tell()
    assert await sent(db, "status_news") == expected
    # A worker that died after a turn: what it did stands, and the rest is told.
    async with db.transaction() as tx:
        await tx.execute("UPDATE status_event SET told_at = NULL, reached = 0")
    await tell()
    assert await sent(db, "status_news") == expected

    async with db.transaction() as tx:
        await maintenance.schedule(
            tx,
            starts_at=after + timedelta(days=1),
            ends_at=after + timedelta(days=1, hours=2),
            title=maintenance.TITLE,
            body=maintenance.BODY,
            now=after,
        )
        await maintenance.announce(tx, now=after)
    await tell()
    assert await sent(db, "status_news") == sorted([*expected * 2, "late@x.example"])
    async with db.reading() as tx:
        told = await outbox.list_messages(tx)
    message = next(one for one in told if one.data["title"].startswith(maintenance.TITLE))
    rendered = rendered_message(message, link)
    raw = compose(
        message_id="x", sender="bookings@hotel.example", recipient=message.recipient, rendered=rendered
    )
    assert raw["List-Unsubscribe"].startswith("<https://hotel.example/status/subscription/")
    assert raw["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert rendered.unsubscribe is not None
    assert rendered.unsubscribe in rendered.text
    assert "Scheduled maintenance" in rendered.subject


async def test_what_only_an_alert_has_named_is_called_by_us(db: Database) -> None:
    now = utc_now()
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO status_subscriber (email, email_key, language, asked_at, confirmed_at)"
            " SELECT l || '@x.example', l || '@x.example', l, $1::timestamptz, $1::timestamptz"
            "   FROM unnest('{de,en}'::text[]) AS t(l)",
            now - timedelta(hours=1),
        )
        one = await service.declare(tx, title="Card payments fail", severity="P2", by=BY, now=now)
        await tx.execute("UPDATE incident SET source = 'alert'")
        await service.publish(
            tx, incident_id=one.id, status="investigating", body="We look into it.", by=BY, now=now
        )
        await subscriptions.note_events(tx, now=now)
        await subscriptions.tell_some(tx, now=now, say=said)
    async with db.reading() as tx:
        told = {message.language: message.data["title"] for message in await outbox.list_messages(tx)}
    assert told == {"de": "Technische Störung", "en": "Card payments fail"}


@pytest.mark.parametrize(
    ("language", "title", "body", "off"),
    [
        (
            "en",
            "Scheduled maintenance · Sunday, 3 March 2030 · 02:00 \N{EN DASH} 06:00 UTC",
            "We maintain",
            "called off",
        ),
        (
            "de",
            "Geplante Wartung · Sonntag, 3. März 2030 · 02:00 \N{EN DASH} 06:00 UTC",
            "Wir warten",
            "abgesagt",
        ),
        ("ar", "صيانة مجدولة · الأحد، 3 مارس 2030 · 2:00 ص \N{EN DASH} 6:00 ص UTC", "نُجري صيانة", "أُلغيت"),
    ],
)
async def test_news_are_in_the_language_of_who_is_told(
    db: Database, language: str, title: str, body: str, off: str
) -> None:
    """As the page says them: what stands ready in their language, what people wrote as they wrote it."""
    now = datetime(2030, 2, 27, 9, tzinfo=UTC)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO status_subscriber (email, email_key, language, asked_at, confirmed_at)"
            " VALUES ('a@x.example', 'a@x.example', $1, $2, $2)",
            language,
            now - timedelta(hours=1),
        )
        window = await maintenance.schedule(
            tx,
            starts_at=datetime(2030, 3, 3, 2, tzinfo=UTC),
            ends_at=datetime(2030, 3, 3, 6, tzinfo=UTC),
            title=maintenance.TITLE,
            body=maintenance.BODY,
            now=now,
        )
        await maintenance.announce(tx, now=now)
        incident = await service.declare(tx, title="Cards are declined", severity="P2", by=BY, now=now)
        slow = next(one for one in templates.TEMPLATES if one.key == "slow")
        for ready in (slow.body, "Written by hand."):
            await service.publish(tx, incident_id=incident.id, status=slow.status, body=ready, by=BY, now=now)

    async def told() -> list[tuple[str, str]]:
        async with db.transaction() as tx:
            await subscriptions.note_events(tx, now=now)
            while await subscriptions.tell_some(tx, now=now, say=said):
                pass
            return [(one.data["title"], one.data["body"]) for one in await outbox.list_messages(tx)]

    found = dict(await told())
    assert found[title].startswith(body)
    assert {said(slow.body, language), "Written by hand."} == {
        one for name, one in await told() if name == "Cards are declined"
    }
    async with db.transaction() as tx:
        shown = await maintenance.find(tx, window)
        await maintenance.cancel(tx, window_id=window, version=shown.version, now=now)
    assert f"{title} · {off}" in dict(await told())
