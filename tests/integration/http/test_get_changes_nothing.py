"""A GET changes nothing: every one of the API, the site and the panel is sent, by everybody who may, and no
row is other than before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from litestar.routes import HTTPRoute

from hotel_booking.app import Application
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from tests.clients.addresses import address
from tests.clients.http_client import (
    api_key,
    bearer,
    client_of,
    running,
    settings_for,
)
from tests.clients.staff_client import SAME_ORIGIN, signed_in
from tests.doubles.stripe import StripeDouble
from tests.factories.paying import hotel as hotel
from tests.factories.paying import one, sound, stripe_settings
from tests.factories.paying import stripe as stripe
from tests.integration.panel.test_panel_matrix import world
from tests.integration.site.test_checkout import held

# Whatever is written, by whatever way, leaves a line here.
_WATCH = """
CREATE TABLE watched (relation text, act text, origin text);
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO watched VALUES (TG_TABLE_NAME, TG_OP, current_setting('hotel.origin', true));
    RETURN NULL;
END $$;
DO $$
DECLARE v_table text;
BEGIN
    FOR v_table IN SELECT relname FROM pg_class
        WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND relname <> 'watched'
    LOOP
        EXECUTE format('CREATE TRIGGER watched AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW'
                       ' EXECUTE FUNCTION watch()', v_table);
    END LOOP;
END $$;
"""


# When somebody was last seen, once a minute, by themselves; and that a key reads a list, once a day.
_LAST_SEEN = {"UPDATE api_key", "UPDATE staff_session", "UPDATE guest_session"}
_NOTED = ("/bookings", "/booking-changes", "/account-lines", "/desk-takings")


def every_get(app: Application) -> Iterator[HTTPRoute]:
    """Every route that answers a GET; the site's are walked in one language, for their handlers are the
    same in all."""
    for route in app.routes:
        if isinstance(route, HTTPRoute) and "GET" in route.methods:
            yield route


async def seen(db: Database) -> list[str]:
    async with db.transaction() as tx:
        rows = await tx.fetch("SELECT DISTINCT act || ' ' || relation AS what FROM watched ORDER BY 1")
        await tx.execute("DELETE FROM watched")
    return [row["what"] for row in rows]


async def test_no_get_changes_a_row(chain: Database, chain_url: str) -> None:
    samples, _ = await world(chain)
    day = (utc_now() + timedelta(days=20)).date()
    stay = urlencode({"arrival": day, "departure": day + timedelta(days=2), "adults": 2})
    wrong: list[str] = []
    async with running(settings_for(chain_url, mfa_required=False, environment="demo")) as (app, stranger):
        key = await api_key(chain)
        async with client_of(app) as partner, signed_in(app, chain, (Role.OWNER, None)) as owner:
            partner.headers.update(bearer(key))
            # What comes of being somebody for the first time is not what the pages do.
            for client in (partner, owner, stranger):
                await client.get("/api/v1/properties")
                await client.get("/admin/today")
            async with chain.transaction() as tx:
                await tx.execute(_WATCH)
            for route in every_get(app):
                path = address(route, samples)
                for name, client in (("owner", owner), ("key", partner), ("stranger", stranger)):
                    for query in ("", f"?{stay}&q=lis"):
                        answer = await client.get(path + query)
                        assert answer.status_code < 500, (path + query, answer.text[:500])
                        changes = set(await seen(chain)) - _LAST_SEEN
                        if name == "key" and path.startswith("/api/v1/properties/") and path.endswith(_NOTED):
                            changes -= {"INSERT audit_entry"}
                        if changes:
                            wrong.append(f"GET {path}{query} by {name}: {changes}")
    assert wrong == []


@pytest.mark.parametrize("hosted", [True, False])
async def test_coming_back_from_the_bank_is_settled_by_a_post(
    hotel: Database, database_url: str, stripe: StripeDouble, hosted: bool
) -> None:
    """Stripe's return URL: looking shows that the bank is asked; its form settles it, as its sender."""
    settings = stripe_settings(database_url, stripe)
    async with running(settings) as (_, client):
        client.headers.update(SAME_ORIGIN)
        pay = await held(client, language="en")
        form = {"method": "card", "expected": "18000"} | ({"hosted": "true"} if hosted else {})
        sent = await client.post(pay, data=form)
        assert sent.status_code == 303
        payment = await one(hotel, "SELECT id FROM payment")
        if hosted:
            stripe.complete(sent.headers["location"].rsplit("/", 1)[-1])
        else:
            stripe.complete(stripe.intents(payment)[0]["id"])
        async with hotel.transaction() as tx:
            await tx.execute(_WATCH)
        back = pay.removesuffix("/pay") + "/payment"
        page = await client.get(back + "?payment_intent=pi_x&redirect_status=succeeded")
        assert page.status_code == 200
        assert await seen(hotel) == []
        assert await one(hotel, "SELECT status FROM booking") == "held"
        action = re.search(r'<form method="post" action="([^"]+)" data-goes-on', page.text)
        assert action is not None
        done = await client.post(action[1].replace("&amp;", "&"))
        assert (done.status_code, done.headers["location"].partition("?")[0]) == (
            303,
            pay.removesuffix("/pay"),
        )
        assert await one(hotel, "SELECT status FROM booking") == "confirmed"
        assert await one(hotel, "SELECT count(*) FROM watched WHERE origin IS NULL OR origin = ''") == 0
        last = "SELECT actor_kind FROM audit_entry WHERE object_kind = 'payment' ORDER BY id DESC LIMIT 1"
        assert await one(hotel, last) == "anonymous"
        again = await client.post(action[1].replace("&amp;", "&"))
        assert again.status_code == 303
        assert await one(hotel, "SELECT sum(amount) FROM ledger_entry") == 18_000
    await sound(hotel)
